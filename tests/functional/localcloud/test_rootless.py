"""A part of these tests as an ordinary user, when root runs them; `python -m tests.rootless` runs them all.

Run by an ordinary user, the other modules are rootless by themselves.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import SESSION

HERE = Path(__file__).parent.relative_to(Path(__file__).parents[3])
CHOSEN = (
    "test_netns_servers.py::test_daemons_outlive_the_script_and_low_ports_can_be_bound",
    "test_netns_isolation.py::test_a_server_cannot_change_its_host",
    "test_netns_volumes.py::test_a_volume_is_filled_and_found_by_its_id",
    "test_netns_cleanup.py::test_kill_9[both]",
    "test_whole_cloud.py::test_a_server_answers_until_its_group_forbids",
)


def rootless(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Pytest as an ordinary user."""
    return subprocess.run(
        [sys.executable, "-m", "tests.rootless", "-q", *arguments],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=SESSION,
        check=False,
    )


@pytest.mark.root_only("becoming an ordinary user")
def test_an_ordinary_user_can_do_the_same() -> None:
    result = rootless(*(f"{HERE}/{test}" for test in CHOSEN))
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr
    assert f"{len(CHOSEN)} passed" in result.stdout
