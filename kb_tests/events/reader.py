"""Follows the event files of a session, whoever writes them, while they grow and afterwards.

Files are untrusted: lines that are damaged, too long or of an unknown kind are passed over and counted.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kb_tests.events.lines import LONGEST, Line, decode
from kb_tests.events.sessions import Session, opened

CHUNK = 1 << 20
"""Bytes read of a file at a time."""


class Read(NamedTuple):
    """A line, and the process that wrote it: "main", or a worker such as "gw0"."""

    line: Line
    process: str


class _File:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.skipped = 0
        self._rest = b""
        self._too_long = False

    def lines(self) -> Iterator[Line]:
        """The whole lines that came since the last call, at most `CHUNK` bytes of them."""
        try:
            with opened(self.path) as file:
                file.seek(self.offset)
                found = file.read(CHUNK)
        except OSError:
            return
        self.offset += len(found)
        *whole, rest = (self._rest + found).split(b"\n")
        for text in whole:
            line = None if self._too_long else decode(text)
            self._too_long = False
            if line is not None:
                yield line
            else:
                self.skipped += 1
        self._too_long = self._too_long or len(rest) > LONGEST
        self._rest = b"" if self._too_long else rest


def _numbered(index: int, file: _File) -> Iterator[tuple[float, int, int, Read]]:
    """The new lines of a file, with what they are ordered by."""
    for line in file.lines():
        yield line.t, index, line.n, Read(line, file.path.stem)


class Follower:
    """All event files of one session, as one stream."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._files: dict[Path, _File] = {}

    @property
    def skipped(self) -> int:
        """Lines that were passed over."""
        return sum(file.skipped for file in self._files.values())

    def poll(self) -> list[Read]:
        """What came since the last call, by time; empty if nothing did.

        Between two files the order is that of their clocks, which is one: they are on one machine. What comes
        late of one file does not wait for the others.
        """
        for path in self._session.files():
            self._files.setdefault(path, _File(path))
        streams = [_numbered(index, file) for index, file in enumerate(self._files.values())]
        return [read for *_, read in heapq.merge(*streams, key=lambda entry: entry[:3])]

    def rest(self) -> Iterator[Read]:
        """All that is there, from where it stands now on."""
        while found := self.poll():
            yield from found
