from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Block, Counts, GeneratorFacts, HttpMeasurement, Second
from kb_tests.measure.http.merge import total
from kb_tests.measure.http.start import without_start
from kb_tests.measure.http.validity import validity
from kb_tests.scenario.http import HttpPoint
from tests.unit.measure.reports import POINT

RATE = 100


def asked(duration: float) -> HttpPoint:
    return replace(POINT, warm_up=0.0, duration=duration, rate=RATE, find_warm_up=True, page_size=9)


def measured(
    levels: list[float], failed: dict[int, int] | None = None, block: int = 1, agents: int = 2
) -> HttpMeasurement:
    """Each second's response times spread around its level; `failed` requests fell due in some of them."""
    random = np.random.default_rng(1)
    blocks, seconds, facts = [], [], []
    lost = failed or {}
    for second, level in enumerate(levels):
        good = agents * (RATE - lost.get(second, 0))
        seconds.append(Second(float(second), good, good, 0, good * 9, level, 2 * level, 3 * level))
    for agent in range(agents):
        own = []
        for begin in range(0, len(levels), block):
            part = range(begin, min(begin + block, len(levels)))
            times = [levels[second] * random.lognormal(0, 0.3, RATE - lost.get(second, 0)) for second in part]
            bad, due = sum(lost.get(second, 0) for second in part), RATE * len(part)
            counts = Counts(due, due, due - bad, 0, 0, (due - bad) * 9, {"http_5xx": bad} if bad else {})
            histogram = Histogram.of(np.concatenate(times))
            own.append(Block(str(agent), float(begin), float(len(part)), counts, histogram, histogram))
        blocks += own
        response = Histogram.merged(one.response for one in own)
        counts = total(one.counts for one in own)
        facts.append(
            GeneratorFacts(
                str(agent),
                "rack",
                counts,
                response,
                1e-4,
                lag_p99=1e-4,
                lag_max=1e-3,
                cpu=0.2,
                skew=0.0,
                saturated=False,
            )
        )
    counts = total(one.counts for one in facts)
    response = Histogram.merged(one.response for one in facts)
    return HttpMeasurement(
        "p", float(len(levels)), 2.0 * RATE, 0.0, 0.0, counts, response, response,
        tuple(seconds), tuple(blocks), tuple(facts), {},
    )  # fmt: skip


WARM = [0.05, 0.03, 0.02, 0.01, 0.006]


def test_moments_are_cut_off_as_blocks_are() -> None:
    whole = measured([*WARM, *steady(25)])
    left = without_start(replace(whole, moments=whole.blocks))
    assert left.moments == left.blocks


def steady(count: int) -> list[float]:
    return [0.002, 0.0021, 0.0019, 0.00205, 0.00195] * (count // 5)


def test_the_warm_up_is_cut_off_and_told() -> None:
    whole = measured([*WARM, *steady(25)])
    left = without_start(whole)
    assert left.start is not None
    assert (left.start.seconds, left.start.settled, left.start.due) == (5.0, True, 1000)
    assert left.start.p99 > 0.03
    assert left.duration == 25
    assert left.counts.due == left.response.count == left.service.count == 25 * 2 * RATE
    assert left.response.max < 0.01 < whole.response.max
    assert [second.at for second in left.seconds] == [float(at) for at in range(-5, 25)]
    assert {block.at for block in left.blocks} == set(range(25))
    assert left.achieved == 2 * RATE
    assert left.throughput == 2 * RATE * 9
    assert [agent.counts.due for agent in left.agents] == [25 * RATE] * 2
    assert left.agents[0].response.count == 25 * RATE
    assert validity(asked(30), left) == ()


def test_a_steady_point_keeps_all() -> None:
    whole = measured(steady(30))
    left = without_start(whole)
    assert left.start is not None
    assert left.start.seconds == 0
    assert left.start.settled
    assert math.isnan(left.start.p99)
    assert replace(left, start=None) == whole


def test_a_point_that_does_not_settle_keeps_all_and_says_so() -> None:
    whole = measured([0.001 * 1.2**second for second in range(30)])
    left = without_start(whole)
    assert left.start is not None
    assert not left.start.settled
    assert replace(left, start=None) == whole


def test_what_fails_is_no_warm_up() -> None:
    for second in range(5):
        left = without_start(measured([*WARM, *steady(25)], failed={second: 1}))
        assert left.start is not None
        assert left.start.seconds == second
        assert left.counts.failed == 2


def test_a_stall_in_the_first_half_stays() -> None:
    levels = steady(30)
    levels[8:10] = [1.5, 0.7]
    left = without_start(measured(levels))
    assert left.start is not None
    assert left.start.seconds <= 2
    assert left.response.max > 1


@pytest.mark.parametrize(("block", "cut"), [(2, 6.0), (3, 6.0), (4, 8.0), (10, 10.0), (20, 0.0)])
def test_cuts_at_the_end_of_a_block_and_never_half(block: int, cut: float) -> None:
    left = without_start(measured([*WARM, *steady(25)], block=block))
    assert left.start is not None
    assert left.start.seconds == cut
    assert left.counts.due == (30 - cut) * 2 * RATE


def test_counts_that_do_not_add_up_are_left_for_validity_to_refuse() -> None:
    whole = measured([*WARM, *steady(25)])
    first, *others = whole.agents
    lying = replace(whole, agents=(replace(first, counts=replace(first.counts, bytes=1)), *others))
    assert without_start(lying) == lying
    assert "do not add up" in " ".join(validity(asked(30), lying))


def test_nothing_measured_is_nothing_cut() -> None:
    nothing = replace(measured([]), duration=30.0)
    left = without_start(nothing)
    assert left.start is not None
    assert left.start.seconds == 0
    assert not left.start.settled


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.sampled_from([0.001, 0.002, 0.01, 0.1, 1.0]), min_size=15, max_size=45),
    st.dictionaries(st.integers(0, 44), st.integers(1, RATE), max_size=3),
    st.integers(1, 12),
)
def test_whatever_comes_less_than_half_is_cut_and_no_failure(
    levels: list[float], failed: dict[int, int], block: int
) -> None:
    whole = measured(levels, failed, block)
    left = without_start(whole)
    start = left.start
    assert start is not None
    assert 0 <= start.seconds < whole.duration / 2
    assert left.duration == whole.duration - start.seconds
    assert start.due + left.counts.due == whole.counts.due
    assert left.counts.failed == whole.counts.failed
    assert sum(block.counts.due for block in left.blocks) == left.counts.due
    assert left.seconds[-1].at == whole.seconds[-1].at - start.seconds
