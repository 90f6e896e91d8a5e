"""A ProxyCommand that cannot run is refused before anything is staged."""

from __future__ import annotations

import pytest

from kb_tests.errors import ScenarioError
from kb_tests.fleet.proxy_command import check


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("nowhere-ssh -W %h:%p bastion", "there is no program 'nowhere-ssh' here. Install it"),
        ("ssh -W '%h", "is no command: No closing quotation"),
        (" ", "is no command"),
    ],
)
def test_what_cannot_run(command: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        check(command)


@pytest.mark.parametrize("command", ["", "sh -c 'exec nc %h %p'", "/bin/sh"])
def test_what_can(command: str) -> None:
    check(command)
