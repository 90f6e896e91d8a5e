"""The processes inside the servers of a local cloud: agents, nginx, Redis and sshd of the run on it."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

from tests.campaign import outside

_CONFIG = "var/lib/kb-agent/config.json"


class Plane:
    """Looks anew at every call. Where something is not there, its list is empty."""

    def __init__(self, cloud_pid: int) -> None:
        self._cloud = cloud_pid

    def agents(self, role: str) -> list[int]:
        """The agents' main processes in the servers of `role`."""
        found = outside.tree(self._cloud)
        agents = [pid for pid, argv in found.items() if "agent/__main__.py" in argv]
        return [pid for pid in agents if parent(pid) not in agents and _config(pid).get("role") == role]

    def workers(self) -> list[int]:
        """The generators' worker processes; there are some while a point is prepared or runs."""
        agents = set(self.agents("client"))
        return [pid for pid in outside.tree(self._cloud) if parent(pid) in agents]

    def named(self, word: str) -> list[int]:
        """Processes whose first argument has this word: `nginx`, `redis-server`, `sshd`."""
        return [pid for pid, argv in outside.tree(self._cloud).items() if word in argv[0]]

    def fio(self) -> list[int]:
        """All processes of the fio that makes a point's load."""
        return [
            pid
            for pid, argv in outside.tree(self._cloud).items()
            if argv[0].endswith("fio") and "--name=kb" in argv
        ]

    def ssh_sessions(self) -> list[int]:
        """What sshd started for those who signed in."""
        return [
            pid
            for pid, argv in outside.tree(self._cloud).items()
            if argv[0] in ("sshd: kb [priv]", "sshd: kb")
        ]

    def control_password(self) -> tuple[int, dict[str, str]]:
        """A generator's agent, and what it was told: how it signs in to Redis."""
        pid = self.agents("client")[0]
        return pid, _config(pid)


def parent(pid: int) -> int:
    """The parent's pid, 0 if there is no such process."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def tell(pids: list[int], number: signal.Signals) -> bool:
    """Send a signal to each; whether there was anybody."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    return bool(pids)


def _config(pid: int) -> dict[str, str]:
    try:
        config: dict[str, str] = json.loads(Path(f"/proc/{pid}/root/{_CONFIG}").read_text())
    except (OSError, ValueError):
        return {}
    return config
