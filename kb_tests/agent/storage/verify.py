"""Reading back what a fio job has written: a volume that loses or changes data tells nobody.

fio puts a header and an MD5 into every block that it writes (`verify=md5`, `do_verify=0`: it reads nothing
back itself), and logs which writes were acknowledged, at which offset. When it has ended, the agent reads
these blocks past the page cache. Each has to be whole, made for its offset, and of the last write to it.

Which write a block is of, its number says: fio counts the writes of a job. The log has them in the order in
which they ended, to 1 ms, so that a number is known to as many as were issued around it. fio up to 3.40 keeps
it modulo 65,536, which is why scenarios may write no more in a job. A block of an earlier job has its header
elsewhere, since each job puts it into another place (`verify_offset`).

Source: fio's verify.h and verify.c; later versions mark the header, and keep the whole number.
"""

from __future__ import annotations

import hashlib
import itertools
import mmap
import os
import queue
import random
import struct
import threading
import time
from array import array
from bisect import bisect_left, bisect_right
from typing import Any, Callable, Collection, Dict, Iterable, Iterator, List, NamedTuple, Sequence, Tuple

from .options import StorageError
from .wait import Waiter

ROOM = 64
"""Bytes of a header and its MD5 at the most."""

_STEP = 8
_MAGIC = 0xACCA
_VERSIONED = 0x80
_MD5 = 16
_COUNTED = 1 << 16

_OLD = struct.Struct("=HxxIxxxxxxxxQxxxxxxxxxxHI")
_NEW = struct.Struct("=HxxIxxxxxxxxQxxxxxxxxQxxxxI")
"""A header: magic, length, offset, number, checksum."""
_MS = 1_000_000
_NEAR = 3 * _MS
_MOST_AT_ONCE = 1 << 20
_READERS = 8
_TELL = 1.0

_places = itertools.count(random.randrange(1 << 16))  # noqa: S311 -- not a secret


def place(block_size: int) -> int:
    """Where in a block the next job has its header: at another byte than the jobs before it."""
    return ROOM + _STEP * (next(_places) % ((block_size - 2 * ROOM) // _STEP + 1))


def options(header_at: int) -> Dict[str, object]:
    """What fio is told."""
    return {
        "verify": "md5",
        "do_verify": 0,
        "verify_state_save": 0,
        "verify_offset": header_at,
        "log_offset": 1,
    }


Numbers = List[Tuple[int, int]]
"""Those of the writes that a block may be of: [(lowest, highest), ...]."""


class Found(NamedTuple):
    """`written` blocks were acknowledged; of the `read` ones, `wrong` are not what was written, or for
    another offset, and `old` are of an earlier write. `unread` could not be read. `first` is the offset of
    the first bad one, -1 if there is none.
    """

    written: int
    read: int
    wrong: int
    old: int
    unread: int
    first: int
    seconds: float


def acknowledged(logs: Iterable[Iterable[str]], failed: Collection[int]) -> Dict[int, Numbers]:
    """What each block that was written has to hold, by its offset; logs of one job each.

    Blocks of which a write `failed`, by their offsets, are left out: nobody knows what they hold. Raises
    ValueError for a line that is none.
    """
    found: Dict[int, Numbers] = {}
    for lines in logs:
        found.update(_of_job(lines, failed))
    return found


def _of_job(lines: Iterable[str], failed: Collection[int]) -> Iterator[Tuple[int, Numbers]]:
    ends, issues, offsets = array("q"), array("q"), array("q")
    for line in lines:
        ended, latency, direction, _, at = (int(field) for field in line.split(",", 5)[:5])
        if direction == 1:
            ends.append(ended * _MS)
            issues.append(ended * _MS - max(0, latency))
            offsets.append(at)
    order = sorted(range(len(issues)), key=issues.__getitem__)
    begun = array("q", (issues[one] for one in order))
    last: Dict[int, int] = {}
    rivals: Dict[int, List[int]] = {}
    for turn, one in enumerate(order):
        offset = offsets[one]
        if offset in last:
            before = [*rivals.pop(offset, []), last[offset]]
            under_way = [other for other in before if ends[order[other]] + _NEAR >= begun[turn]]
            if under_way:  # any of them may have come last
                rivals[offset] = under_way
        last[offset] = turn
    for offset, turn in last.items():
        if offset not in failed:
            turns = [*rivals.get(offset, []), turn]
            yield offset, [_numbers(begun, other, len(failed)) for other in turns]


def _numbers(begun: Sequence[int], turn: int, unsure: int) -> Tuple[int, int]:
    """The numbers that a write may have: those of all that were issued about when it was."""
    at = begun[turn]
    return bisect_left(begun, at - _NEAR), bisect_right(begun, at + _NEAR) - 1 + unsure


def judged(block: bytes, offset: int, numbers: Numbers, header_at: int) -> str:
    """Whether a block is "good", "old" (whole, but of an earlier write) or "wrong"."""
    layout = _NEW if block[header_at + 2] & _VERSIONED else _OLD
    size = layout.size + _MD5
    header = block[header_at : header_at + size]
    body = block[size:header_at] + block[:size] + block[header_at + size :]
    magic, length, made_for, number, _ = layout.unpack_from(header)
    if (magic, length, made_for) != (_MAGIC, len(block), offset):
        return "wrong"
    if hashlib.md5(body, usedforsecurity=False).digest() != header[layout.size :]:
        return "wrong"
    good = any((number - low) % _COUNTED <= high - low for low, high in numbers)
    return "good" if good else "old"


class Reader:
    """Reads back, past the page cache, blocks of `block_size` bytes of the file or device at `path`.

    Raises StorageError where it cannot be opened so.
    """

    def __init__(self, path: str, block_size: int, header_at: int, blocks: Dict[int, Numbers]) -> None:
        self._block_size = block_size
        self._header_at = header_at
        self._blocks = blocks
        self._parts: "queue.SimpleQueue[Tuple[int, int]]" = queue.SimpleQueue()
        self._stopped = False
        self._lock = threading.Lock()
        self._under_way: Dict[int, Tuple[int, int]] = {}
        self._counts = {"good": 0, "wrong": 0, "old": 0, "unread": 0}
        self._bad: List[int] = []
        self._began = self._told = time.monotonic()
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_DIRECT)
        except OSError as error:
            raise StorageError(f"{path} cannot be read past the page cache: {error.strerror}.") from error
        parts = list(_extents(sorted(blocks), block_size))
        random.shuffle(parts)  # what there is no time for is any of them
        for part in parts:
            self._parts.put(part)

    def read(self, seconds: float, drain: float, wait: Waiter, tell: Callable[[int, int], None]) -> Found:
        """Read for so many seconds, and wait so long for the last reads: what hangs for longer is unread.

        `tell` gets how many blocks were read, of how many, about every second.
        """
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(_READERS)]
        for thread in threads:
            thread.start()
        end = self._began + seconds
        while any(thread.is_alive() for thread in threads) and time.monotonic() < end + drain:
            wait.until(min(time.monotonic() + _TELL / 4, end + drain))
            self._stopped = time.monotonic() >= end
            self._tell(tell)
        self._stopped = True
        return self._found()

    def _tell(self, tell: Callable[[int, int], None]) -> None:
        now = time.monotonic()
        if now - self._told >= _TELL:
            self._told = now
            tell(sum(self._counts.values()), len(self._blocks))

    def _found(self) -> Found:
        with self._lock:
            hanging = [
                offset
                for begin, length in self._under_way.values()
                for offset in range(begin, begin + length, self._block_size)
            ]
            counts = self._counts
            return Found(
                written=len(self._blocks),
                read=counts["good"] + counts["wrong"] + counts["old"],
                wrong=counts["wrong"],
                old=counts["old"],
                unread=counts["unread"] + len(hanging),
                first=min([*self._bad, *hanging], default=-1),
                seconds=time.monotonic() - self._began,
            )

    def _work(self) -> None:
        """One thread; its buffer is aligned as O_DIRECT wants it."""
        me = threading.get_ident()
        with mmap.mmap(-1, max(_MOST_AT_ONCE, self._block_size)) as buffer:
            while not self._stopped:
                try:
                    offset, length = self._parts.get_nowait()
                except queue.Empty:
                    return
                with self._lock:
                    self._under_way[me] = offset, length
                found = self._judge(buffer, offset, length)
                with self._lock:
                    del self._under_way[me]
                    for at, what in found.items():
                        self._counts[what] += 1
                        if what != "good":
                            self._bad = [min([at, *self._bad])]

    def _judge(self, buffer: mmap.mmap, offset: int, length: int) -> Dict[int, str]:
        """What became of each block of a part; one by one where they cannot be read together."""
        size = self._block_size
        offsets = range(offset, offset + length, size)
        with memoryview(buffer) as view, view[:length] as wanted:
            try:
                got = os.preadv(self._file, [wanted], offset)
            except OSError:
                got = 0
        if got < length and length > size:
            return {at: self._judge(buffer, at, size)[at] for at in offsets}
        if got < length:
            return {offset: "unread"}
        data = buffer[:length]
        return {
            at: judged(data[at - offset : at - offset + size], at, self._blocks[at], self._header_at)
            for at in offsets
        }


def _extents(offsets: Sequence[int], block_size: int) -> Iterator[Tuple[int, int]]:
    """Neighbouring blocks as (offset, length), none longer than what is read at once."""
    begin, length = -1, 0
    for offset in offsets:
        if length and offset == begin + length and length + block_size <= _MOST_AT_ONCE:
            length += block_size
            continue
        if length:
            yield begin, length
        begin, length = offset, block_size
    if length:
        yield begin, length


def wire(found: Found) -> Dict[str, Any]:
    """As it travels."""
    return {**found._asdict(), "seconds": round(found.seconds, 4)}
