"""Packed buckets are what they were, and add up, however large."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from kb_tests.fleet.packed import MOST, added, pack, unpack
from kb_tests.fleet.storage.messages import KeptIoSecond
from tests.unit.measure import io_reports

buckets = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 1000) | st.integers(0, MOST)), max_size=200)


@given(buckets)
def test_what_is_packed_comes_back(found: list[tuple[int, int]]) -> None:
    assert list(unpack(pack(found))) == found


@given(st.lists(buckets, max_size=4))
def test_parts_add_up(parts: list[list[tuple[int, int]]]) -> None:
    total: Counter[int] = Counter()
    for part in parts:
        for bucket, count in part:
            total[bucket] += count
    assert added(map(pack, parts)) == {bucket: total[bucket] for bucket in sorted(total) if total[bucket]}


def test_a_count_that_no_server_reaches_is_the_largest_that_is_kept() -> None:
    assert list(unpack(pack([(3, 1 << 53), (4, 1)]))) == [(3, MOST), (4, 1)]


def test_a_second_of_storage_is_small_and_whole() -> None:
    report = io_reports.sent(7, 100, 20)
    kept = KeptIoSecond.of(report)
    assert (kept.index, kept.begin, kept.end, kept.errors) == (7, 7.0, 8.0, 0)
    for part, sent in ((kept.read, report.read), (kept.write, report.write)):
        assert (part.ios, part.bytes, list(unpack(part.packed))) == (sent.ios, sent.bytes, sent.buckets)
    assert len(kept.reads) <= 16 + 5 * len(report.read.buckets)
