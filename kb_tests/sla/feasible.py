"""What a scenario cannot show, known before anything is staged."""

from __future__ import annotations

import math
from collections.abc import Iterator

from kb_tests.scenario.model import HttpScenario, Scenario
from kb_tests.scenario.points import HttpPoint, StoragePoint, expand
from kb_tests.scenario.storage import StorageScenario
from kb_tests.scenario.units import format_duration
from kb_tests.sla.bounds import BATCHES, FEWEST_BATCHES, Clusters, needed
from kb_tests.sla.count import checks_of
from kb_tests.sla.family import look_lengths, number_of_checks


def feasible(scenario: Scenario, checks: int | None = None) -> list[str]:
    """One sentence for each limit that no result of `scenario` could show to be kept; empty if there is none.

    `checks` is how many checks the run makes; None stands for those of this scenario alone. The longest
    look of the point with the fewest requests decides. A closed loop's requests cannot be known before.
    """
    if isinstance(scenario, StorageScenario):
        return list(_storage_mistakes(scenario, checks))
    return list(_mistakes(scenario, checks))


def _mistakes(scenario: HttpScenario, checks: int | None) -> Iterator[str]:
    sla, load = scenario.sla, scenario.load
    points = [point for point in expand(scenario) if isinstance(point, HttpPoint)]
    lengths = look_lengths(load.duration, load.max_duration or load.duration)
    if lengths[-1] < FEWEST_BATCHES:
        yield f"load.duration: {format_duration(lengths[-1])} is too short; {FEWEST_BATCHES}s is the least."
        return
    if sla.achieved is not None and sla.achieved >= 1:
        yield "sla.achieved: no sample shows that 100% are always achieved; ask for 99.5% or less."
    shares = {}
    for percent, limit in sla.latency.limits().items() if sla.latency else ():
        if limit >= load.timeout:
            yield (
                f"sla.latency.p{percent:g}: its limit of {format_duration(limit)} is not below load.timeout"
                f" ({format_duration(load.timeout)}), at which a request is given up."
            )
        shares[f"sla.latency.p{percent:g}"] = 1 - percent / 100
    if sla.errors is not None:
        shares["sla.errors"] = sla.errors
    open_loops = [point for point in points if point.rate]
    if not open_loops:
        return
    smallest = min(open_loops, key=lambda point: point.offered)
    offered, what = smallest.offered, "requests"
    if load.warm_up is None:
        offered, what = offered / 2, "requests after the warm-up"  # which may take half of the window
    family = checks or len(points) * number_of_checks(sla)
    for key, share in shares.items():
        if 0 < share < 1:
            alpha = (1 - sla.confidence) / max(1, family) / len(lengths)
            found = _too_few(key, share, smallest.id, offered, what, lengths[-1], alpha)
            if found:
                yield found


def _storage_mistakes(scenario: StorageScenario, checks: int | None) -> Iterator[str]:
    sla, load = scenario.sla, scenario.load
    points = [point for point in expand(scenario) if isinstance(point, StoragePoint)]
    longest = 0.0 if load.steady else (load.max_duration or 0.0)
    lengths = look_lengths(load.duration, max(load.duration, longest))
    if lengths[-1] < FEWEST_BATCHES:
        yield f"load.duration: {format_duration(lengths[-1])} is too short; {FEWEST_BATCHES}s is the least."
        return
    if sla.achieved is not None and sla.achieved >= 1:
        yield "sla.achieved: no sample shows that 100% are always achieved; ask for 99.5% or less."
    family = checks or sum(checks_of(point, sla) for point in points)
    alpha = (1 - sla.confidence) / max(1, family) / len(lengths)
    wanted = [
        (f"sla.{name}_latency.p{percent:g}", 1 - percent / 100, name)
        for name, latency in (("read", sla.read_latency), ("write", sla.write_latency))
        for percent in (latency.limits() if latency else ())
    ]
    wanted += [("sla.errors", sla.errors, "")]
    for key, share, name in wanted:
        offered = [(point.offered * _share(point, name), point.id) for point in points]
        rate, id_ = min((entry for entry in offered if entry[0]), default=(0.0, ""))
        if 0 < share < 1 and rate:
            found = _too_few(key, share, id_, rate, f"{name or 'I/O'}s", lengths[-1], alpha)
            if found:
                yield found


def _share(point: StoragePoint, direction: str) -> float:
    """Of the point's I/Os; "" is of both directions."""
    return {"read": point.reads, "write": 1 - point.reads}.get(direction, 1.0)


def _too_few(
    key: str, share: float, point: str, offered: float, what: str, seconds: float, alpha: float
) -> str:
    clusters = [Clusters(min(BATCHES, math.floor(seconds)), 0.0)]
    need, has = needed(share, alpha, clusters), math.floor(offered * seconds)
    if has >= need:
        return ""
    return (
        f"{key}: takes at least {need:,.0f} {what} to show, but {point} makes {has:,} in"
        f" {format_duration(seconds)}; raise load.max_duration to"
        f" {format_duration(math.ceil(need / offered))}, the rate or the limit, or check less."
    )
