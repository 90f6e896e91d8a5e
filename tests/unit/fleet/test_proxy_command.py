"""A ProxyCommand that cannot run is refused before anything is staged."""

from __future__ import annotations

import pytest

from kb_tests.errors import ScenarioError
from kb_tests.fleet.proxy_command import check, filled


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


@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::7", "::1", "proxy-1.example"])
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("ssh -W %h:%p user@bastion", ["ssh", "-W", "{}:22", "user@bastion"]),
        ("sh -c 'exec nc %h %p'", ["sh", "-c", "exec nc {} 22"]),
        ("echo %%h 100%% %r%h", ["echo", "%h", "100%", "kb{}"]),
    ],
)
def test_what_is_filled_in(command: str, words: list[str], address: str) -> None:
    assert filled(command, address, 22, "kb") == [word.format(address) for word in words]


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1 -oProxyCommand=touch",
        "-oProxyCommand=touch",
        "$(touch x)",
        "'",
        "a;b",
        "%p",
        "a\tb",
        "a\n",
        "",
    ],
)
@pytest.mark.parametrize("command", ["ssh -W %h:%p user@bastion", "sh -c 'exec nc %h %p'", "nc %h %p"])
def test_what_a_cloud_calls_an_address_becomes_no_option_and_no_script(command: str, address: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        filled(command, address, 22, "kb")
