"""The same tests as an ordinary user, when root runs the suite.

Run by an ordinary user, the other modules are rootless by themselves.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MODULES = ("servers", "cleanup", "isolation", "volumes")


def ordinary_user() -> pwd.struct_passwd | None:
    """Somebody with subordinate ids who can read this checkout and its Python."""
    subordinate = Path("/etc/subuid")
    for line in subordinate.read_text().splitlines() if subordinate.exists() else ():
        try:
            user = pwd.getpwnam(line.partition(":")[0])
        except KeyError:
            continue
        if user.pw_uid != 0 and as_user(user, "-c", "import kb_tests, pytest").returncode == 0:
            return user
    return None


def as_user(user: pwd.struct_passwd, *arguments: str) -> subprocess.CompletedProcess[str]:
    """This Python, run by somebody else in the checkout."""
    return subprocess.run(
        [
            *("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups"),
            *(sys.executable, *arguments),
        ],
        cwd=HERE.parents[2],
        env={"PATH": os.environ["PATH"], "HOME": user.pw_dir, "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="this is not root: the other modules are rootless already")
def test_an_ordinary_user_can_do_the_same() -> None:
    user = ordinary_user()
    if user is None:
        pytest.skip("there is no ordinary user here with subordinate ids who can read this checkout")
    files = [str(HERE / f"test_netns_{module}.py") for module in MODULES]
    result = as_user(user, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files)
    assert result.returncode == 0, result.stdout[-5000:]
    assert "passed" in result.stdout
