"""The search of a capacity on simulated clouds whose truth is known, and each refusal in turn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from kb_tests.scenario.capacity import HttpCapacity
from kb_tests.sla.capacity import ending
from kb_tests.sla.capacity.isotonic import crossing
from kb_tests.sla.capacity.known import Known, verdict
from kb_tests.sla.capacity.model import Capacity, Counts, End, Limit, Means, Plan, Seen, Step
from kb_tests.sla.capacity.search import search
from kb_tests.sla.verdict import Outcome
from simulated.clouds import CLOUDS, Run, roots

P99 = Limit("latency p99", 0.01)
Answer = Callable[[Step, float], Seen]


def searched(plan: Plan, answer: Answer) -> tuple[Capacity, list[Step]]:
    """What a search comes to whose probes are answered so, and its steps; the second argument is the time."""
    searching, steps, at = search(plan), [], 0.0
    try:
        step = next(searching)
        while True:
            steps.append(step)
            assert len(steps) < 500
            seen = answer(step, at)
            at = seen.ended
            step = searching.send(seen)
    except StopIteration as end:
        found: Capacity = end.value
        return found, steps


def test_every_key_of_a_scenario_reaches_the_plan() -> None:
    keys = {"from": 3, "to": 700, "step": "40%", "width": "8%", "probe": "90s", "budget": "3h"}
    asked = HttpCapacity.model_validate({"of": "clients", **keys})
    assert Plan.of(asked, (P99,), 0.01, 5.0) == Plan(
        (P99,), 3, 700, 0.4, 0.08, 90, 15, 10_800, alpha=0.01, whole=True, before=5.0
    )


def shares(*limits: tuple[str, Callable[[float, float], float]], rate: int = 200) -> Answer:
    """Answers in which each limit has a share of bad ones by load and time, without any chance."""

    def answer(step: Step, at: float) -> Seen:
        each = int(rate * step.seconds / 8)
        counts = {
            name: Counts((round(each * share(step.load, at)),) * 8, (each,) * 8) for name, share in limits
        }
        return Seen(step.load, step.seconds, at, at + step.seconds + 5, counts)

    return answer


def rising(capacity: float) -> Callable[[float, float], float]:
    return lambda load, _at: min(0.9, 0.01 * (load / capacity) ** 20)


@pytest.mark.parametrize(
    "name", ["M/M/8 shifting, steep", "cliff", "island of failure", "two limits that cross"]
)
def test_it_holds_the_truth_in_a_narrow_interval(name: str) -> None:
    cloud, rng = CLOUDS[name], np.random.default_rng(1)
    truth = float(rng.uniform(300, 2000))
    run = Run(cloud, rng, truth, min(roots(cloud).values()))
    found, _ = searched(Plan(cloud.limits, 100, 50_000), lambda step, _at: run.probe(step))
    assert found.end is End.FOUND
    assert found.low <= truth <= found.high <= 1.051 * found.low
    assert found.kept <= truth <= found.broke
    assert bool(found.curve) == ("steep" in name or "cross" in name)  # a cliff is found by verdicts alone
    if not found.curve:
        return
    loads, shares, low, high = zip(*found.curve, strict=True)
    assert list(loads) == sorted(loads)
    assert list(shares) == sorted(shares)
    assert all(a <= share <= b for a, share, b in zip(low, shares, high, strict=True))
    allowed = next(limit.allowed for limit in cloud.limits if limit.name == found.limit)
    assert shares[0] < allowed < shares[-1]


def test_it_goes_up_from_below_and_never_far_beyond_what_broke() -> None:
    found, steps = searched(Plan((P99,), 100, 50_000), shares(("latency p99", rising(1000))))
    assert steps[0] == Step(100, 5, "ramp")
    assert max(step.load for step in steps) <= 1000 * 1.25**2
    assert found.end is End.FOUND
    assert found.low <= 1000 <= found.high


def test_whole_numbers_are_told_as_such() -> None:
    plan = Plan((P99,), 1, 40, whole=True)
    found, steps = searched(plan, shares(("latency p99", lambda load, _: 1e-4 if load <= 12 else 0.5)))
    assert (found.end, found.low, found.high) == (End.FOUND, 12, 12)
    assert all(step.load == int(step.load) for step in steps)


def test_a_width_below_one_whole_number_ends_with_one() -> None:
    plan = Plan((P99,), 1, 8, width=0.005, whole=True)
    found, _ = searched(plan, shares(("latency p99", lambda load, _: 1e-4 if load <= 3 else 0.5)))
    assert (found.low, found.high) == (3, 3)


@pytest.mark.parametrize(("low", "high"), [(0.8, 1.7), (0.8, 0.9), (0.98, 1.01), (0.8, 60.0)])
def test_a_curve_that_begins_below_one_gives_no_whole_number(low: float, high: float) -> None:
    """No verdict says that one client keeps the SLA, or that it breaks it."""
    curve = SimpleNamespace(drift=lambda: 0.0, drawn=tuple)
    near: Any = SimpleNamespace(low=low, high=high, first=curve, limit="latency p99", ready=True, rises=True)
    answer = ending.found(Known(Plan((P99,), 1, 40, whole=True)), near, 2000.0, ())
    assert (answer.end, answer.low, answer.high) == (End.UNDECIDED, 0.0, math.inf)


def test_the_limit_that_breaks_first_is_named() -> None:
    limits = (P99, Limit("errors", 0.001))
    errors = shares(("latency p99", rising(1500)), ("errors", lambda load, _: 0.001 * (load / 900) ** 20))
    found, _ = searched(Plan(limits, 100, 9000), errors)
    assert found.limit == "errors"
    assert found.low <= 900 <= found.high


def test_an_achieved_rate_is_searched_by_verdicts() -> None:
    limit = Limit("achieved", 0.02, Means.MEAN)
    found, _ = searched(
        Plan((limit,), 100, 9000), shares(("achieved", lambda load, _: max(0.0, 1 - 700 / load)))
    )
    assert found.end is End.FOUND
    assert found.low <= 700 / 0.98 <= found.high


@pytest.mark.parametrize("most", [700, 1020, 1030])
@pytest.mark.parametrize("whole", [True, False])
def test_an_achieved_rate_is_not_probed_for_ever_where_no_verdict_comes(most: int, *, whole: bool) -> None:
    """At the limit itself no verdict ever comes; on both sides of it, within the width, they do."""
    plan = Plan((Limit("achieved", 0.02, Means.MEAN),), 100, 9000, whole=whole)
    found, _ = searched(plan, shares(("achieved", lambda load, _: max(0.0, 1 - most / load))))
    assert found.end is End.FOUND
    assert found.low <= most / 0.98 <= found.high + whole <= 1.051 * found.low + whole


def test_a_curve_of_latency_says_nothing_of_a_rate_that_lacks_at_lower_loads() -> None:
    """Each probe is too short for a verdict on the rate, which lacks from 900 on; p99 breaks at 1000."""
    achieved = Limit("achieved", 0.001, Means.MEAN)

    def answer(step: Step, at: float) -> Seen:
        slow, lacks = 0.01 * (step.load / 1000) ** 12, 0.001 * (step.load / 900) ** 4
        counts = {
            "latency p99": Counts((round(5000 * slow),) * 8, (5000,) * 8),
            "achieved": Counts((200 * lacks,) * 8, (200.0,) * 8),
        }
        return Seen(step.load, step.seconds, at, at + step.seconds + 5, counts)

    found, _ = searched(Plan((P99, achieved), 500, 4000), answer)
    assert found.low <= 900 < found.high


def test_few_batches_that_lack_alike_keep_no_achieved_rate() -> None:
    """As of a point: 56 lost of 8,000 are no proof of 1 %, however evenly they fell."""
    limit = Limit("achieved", 0.01, Means.MEAN)
    evenly = Counts((7.0,) * 8, (1000.0,) * 8)
    assert verdict(limit, [evenly], 2e-4, 2e-4) is Outcome.INCONCLUSIVE
    assert verdict(limit, [Counts((1.0,) * 8, (1000.0,) * 8)], 2e-4, 2e-4) is Outcome.PASS
    assert verdict(limit, [Counts((20.0,) * 8, (1000.0,) * 8)], 2e-4, 2e-4) is Outcome.FAIL


def test_what_breaks_from_the_start_is_below() -> None:
    found, _ = searched(Plan((P99,), 100, 9000), shares(("latency p99", lambda *_: 0.3)))
    assert (found.end, found.low, found.high) == (End.BELOW, 0, 100)


def test_what_keeps_to_the_end_is_at_least() -> None:
    found, _ = searched(Plan((P99,), 100, 900), shares(("latency p99", lambda *_: 0.0)))
    assert (found.end, found.low, found.high) == (End.AT_LEAST, 900, math.inf)


def test_the_ends_of_a_search_are_loads_as_they_were_asked() -> None:
    """At four digits the last load would be below the end, and a gate that is the end never be reached."""
    found, steps = searched(Plan((P99,), 1235.5, 12345), shares(("latency p99", lambda *_: 0.001)))
    assert (steps[0].load, steps[-1].load) == (1235.5, 12345)
    assert (found.end, found.low) == (End.AT_LEAST, 12345)


def _generators_end_at(load: float, answer: Answer) -> Answer:
    def limited(step: Step, at: float) -> Seen:
        seen = answer(step, at)
        busy = step.load > load
        return replace(seen, invalid=("no CPU to spare",), generator=True) if busy else seen

    return limited


def test_where_generators_end_it_says_how_far_it_was_kept() -> None:
    answer = _generators_end_at(400, shares(("latency p99", lambda *_: 0.0), rate=2000))
    found, _ = searched(Plan((P99,), 100, 9000), answer)
    assert found.end is End.GENERATORS
    assert 300 < found.low == found.kept <= 400
    assert math.isinf(found.high)
    assert found.reasons == ("no CPU to spare",)


def test_a_capacity_below_where_generators_end_is_found_all_the_same() -> None:
    answer = _generators_end_at(1050, shares(("latency p99", rising(1000))))
    found, _ = searched(Plan((P99,), 100, 9000), answer)
    assert found.end in (End.FOUND, End.GENERATORS, End.UNDECIDED)
    assert found.low <= 1000 <= found.high


def test_generators_that_end_at_once_say_nothing_of_the_cloud() -> None:
    found, steps = searched(
        Plan((P99,), 100, 9000), _generators_end_at(50, shares(("latency p99", rising(9))))
    )
    assert (found.end, found.low, found.kept) == (End.GENERATORS, 0, 0)
    assert len(steps) == 2


def test_one_probe_that_is_not_to_be_believed_is_made_again() -> None:
    answer, bad = shares(("latency p99", rising(1000))), iter([False, True])
    found, _ = searched(
        Plan((P99,), 100, 9000),
        lambda step, at: replace(answer(step, at), invalid=("a generator is missing",) * next(bad, False)),
    )
    assert found.end is End.FOUND


def test_a_server_that_dies_ends_it_as_invalid() -> None:
    answer = shares(("latency p99", rising(1000)))
    found, _ = searched(
        Plan((P99,), 100, 9000),
        lambda step, at: replace(answer(step, at), invalid=("a generator is missing",) * (at > 200)),
    )
    assert (found.end, found.low, found.reasons) == (End.INVALID, 0, ("a generator is missing",))


def test_a_cloud_that_changed_is_not_given_a_number() -> None:
    before, after = shares(("latency p99", rising(1000))), shares(("latency p99", rising(850)))
    found, _ = searched(Plan((P99,), 100, 9000), once_moved(before, after))
    assert found.end is End.DRIFTING
    assert (found.low, found.high) == (0, math.inf)


def test_a_load_that_keeps_above_one_that_breaks_is_not_monotone() -> None:
    known = Known(Plan((P99,), 100, 9000))
    for load, bad in ((500.0, 0), (1000.0, 900), (1100.0, 0)):
        assert known.monotone
        known.whole.append(Seen(load, 30, 0, 35, {"latency p99": Counts((bad,) * 8, (4000,) * 8)}))
    assert not known.monotone
    assert (known.kept, known.broke) == (500, 1000)


def test_connections_that_bound_the_rate_are_no_capacity_of_the_cloud() -> None:
    answer = shares(("latency p99", rising(1000)))
    found, _ = searched(Plan((P99,), 100, 9000), lambda step, at: replace(answer(step, at), bound=1020.0))
    assert (found.end, found.reasons) == (End.CONNECTIONS, ("1020",))


def test_a_budget_that_is_over_says_what_it_would_take() -> None:
    found, _ = searched(Plan((P99,), 100, 9000, budget=400), shares(("latency p99", rising(1000))))
    assert found.end in (End.TOO_WIDE, End.UNDECIDED)
    assert found.seconds <= 400 + 35
    assert found.more > 0 or found.end is End.UNDECIDED


def test_a_crossing_is_pooled_where_shares_fall() -> None:
    found = [(1.0, 0, 100), (2.0, 5, 100), (3.0, 0, 100), (4.0, 50, 100)]
    assert crossing(found, 0.03) == (3.0, 4.0)
    assert crossing(found, 0.02) == (1.0, 2.0)
    assert crossing([], 0.1) == (0.0, math.inf)


def test_what_verdicts_alone_found_is_looked_at_again_before_it_is_said() -> None:
    """A cliff, which no curve is needed for, and which has moved away from where it was minutes ago."""

    def cliff(at_most: float) -> Answer:
        return shares(("latency p99", lambda load, _: 1e-4 if load <= at_most else 0.4))

    plan = Plan((P99,), 100, 9000, width=0.02)
    found, steps = searched(plan, cliff(1045))
    assert (found.end, found.kept, found.broke) == (End.FOUND, found.low, found.high)
    assert {found.kept, found.broke} >= {step.load for step in steps if step.phase == "return"} != set()
    for before, moved in ((1045, 800), (1030, 1300)):
        found, _ = searched(plan, once_moved(cliff(before), cliff(moved)))
        assert found.end is End.DRIFTING
        assert (found.low, found.high) == (0, math.inf)


def once_moved(before: Answer, after: Answer) -> Answer:
    """A cloud that is another one when the search returns to it."""
    return lambda step, at: (after if step.phase == "return" else before)(step, at)


def test_an_achieved_rate_that_has_moved_since_is_not_given_a_number() -> None:
    def lacking(at_most: float) -> Answer:
        return shares(("achieved", lambda load, _: max(0.0, 1 - at_most / load)))

    plan = Plan((Limit("achieved", 0.02, Means.MEAN),), 100, 9000, width=0.02)
    found, steps = searched(plan, once_moved(lacking(1010), lacking(1300)))
    assert "return" in {step.phase for step in steps}
    assert found.end is End.DRIFTING


def queue(served: float, within: float, before: float) -> Callable[[float, float], float]:
    """The share later than `within` in a window of 5 s on what serves so much, and queues the rest."""

    def late(load: float, _at: float) -> float:
        if load <= served:
            return 0.0
        reached = within * served / (load - served)
        return min(1.0, max(0.0, (before + 5 - reached) / 5))

    return late


@pytest.mark.parametrize("served", [200, 217, 231, 560])
@pytest.mark.parametrize("achieved", [True, False])
def test_the_interval_holds_what_is_served_for_long_however_short_the_probes(
    served: float, *, achieved: bool
) -> None:
    """In 5 s after 1 s of warm-up a queue reaches 200 ms only from 3.4 % above what is served."""
    limits, answers = [replace(P99, within=0.2)], [("latency p99", queue(served, 0.2, 1))]
    if achieved:
        limits.append(Limit("achieved", 0.02, Means.MEAN))
        answers.append(("achieved", lambda load, _: max(0.0, 1 - served / load)))
    plan = Plan(tuple(limits), 100, 2000, probe=5, width=0.1, before=1)
    found, _ = searched(plan, shares(*answers, rate=20_000))
    assert found.end is End.FOUND
    assert found.low <= served <= found.high <= 1.1001 * found.low
    for_5s = served / 0.98 if achieved else served * (1 + 0.2 / 5.95)
    assert found.kept <= for_5s * 1.0001
    assert found.low <= for_5s <= found.high * 1.0001
    assert found.broke >= for_5s


def test_at_least_is_said_of_what_is_served_for_long() -> None:
    """Windows of 5 s keep 900, the last load, although 880 are served, and a queue grows for ever."""
    plan = Plan((replace(P99, within=0.2),), 100, 900, probe=5, width=0.1, before=1)
    late = queue(880, 0.2, 1)
    found, _ = searched(plan, shares(("latency p99", late), rate=20_000))
    assert (found.end, found.kept) == (End.AT_LEAST, 900)
    assert 850 < found.low <= 880
    answer = _generators_end_at(900, shares(("latency p99", late), rate=20_000))
    found, _ = searched(replace(plan, most=9000), answer)
    assert found.end is End.GENERATORS
    assert 0 < found.low <= 880


@pytest.mark.parametrize("tenths", range(1, 10))
def test_of_whole_numbers_none_above_the_limit_is_said_to_keep(tenths: int) -> None:
    between = 12 + tenths / 10
    plan = Plan((P99,), 1, 500, whole=True)
    found, _ = searched(plan, shares(("latency p99", rising(between)), rate=20_000))
    assert found.low <= 12 <= found.high


@pytest.mark.parametrize(
    ("limits", "unnoticed"),
    [
        ((P99,), 0),
        ((replace(P99, within=0.2),), 0.2 / 5.95),
        ((replace(P99, within=0.2), Limit("errors", 0.01, within=2)), 0.2 / 5.95),
        ((Limit("errors", 0.01, within=2),), 2 / 5.95),
        ((replace(P99, within=0.2), Limit("achieved", 0.01, Means.MEAN)), 1 / 99),
        ((Limit("achieved", 0.01, Means.MEAN),), 0),
    ],
)
def test_the_limit_that_notices_a_queue_first_counts(limits: tuple[Limit, ...], unnoticed: float) -> None:
    assert Plan(limits, 100, 2000, probe=5, before=1).unnoticed == pytest.approx(unnoticed)


def link(served: float) -> Answer:
    """What a queue makes late in each second of a window, after one of warm-up: none at first, then all."""

    def answer(step: Step, at: float) -> Seen:
        wait = max(step.load / served - 1, 0.0)
        reached = 0.2 / wait - 1 if wait else math.inf
        due = round(step.load)
        bad = tuple(round(due * min(1.0, max(0.0, second + 1 - reached))) for second in range(5))
        counts = {"latency p99": Counts(bad, (due,) * 5)}
        return Seen(step.load, step.seconds, at, at + step.seconds + 1.5, counts)

    return answer


@pytest.mark.parametrize("served", [510, 515, 531, 539, 597, 613])
def test_what_overflows_at_once_is_not_probed_where_verdicts_are_there_already(served: float) -> None:
    """Few requests a probe, none or many of them late: no curve comes of that, and both ends are decided."""
    plan = Plan((replace(P99, within=0.2),), served / 1.7, 2200, probe=5, width=0.1, budget=300, before=1)
    found, _ = searched(plan, link(served))
    assert found.end is End.FOUND
    assert found.low <= served < served * (1 + 0.2 / 5.95) <= found.high * 1.001
    assert found.seconds < 150


def unsteady_link(served: float, by: float, rng: np.random.Generator) -> Answer:
    """The same of a link that serves so much but for `by`, from probe to probe and from second to second."""

    def answer(step: Step, at: float) -> Seen:
        whole, due = served * (1 + by * rng.normal()), round(step.load)
        waiting, bad = 0.0, []
        for _ in range(6):
            second = whole * (1 + by * rng.normal())
            late = 0.0
            for _ in range(10):
                waiting = max(0.0, waiting + (step.load - second) / 10)
                late += due / 10 if waiting > 0.2 * whole else 0
            bad.append(min(due, round(late)))
        counts = {"latency p99": Counts(tuple(bad[1:]), (due,) * 5)}
        return Seen(step.load, step.seconds, at, at + step.seconds + 1.5, counts)

    return answer


@pytest.mark.parametrize(
    ("served", "by", "seed"), [(515.9, 0.003, 2), (521.7, 0.003, 1), (500.6, 0.005, 1), (504.2, 0.005, 1)]
)
def test_loads_without_a_verdict_are_left_for_some_that_get_one(served: float, by: float, seed: int) -> None:
    """A limit that is one of the two loads beside it, or moves about them, decides neither; nor do loads that
    are probed once each, or those that were decided long ago.
    """
    plan = Plan(
        (replace(P99, within=0.2),), int(served / 1.6), 2400, probe=5, width=0.1, budget=300, before=1
    )
    found, _ = searched(plan, unsteady_link(served, by, np.random.default_rng(seed)))
    assert found.end is End.FOUND
    assert found.low <= served * (1 + by) < served * (1.033 - by) <= found.high


def test_a_share_that_is_near_the_limit_at_every_load_gives_no_interval() -> None:
    """One server in a hundred may fail at any load: then it is no load at which the limit is crossed, and
    neither a gate below nor one above where the search happened to look is kept or broken.
    """
    rng = np.random.default_rng(7)

    def answer(step: Step, at: float) -> Seen:
        each = int(step.load * step.seconds / 8)
        chance = ndtr(ndtri(0.0104) + 0.15 * rng.normal(size=8)) if step.load < 900 else np.full(8, 0.4)
        bad = tuple(int(one) for one in rng.binomial(each, chance))
        return Seen(
            step.load, step.seconds, at, at + step.seconds + 5, {"latency p99": Counts(bad, (each,) * 8)}
        )

    found, _ = searched(Plan((P99,), 100, 9000, budget=1200), answer)
    assert (found.end, found.low, found.high) == (End.UNDECIDED, 0, math.inf)


def sheds(load: float, _at: float) -> float:
    """Answers what is above 1,000 with an error, quickly."""
    return max(0.0, 1 - 1000 / load)


def gives_up(load: float, _at: float) -> float:
    """Answers nothing but errors above 1,000, quickly."""
    return 0.0 if load <= 1000 else 1.0


def faster_under_load(load: float, _at: float) -> float:
    """Is slow where it has little to do."""
    return 0.3 if load < 150 else gives_up(load, 0)


def cold(load: float, at: float) -> float:
    """Has nothing in its caches in the first seconds."""
    return 0.3 if at < 8 else gives_up(load, 0)


def slow_to_start(_load: float, _at: float) -> float:
    """Needs a part of each probe to come up to its speed."""
    return 0.25


@pytest.mark.parametrize(
    ("share", "end", "truth"),
    [
        (sheds, End.FOUND, 1000 / 0.99),
        (gives_up, End.FOUND, 1000),
        (faster_under_load, End.BELOW, 0),
        (cold, End.FOUND, 1000),
        (slow_to_start, End.BELOW, 0),
    ],
)
def test_a_server_that_is_no_queue_is_searched_truly(
    share: Callable[[float, float], float], end: End, truth: float
) -> None:
    """What failed is slow, however quickly; and a capacity is one up to which the SLA is kept, from below."""
    found, _ = searched(
        Plan((P99, Limit("errors", 0.01)), 100, 9000), shares(("latency p99", share), ("errors", share))
    )
    assert found.end is end
    assert found.low <= truth <= found.high


@pytest.mark.parametrize("most", [960, 980, 1000, 1010])
def test_a_search_ends_soon_where_its_last_load_is_about_what_is_kept(most: float) -> None:
    """Once that is kept by verdict, or the interval up to it is narrow, no other probe can tell more."""
    found, steps = searched(Plan((P99,), 100, most), shares(("latency p99", rising(1000)), rate=1000))
    assert found.end is End.AT_LEAST
    assert most / 1.05 <= found.low <= 1000
    assert len(steps) < 35


def test_where_generators_end_a_load_that_is_kept_by_verdict_is_the_last_one() -> None:
    inner = shares(("latency p99", rising(1000)), rate=1000)

    def answer(step: Step, at: float) -> Seen:
        seen = inner(step, at)
        return replace(seen, invalid=("No CPU.",), generator=True) if step.load > 985 else seen

    found, steps = searched(Plan((P99,), 784, 9000, step=0.25), answer)
    assert found.end is End.GENERATORS
    assert found.kept == pytest.approx(980, abs=1)
    assert len(steps) < 25


@pytest.mark.parametrize("capacity", [11.3, 23.2, 52.3, 54.6, 56.2, 57.4])
def test_a_search_of_whole_numbers_that_ends_before_its_budget_is_no_wider_than_asked(
    capacity: float,
) -> None:
    """What it lacks of a whole number on both sides makes it no wider."""
    plan = Plan((P99,), 5, 256, width=0.1, whole=True)
    found, _ = searched(plan, shares(("latency p99", rising(capacity)), rate=500))
    assert found.seconds < 1500
    assert found.end is End.FOUND, (found.low, found.high)


def test_generators_that_end_between_two_verdicts_take_none_of_them_away() -> None:
    """As on a machine that is busy for a while: what broke above was broken by good probes."""
    inner = shares(("latency p99", lambda load, _at: 1e-4 if load < 1000 else 0.5), rate=1000)

    def answer(step: Step, at: float) -> Seen:
        seen = inner(step, at)
        busy = 985 < step.load < 1030
        return replace(seen, invalid=("No CPU.",), generator=True) if busy else seen

    found, _ = searched(Plan((P99,), 500, 9000, width=0.1), answer)
    assert (found.end, found.reasons) == (End.FOUND, ())
    assert found.low <= 1000 <= found.high == found.broke
    found, steps = searched(Plan((P99,), 500, 9000, width=0.01), answer)
    assert (found.end, found.reasons) == (End.TOO_WIDE, ("No CPU.",))
    assert found.low <= 1000 <= found.high
    assert len(steps) < 40


def test_a_queue_that_grows_in_each_window_from_the_first_load_on_is_below() -> None:
    """Batches of a window differ as widely as they can, and windows do not differ at all."""
    bad, due = (0, 0, 22, 37, 37, 37, 37, 37), (37,) * 8

    def answer(step: Step, at: float) -> Seen:
        counts = {"latency p90": Counts(bad, due, {"one": (sum(bad), sum(due))})}
        return Seen(step.load, step.seconds, at, at + step.seconds + 1, counts)

    found, _ = searched(Plan((Limit("latency p90", 0.1),), 30, 400, probe=10), answer)
    assert found.end is End.BELOW


@pytest.mark.parametrize(("first", "later", "end"), [(1010, 5000, End.FOUND), (600, 1010, End.CONNECTIONS)])
def test_what_connections_allow_is_read_off_the_fastest_probes_that_keep(
    first: float, later: float, end: End
) -> None:
    """A server may be slow at first, or at little load, where clocks are low and caches cold."""
    inner = shares(("latency p99", rising(1000)))

    def answer(step: Step, at: float) -> Seen:
        return replace(inner(step, at), bound=first if step.load < 120 else later)

    found, _ = searched(Plan((P99,), 100, 50_000), answer)
    assert found.end is end
