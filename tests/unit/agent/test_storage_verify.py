"""What was written is judged block by block: whole, for its offset, and of the last write."""

from __future__ import annotations

import hashlib
import os
import random
import struct
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from kb_tests.agent.storage import verify
from kb_tests.agent.storage.wait import Waiter

LAYOUTS = {"to 3.40": (struct.Struct("<HHIQQIIHHI"), False), "later": (struct.Struct("<HBBIQQIIQHxxI"), True)}
PLACE = 128


def written(offset: int, number: int, layout: str = "to 3.40", size: int = 4096, place: int = PLACE) -> bytes:
    """A block as fio writes it."""
    fields, versioned = LAYOUTS[layout]
    body = random.randbytes(size - fields.size - 16)
    first: tuple[int, ...] = (0xACCA, 0x81, 2) if versioned else (0xACCA, 2)
    last = (number, 1, 7) if versioned else (1, number & 0xFFFF, 7)
    header = fields.pack(*first, size, 99, offset, 5, 6, *last) + hashlib.md5(body).digest()
    block = bytearray(header + body)
    length = len(header)
    block[:length], block[place : place + length] = block[place : place + length], block[:length]
    return bytes(block)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("size", "place"), [(4096, PLACE), (4096, 64), (512, 448)])
def test_a_block_is_known_by_its_header(layout: str, size: int, place: int) -> None:
    block = written(8192, 70_007, layout, size, place)
    numbers = [(70_000, 70_010)]
    assert verify.judged(block, 8192, numbers, place) == "good"
    assert verify.judged(block, 4096, numbers, place) == "wrong"
    assert verify.judged(block, 8192, [(60_000, 60_010)], place) == "old"
    assert verify.judged(block, 8192, [(60_000, 60_010), *numbers], place) == "good"
    assert verify.judged(bytes(size), 8192, numbers, place) == "wrong"
    elsewhere = place + 8 if place + 8 + verify.ROOM <= size else place - 8
    assert verify.judged(block, 8192, numbers, elsewhere) == "wrong"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_single_byte_that_changed_is_found(layout: str) -> None:
    """All bytes but those that fio says nothing with: its seed, its clock, the number of the job, a sum."""
    block = bytearray(written(0, 3, layout))
    passed = []
    for at in range(len(block)):
        block[at] ^= 0x40
        if verify.judged(bytes(block), 0, [(0, 5)], PLACE) == "good":
            passed.append(at - PLACE)
        block[at] ^= 0x40
    assert all(2 <= at < 48 for at in passed)
    assert not {0, 1, *range(4, 8), *range(16, 24)} & {*passed}


def test_places_differ_from_job_to_job() -> None:
    for size in (512, 4096, 1 << 20):
        places = [verify.place(size) for _ in range(49)]
        assert len(set(places)) == 49
        assert all(verify.ROOM <= place <= size - verify.ROOM for place in places)


def log(*writes: tuple[float, float, int], direction: int = 1) -> list[str]:
    """Lines of fio's log for writes from one second to another, at an offset; in the order of their ends."""
    ordered = sorted(writes, key=lambda write: write[1])
    return [
        f"{int(end * 1000)}, {round((end - begin) * 1e9)}, {direction}, 4096, {at}, 0\n"
        for begin, end, at in ordered
    ]


def test_the_last_write_to_a_block_counts() -> None:
    writes = [(at * 0.01, at * 0.01 + 0.001, at % 5 * 4096) for at in range(20)]
    found = verify.acknowledged([log(*writes)], ())
    assert list(found) == [0, 4096, 8192, 12288, 16384]
    for offset, ((low, high),) in found.items():
        assert low <= 15 + offset // 4096 <= high
        assert high - low <= 2


def test_of_writes_under_way_at_the_same_time_any_may_have_come_last() -> None:
    """The second ended first; the fourth began when all were done; another job has numbers of its own."""
    first = [(0.00, 0.20, 0), (0.05, 0.10, 0)]
    ((one, other),) = verify.acknowledged([log(*first)], ()).values()
    assert (one, other) == ((0, 0), (1, 1))
    later = [*first, (0.15, 0.30, 0), (0.50, 0.51, 0)]
    assert verify.acknowledged([log(*later), log((0.0, 0.1, 4096))], ()) == {0: [(3, 3)], 4096: [(0, 0)]}


def test_reads_are_no_writes_and_a_failed_one_leaves_its_block_unknown() -> None:
    """A write that failed is in no log, but has a number."""
    lines = [*log((0.1, 0.2, 4096), direction=0), *log((0.1, 0.2, 0), (0.3, 0.4, 8192))]
    assert verify.acknowledged([lines], {0}) == {8192: [(1, 2)]}
    with pytest.raises(ValueError, match="not enough values"):
        verify.acknowledged([["12, 13\n"]], ())


def reader(path: Path, blocks: Sequence[int]) -> verify.Reader:
    return verify.Reader(str(path), 4096, PLACE, {at * 4096: [(at, at)] for at in blocks})


def test_what_is_bad_is_counted_by_kind_and_the_first_is_told(tmp_path: Path) -> None:
    path = tmp_path / "blocks"
    content = [written(at * 4096, at) for at in range(600)]
    content[3] = bytes(4096)
    content[500] = written(500 * 4096, 7)
    path.write_bytes(b"".join(content))
    told: list[tuple[int, int]] = []
    found = reader(path, [*range(300), *range(400, 601)]).read(
        60.0, 1.0, Waiter(None), lambda *a: told.append(a)
    )
    assert found[:6] == (501, 500, 1, 1, 1, 3 * 4096)  # nothing lies at the last one


def test_reading_ends_in_time_and_what_hangs_is_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "blocks"
    path.write_bytes(b"".join(written(at * 4096, at) for at in range(64)))
    true, over = os.preadv, threading.Event()

    def hanging(file: int, buffers: Sequence[memoryview], offset: int) -> int:
        if offset == 10 * 4096:
            over.wait()
        return true(file, list(buffers), offset)

    monkeypatch.setattr(os, "preadv", hanging)
    found = reader(path, range(0, 64, 2)).read(1.0, 0.2, Waiter(None), lambda *_: None)
    over.set()
    assert (found.written, found.read, found.unread, found.first) == (32, 31, 1, 10 * 4096)
