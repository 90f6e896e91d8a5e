"""What the probe says of machines that do not allow namespaces."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from kb_tests.localcloud.netns.probe import probe

ASK = "from kb_tests.localcloud.netns.probe import probe; {}; print(probe())"
AS_NOBODY = "import os; os.setgroups([]); os.setresgid(*[65534] * 3); os.setresuid(*[65534] * 3)"
"""Once all is read: a checkout may lie where nobody else may look."""


def probed(*launcher: str, before: str = "", path: str = os.environ["PATH"]) -> str:
    """The probe's sentence when it is run by `launcher`, `before` it is asked."""
    result = subprocess.run(
        [*launcher, sys.executable, "-c", ASK.format(before or "pass")],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": path, "USER": "nobody", "LANG": "C.UTF-8"},
    )
    return result.stdout.strip()


def test_this_machine_will_do() -> None:
    assert probe() is None


@pytest.mark.root_only("rights to take away")
def test_rights_that_are_missing_are_named() -> None:
    assert "CAP_SYS_ADMIN" in probed("setpriv", "--bounding-set=-sys_admin")
    nobody = probed(before=AS_NOBODY)
    assert nobody.startswith("The user nobody has no subordinate ids: root gives some by `usermod")
