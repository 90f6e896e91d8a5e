"""The kernel's one limit on ARP entries, which all network namespaces share.

Where many servers talk to one, each pair costs two entries; beyond the limit (1,024 on most systems)
connecting fails with "no buffer space available". Only the host's own namespace can move it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_FOLDER = Path("/proc/sys/net/ipv4/neigh/default")
_PER_PORT = 8
"""Entries to expect for a port: its peers', and its own with them, with room to spare."""


class NeighbourLimit:
    """Raised by root as long as there are many ports, put back afterwards."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._files = (folder / "gc_thresh3", folder / "gc_thresh2")  # the hard limit first: 2 is below 3
        self._before: dict[Path, str] = {}
        self._now: dict[Path, str] = {}

    @property
    def entries(self) -> int | None:
        """The limit; None where it cannot be read."""
        with suppress(OSError, ValueError):
            return int(self._files[0].read_text())
        return None

    def make_room(self, ports: int) -> bool:
        """Have room for this many ports, if we may; whether the limit was raised for that."""
        entries = self.entries
        if os.geteuid() != 0 or entries is None or ports * _PER_PORT <= entries:
            return False
        wanted = str(2 * ports * _PER_PORT)
        for file in self._files:
            with suppress(OSError):
                self._before.setdefault(file, file.read_text())
                file.write_text(wanted)
                self._now[file] = wanted
        return bool(self._now)

    @contextmanager
    def changed(self) -> Iterator[list[tuple[int, str, str]]]:
        """The files that were changed, open for reading and writing meanwhile: descriptor, what is in it now,
        and what was in it before.
        """
        with ExitStack() as stack:
            yield [
                (stack.enter_context(file.open("r+")).fileno(), now, self._before[file])
                for file, now in reversed(self._now.items())
            ]

    def restore(self) -> None:
        """Put the limit back, unless somebody else has changed it meanwhile."""
        for file in reversed(self._files):
            with suppress(OSError):
                if file in self._now and file.read_text().strip() == self._now[file]:
                    file.write_text(self._before[file])
        self._before.clear()
        self._now.clear()


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
