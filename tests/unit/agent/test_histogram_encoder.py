from __future__ import annotations

import math

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.agent import histogram
from kb_tests.measure.histogram import Histogram

times = st.one_of(st.integers(0, 5000), st.integers(0, histogram.HIGHEST))


def counted(values: list[int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for value in values:
        histogram.add(counts, (histogram.index(value), 1))
    return counts


@settings(deadline=None)
@given(times)
def test_a_counter_holds_its_times_to_a_thousandth(us: int) -> None:
    at = histogram.index(us)
    assert histogram.lowest(at) <= us <= histogram.highest(at)
    assert histogram.highest(at) - histogram.lowest(at) <= us / 1000
    assert histogram.index(histogram.lowest(at)) == histogram.index(histogram.highest(at)) == at


@settings(deadline=None)
@given(st.lists(times, max_size=300))
def test_the_encoded_form_is_what_the_reference_implementation_counts(values: list[int]) -> None:
    encoded = histogram.encode(counted(values))
    reference = HdrHistogram(histogram.LOWEST, histogram.HIGHEST, histogram.DIGITS)
    for value in values:
        reference.record_value(value)
    decoded = HdrHistogram.decode(encoded)
    assert decoded.get_total_count() == len(values)
    for percent in (50, 90, 99, 99.9, 100):
        assert decoded.get_value_at_percentile(percent) == reference.get_value_at_percentile(percent)
    ours = Histogram.decode(encoded)
    assert dict(zip(ours.slots.tolist(), ours.counts.tolist(), strict=True)) == counted(values)


@pytest.mark.parametrize("n", [1, 63, 64, 1 << 14, 1 << 40])
def test_counts_of_any_size(n: int) -> None:
    assert HdrHistogram.decode(histogram.encode({5: n, 23_000: 1})).get_total_count() == n + 1


@settings(deadline=None)
@given(st.lists(times, min_size=1), st.floats(0.1, 100))
def test_percentiles(values: list[int], percent: float) -> None:
    expected = sorted(values)[max(1, math.ceil(len(values) * percent / 100)) - 1]
    found = histogram.percentile(counted(values), percent) * 1e6
    assert expected - 0.5 <= found <= expected * 1.001 + 0.5


def test_no_times_have_no_percentile() -> None:
    assert histogram.percentile({}, 99) == 0.0


@settings(deadline=None)
@given(st.lists(times))
def test_flat_and_back(values: list[int]) -> None:
    back: dict[int, int] = {}
    histogram.add(back, histogram.flat(counted(values)))
    assert back == counted(values)


@settings(deadline=None)
@given(st.lists(times))
def test_coarse_buckets(values: list[int]) -> None:
    buckets = histogram.coarse(counted(values))
    assert sum(n for _, n in buckets) == len(values)
    assert [i for i, _ in buckets] == sorted({i for i, _ in buckets})
    assert all(0 <= i <= 200 for i, _ in buckets)


@pytest.mark.parametrize(("us", "bucket"), [(0, 0), (1, 0), (2, 4), (8, 12), (1000, 39), (1 << 20, 80)])
def test_coarse_bucket_of(us: int, bucket: int) -> None:
    assert histogram.coarse({histogram.index(us): 3}) == [[bucket, 3]]


def test_times_beyond_the_range_are_counted_as_the_longest_and_reported() -> None:
    counts: dict[int, int] = {}
    assert not histogram.record(counts, 3600.0)
    assert histogram.record(counts, 3601.0)
    assert not histogram.record(counts, -1e-9)
    assert counts == {histogram.index(histogram.HIGHEST): 2, 0: 1}
