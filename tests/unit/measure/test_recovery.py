"""Recovery, held against made-up seconds whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.latency import Latency
from kb_tests.measure.recovery import Mark, Recovery, Slot, recoveries
from kb_tests.scenario.hooks import SUSTAINED, RecoveryLimit

MARK = Mark(10.0, "reboot", "hook")
WINDOW = 40

Times = Callable[[float], float]
"""Seconds that a request takes that is due at a second of the window; infinite if it fails."""


def slots(
    times: Times, rate: int = 100, length: float = 1, window: int = WINDOW, client: str = ""
) -> list[Slot]:
    """What a service that answers so would have been seen to do, in blocks of `length` seconds."""
    found = []
    for at in np.arange(0, window, length):
        due = [at + (index + 0.5) / rate for index in range(round(rate * length))]
        taken = [times(moment) for moment in due]
        good = [one for one in taken if math.isfinite(one)]
        seconds, counts = np.unique(np.array(good), return_counts=True)
        times_taken = Histogram.of(seconds, counts) if good else Histogram()
        found.append(Slot(float(at), float(length), Latency(times_taken, len(taken) - len(good)), client))
    return found


def outage(begin: float, end: float, taken: float = math.inf, usual: float = 0.001) -> Times:
    return lambda moment: taken if begin <= moment < end else usual


def one(times: Times, *marks: Mark, limit: RecoveryLimit | None = None, window: int = WINDOW) -> Recovery:
    return recoveries(slots(times, window=window), marks or (MARK,), window, limit)[0]


def told(**limit: str) -> RecoveryLimit:
    return RecoveryLimit.model_validate(limit)


def test_nothing_happened() -> None:
    found = one(lambda _: 0.001)
    assert (found.seconds, found.off, found.first, found.unknown) == (0.0, 0.0, None, "")


@given(begin=st.floats(10, 20), length=st.floats(0.05, 12), taken=st.sampled_from([math.inf, 0.5, 3.0]))
@example(begin=10.5234375, length=1.48828125, taken=0.5)
@example(begin=10.9851, length=1.0, taken=0.5)
def test_it_is_within_a_second_of_the_truth_and_never_below_it(
    begin: float, length: float, taken: float
) -> None:
    found = one(outage(begin, begin + length, taken))
    truth = begin + length - MARK.at
    assert found.seconds is not None
    unseen = 0.016  # one slow request of a second's hundred, which come every 10 ms, moves no 99th percentile
    assert truth - unseen <= found.seconds <= truth + 1.001
    assert found.first is not None
    assert begin - 1 <= found.first <= begin + unseen


@given(begin=st.floats(10, 20), length=st.floats(0.05, 12), taken=st.sampled_from([math.inf, 0.5, 3.0]))
@example(begin=10.0, length=1.0, taken=0.5)
def test_finer_blocks_tell_begin_and_end_to_a_quarter_of_a_second(
    begin: float, length: float, taken: float
) -> None:
    parts = slots(outage(begin, begin + length, taken), length=0.25, client="a")
    (found,) = recoveries(parts, [MARK], WINDOW)
    truth, unseen = begin + length - MARK.at, 0.016
    assert found.seconds is not None
    assert truth - unseen <= found.seconds <= truth + 0.251
    assert found.first is not None
    assert begin - 0.251 <= found.first <= begin + unseen
    assert found.off == pytest.approx(length, abs=0.52)
    assert found.off <= found.seconds
    assert found.step == 0.25


def test_finer_blocks_of_one_client_are_one_client() -> None:
    """One is dark for a quarter of each second only: over half of no second's requests."""

    def flickering(moment: float) -> float:
        return math.inf if 12 <= moment < 15 and moment % 1 < 0.25 else 0.001

    others = [part for part in slots(lambda _: 0.001) for _ in range(300)]
    (found,) = recoveries([*others, *slots(flickering, length=0.25, client="a")], [MARK], WINDOW)
    assert found.seconds == 0.0


def test_little_is_due_in_most_finer_blocks() -> None:
    """A quarter in which nothing was due says nothing; a second in which nothing was due is not good."""
    times = outage(12, 14)
    (found,) = recoveries(slots(times, rate=1), [MARK], WINDOW)
    sparse = [
        Slot(at + quarter / 4, 0.25, part.latency if quarter == 2 else Latency(Histogram(), 0), "a")
        for at, part in enumerate(slots(times, rate=1))
        for quarter in range(4)
    ]
    (finer,) = recoveries(sparse, [MARK], WINDOW)
    assert (found.seconds, finer.seconds, finer.first) == (4.0, 3.75, 12.5)


@given(st.floats(0, 25), st.floats(0.5, 25))
def test_what_is_off_until_the_end_is_never_called_recovered(begin: float, short: float) -> None:
    end = WINDOW - min(short, SUSTAINED - 0.5)
    found = one(outage(MARK.at + min(begin, 20), end))
    assert found.seconds is None
    assert found.least <= found.watched == WINDOW - MARK.at


def test_an_outage_that_begins_long_after_its_mark_counts_from_the_mark() -> None:
    found = one(outage(24, 27))
    assert (found.seconds, found.first, found.off) == (17.0, 24.0, 3.0)


def test_a_second_outage_counts_however_long_it_was_good_between() -> None:
    def twice(moment: float) -> float:
        return math.inf if 10 <= moment < 12 or 25 <= moment < 26 else 0.001

    found = one(twice)
    assert (found.seconds, found.off, found.bad) == (16.0, 3.0, 300)


def test_an_isolated_slow_second_is_named_and_not_counted() -> None:
    def slow(moment: float) -> float:
        return math.inf if 10 <= moment < 12 else 0.4 if 25 <= moment < 25.5 else 0.001

    found = one(slow)
    assert (found.seconds, found.slow) == (2.0, (25.0,))


def test_a_slow_second_is_what_it_cost_where_it_is_all_that_happened() -> None:
    """As a live migration shows, some time after it was asked for."""
    found = one(outage(18, 18.6, taken=0.6))
    assert (found.seconds, found.first, found.off, found.slow) == (9.0, 18.0, 1.0, ())


@pytest.mark.parametrize("again", [[25, 26], [25, 28], [13]])
def test_slow_seconds_that_are_not_isolated_count(again: Sequence[int]) -> None:
    found = one(lambda moment: math.inf if 10 <= moment < 12 else 0.4 if int(moment) in again else 0.001)
    assert (found.seconds, found.slow) == (max(again) + 1 - 10.0, ())


def test_a_request_belongs_to_the_second_in_which_it_was_due() -> None:
    """The same failures, however late each is noticed, make the same recovery."""
    found = one(outage(10, 14))
    assert (found.seconds, found.bad) == (4.0, 400)


def test_a_mark_within_a_second_counts_from_where_it_is() -> None:
    found = one(outage(10.3, 13.2), Mark(10.3, "x", "marker"))
    assert found.seconds == pytest.approx(3.7)


def test_marks_are_looked_at_until_the_next_one() -> None:
    times = outage(10, 12)
    first, second = recoveries(slots(times), [Mark(25.0, "b", "hook"), MARK], WINDOW)
    assert (first.mark, first.watched, first.seconds) == ("reboot", 15.0, 2.0)
    assert (second.mark, second.watched, second.seconds) == ("b", 15.0, 0.0)


def test_marks_outside_of_the_window_are_none() -> None:
    assert (
        recoveries(slots(lambda _: 0.001), [Mark(-1.0, "a", "hook"), Mark(40.0, "b", "hook")], WINDOW) == ()
    )


@pytest.mark.parametrize(
    ("times", "mark", "why"),
    [
        (lambda _: 0.001, Mark(4.5, "early", "marker"), "only 4 s"),
        (lambda _: math.inf, MARK, "off before it already"),
        (lambda moment: math.inf if moment % 1 < 0.5 else 0.001, MARK, "off before it already"),
        (lambda moment: 0.001 if moment > 3 else 2.0, MARK, "off before it already"),
    ],
)
def test_without_a_good_time_before_it_nothing_is_told(times: Times, mark: Mark, why: str) -> None:
    found = one(times, mark)
    assert found.seconds is None
    assert why in found.unknown


def test_what_good_is_can_be_said() -> None:
    slow = outage(10, 14, taken=0.08)
    assert one(slow).seconds == 0.0, "a tenth of a second is good where nobody says otherwise"
    assert one(slow, limit=told(within="9s", p99="50ms")).seconds == 4.0
    few = outage(10, 14.02)
    assert one(few, limit=told(within="9s", errors="3%")).seconds == 4.0
    assert one(few).seconds == 5.0


def test_a_service_that_is_slow_anyway_may_be_so_afterwards() -> None:
    assert one(outage(10, 14, taken=1.0, usual=0.5)).seconds == 0.0
    assert one(outage(10, 14, taken=2.0, usual=0.5)).seconds == 4.0


def test_a_second_in_which_nothing_was_due_is_not_good() -> None:
    parts = [part for part in slots(lambda _: 0.001) if part.at not in (12.0, 13.0)]
    (found,) = recoveries(parts, [MARK], WINDOW)
    assert found.seconds == 4.0


def test_long_blocks_are_off_as_a_whole() -> None:
    found = recoveries(slots(outage(12, 13), length=5), [MARK], WINDOW)[0]
    assert (found.seconds, found.step) == (5.0, 5.0)


def test_agents_are_looked_at_together() -> None:
    """One of two generators whose server is gone makes half of the requests fail."""
    parts = slots(outage(10, 14)) + slots(lambda _: 0.001)
    (found,) = recoveries(parts, [MARK], WINDOW)
    assert (found.seconds, found.bad) == (4.0, 400)


@pytest.mark.parametrize("taken", [math.inf, pytest.param(2.0, marks=pytest.mark.nightly)])
def test_one_server_of_two_thousand_is_not_lost_among_the_others(taken: float) -> None:
    """Its requests are too few for the share of failures, and for the 99th percentile."""
    others = [part for part in slots(lambda _: 0.001) for _ in range(2000)]
    (found,) = recoveries([*others, *slots(outage(10, 14, taken))], [MARK], WINDOW)
    assert found.seconds == 4.0
    named = recoveries(
        [*others, *slots(outage(10, 14, taken))], [MARK], WINDOW, told(within="9s", errors="1%")
    )
    assert named[0].seconds == 0.0, "who names a share means all of them"


def test_clients_that_were_dark_before_may_be_so_afterwards() -> None:
    others = [part for part in slots(lambda _: 0.001) for _ in range(2000)]
    (found,) = recoveries([*others, *slots(outage(0, 40))], [MARK], WINDOW)
    assert found.seconds == 0.0


def test_the_usual_jitter_of_a_busy_machine_is_seldom_an_outage() -> None:
    """Log-normal times with a p99 around 20 ms, as a shared machine of two cores shows: of a second's hundred
    requests two take over 0.1 s in one window of a hundred and seventy.
    """

    def jittery(seed: int) -> Times:
        taken = iter(0.001 * np.exp(1.3 * np.random.default_rng(seed).normal(size=100 * WINDOW)))
        return lambda _: float(next(taken))

    found = [one(jittery(seed)) for seed in range(150)]
    assert sum(one.seconds != 0.0 for one in found) <= 5
