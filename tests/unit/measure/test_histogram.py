"""The histogram agrees with HdrHistogram's own implementation, and survives whatever an agent sends."""

from __future__ import annotations

import base64
import math
import struct
import zlib

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.measure.histogram import HIGHEST, Histogram, Stacked

MICROSECONDS = st.lists(st.integers(0, HIGHEST), max_size=60)


def reference(values: list[int]) -> HdrHistogram:
    made = HdrHistogram(1, HIGHEST, 3)
    for value in values:
        made.record_value(value)
    return made


def seconds(values: list[int]) -> list[float]:
    return [value * 1e-6 for value in values]


@settings(max_examples=25, deadline=None)
@given(MICROSECONDS)
def test_reads_and_writes_what_hdrhistogram_writes_and_reads(values: list[int]) -> None:
    ours = Histogram.of(seconds(values))
    theirs = reference(values)
    assert Histogram.decode(theirs.encode()) == ours
    assert HdrHistogram.decode(ours.encode()).get_total_count() == len(values)
    assert Histogram.decode(ours.encode()) == ours
    if values:
        assert ours.max == pytest.approx(theirs.get_max_value() * 1e-6)
        assert ours.mean == pytest.approx(theirs.get_mean_value() * 1e-6, rel=1e-3, abs=1e-6)
        assert ours.min == pytest.approx(min(values) * 1e-6, rel=1e-3)


@settings(deadline=None)
@given(MICROSECONDS, MICROSECONDS)
def test_merging_is_the_same_as_counting_together(left: list[int], right: list[int]) -> None:
    merged = Histogram.merged([Histogram.of(seconds(left)), Histogram.of(seconds(right))])
    assert merged == Histogram.of(seconds(left + right))


@settings(deadline=None)
@given(
    st.lists(st.integers(0, HIGHEST), min_size=1, max_size=60),
    st.floats(0, 100),
    st.floats(0, 4000) | st.integers(-3000, 3000),
)
def test_percentile_and_count_at_most_are_dual(values: list[int], percent: float, limit: float) -> None:
    """For any limit, and for those that lie so near to a value that they share its slot (integers)."""
    histogram = Histogram.of(seconds(values))
    limit = (values[0] + limit) * 1e-6 if isinstance(limit, int) else limit
    rank = max(1, math.ceil(round(len(values) * percent / 100, 6)))
    assert (histogram.percentile(percent) <= limit) == (histogram.count_at_most(limit) >= rank)
    exact = sorted(values)[rank - 1] * 1e-6
    assert exact - 1e-9 <= histogram.percentile(percent) <= exact * 1.001 + 1e-9


def test_percentiles_are_exact_at_whole_ranks() -> None:
    histogram = Histogram.of(seconds(list(range(1, 1001))))
    assert histogram.percentiles([0, 50, 99, 99.9, 100]) == pytest.approx([1e-6, 5e-4, 9.9e-4, 9.99e-4, 1e-3])
    assert histogram.share_above(0.00099) == pytest.approx(0.01)
    values, below = histogram.distribution()
    assert values[0] == pytest.approx(1e-6)
    assert below == list(range(1, 1001))


def test_an_empty_histogram_has_no_numbers() -> None:
    empty = Histogram.decode(Histogram().encode())
    assert empty.count == 0
    assert empty.count_at_most(1) == 0
    numbers = [empty.min, empty.max, empty.mean, empty.percentile(50), empty.share_above(1)]
    assert all(math.isnan(number) for number in numbers)


@pytest.mark.parametrize("wrong", [-1e-6, 5000.0, math.nan, math.inf])
def test_a_time_out_of_range_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="negative or longer"):
        Histogram.of([wrong])


def wrapped(inner: bytes, cookie: int = 0x1C849314, cut: int = 0, behind: bytes = b"") -> str:
    packed = zlib.compress(inner)
    packed = packed[: len(packed) - cut] + behind
    return base64.b64encode(struct.pack(">II", cookie, len(packed)) + packed).decode()


def inner(words: bytes, digits: int = 3, lowest: int = 1, cookie: int = 0x1C849313, offset: int = 0) -> bytes:
    return struct.pack(">IIIIQQd", cookie, len(words), offset, digits, lowest, HIGHEST, 1.0) + words


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "AAAA",
        "not base64!",
        "\N{SNOWMAN}",
        wrapped(b""),
        wrapped(inner(b""), cookie=0x1C849304),
        wrapped(inner(b"", digits=2)),
        wrapped(inner(b"", lowest=1000)),
        wrapped(inner(b"", cookie=1)),
        wrapped(inner(b"", offset=5)),
        wrapped(inner(b"\x02")[:-1]),
        wrapped(inner(b"\x80")),
        wrapped(inner(b"\x02"), cut=2),
        wrapped(inner(b"\x02"), behind=b"more"),
        wrapped(inner(b"\xff" * 9)),
        wrapped(inner(b"\xfe\xff\xff\xff\xff\xff\xff\x7f")),
        wrapped(inner(b"\xff\xff\xff\x7f\x02")),
        wrapped(inner(b"\x02" * 30_000)),
        wrapped(inner(b"\x00" * 10_000_000)),
        wrapped(inner(b"\x02")) + wrapped(inner(b"\x02")),
        base64.b64encode(base64.b64decode(wrapped(inner(b"\x02"))) + b"more").decode(),
        base64.b64encode(base64.b64decode(wrapped(inner(b"\x02")))[:-3]).decode(),
    ],
)
def test_anything_else_is_a_value_error(encoded: str) -> None:
    with pytest.raises(ValueError, match="histogram"):
        Histogram.decode(encoded)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=80), st.binary(max_size=200).map(lambda words: wrapped(inner(words)))))
def test_wild_input_is_a_histogram_or_a_value_error(encoded: str) -> None:
    try:
        histogram = Histogram.decode(encoded)
    except ValueError:
        return
    assert Histogram.decode(histogram.encode()) == histogram
    assert 0 <= histogram.count <= 1 << 40


@given(st.lists(st.lists(st.floats(0, 4000), max_size=20), max_size=6), st.floats(-1, 5000))
def test_stacked_histograms_answer_as_each_of_them(parts: list[list[float]], limit: float) -> None:
    histograms = [Histogram.of([min(time, 3599.0) for time in part]) for part in parts]
    for at in (limit, math.inf, *(part[0] for part in parts if part)):
        counted = Stacked(histograms).count_at_most(at)
        assert counted.tolist() == [histogram.count_at_most(at) for histogram in histograms]
