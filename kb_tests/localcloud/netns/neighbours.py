"""The kernel's one limit on ARP entries, which all network namespaces share.

Where many servers talk to one, each pair costs two entries; beyond the limit (1,024 on most systems)
connecting fails with "no buffer space available". Only the host's own namespace can move it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path("/proc/sys/net/ipv4/neigh/default")
_PER_PORT = 8
"""Entries to expect for a port: its peers', and its own with them, with room to spare."""


class Change(NamedTuple):
    """One file of the limit that was raised: what is in it now, and what was before the first time."""

    file: Path
    now: str
    before: str


class NeighbourLimit:
    """Raised by root as long as there are many ports."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._files = (folder / "gc_thresh3", folder / "gc_thresh2")  # the hard limit first: 2 is below 3
        self._before: dict[Path, str] = {}

    @property
    def entries(self) -> int | None:
        """The limit; None where it cannot be read."""
        with suppress(OSError, ValueError):
            return int(self._files[0].read_text())
        return None

    def make_room(self, ports: int) -> list[Change]:
        """Have room for this many ports, if we may; what is to be put back, in that order."""
        entries = self.entries
        if os.geteuid() != 0 or entries is None or ports * _PER_PORT <= entries:
            return []
        wanted = str(2 * ports * _PER_PORT)
        changes = []
        for file in self._files:
            with suppress(OSError):
                before = self._before.setdefault(file, file.read_text().strip())
                file.write_text(wanted)
                changes.append(Change(file, wanted, before))
        return changes[::-1]


def note(limit: NeighbourLimit) -> str:
    """The sentence that a report has to carry."""
    if os.geteuid() == 0:
        return (
            "the host's limit of ARP entries (net.ipv4.neigh.default.gc_thresh3) is raised while there are "
            "many servers"
        )
    most = (limit.entries or 0) // 4
    return (
        f"beyond about {most} servers connections may fail for want of ARP entries: root can raise "
        "net.ipv4.neigh.default.gc_thresh2 and gc_thresh3"
    )
