"""What a scenario cannot show, known before anything is staged."""

from __future__ import annotations

import math
from collections.abc import Iterator

from kb_tests.scenario.model import HttpScenario, Scenario
from kb_tests.scenario.points import HttpPoint, expand
from kb_tests.scenario.units import format_duration
from kb_tests.sla.bounds import BATCHES, FEWEST_BATCHES, Clusters, needed
from kb_tests.sla.family import look_lengths, number_of_checks


def feasible(scenario: Scenario, checks: int | None = None) -> list[str]:
    """One sentence for each limit that no result of `scenario` could show to be kept; empty if there is none.

    `checks` is how many checks the run makes; None stands for those of this scenario alone. The longest
    look of the point with the fewest requests decides. A closed loop's requests cannot be known before.
    """
    return list(_mistakes(scenario, checks)) if isinstance(scenario, HttpScenario) else []


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
    family = checks or len(points) * number_of_checks(sla)
    for key, share in shares.items():
        if 0 < share < 1:
            alpha = (1 - sla.confidence) / max(1, family) / len(lengths)
            yield from _too_few(key, share, smallest, lengths[-1], alpha)


def _too_few(key: str, share: float, point: HttpPoint, seconds: float, alpha: float) -> Iterator[str]:
    clusters = [Clusters(min(BATCHES, math.floor(seconds)), 0.0)]
    need, has = needed(share, alpha, clusters), math.floor(point.offered * seconds)
    if has < need:
        yield (
            f"{key}: takes at least {need:,.0f} requests to show, but {point.id} makes {has:,} in"
            f" {format_duration(seconds)}; raise load.max_duration to"
            f" {format_duration(math.ceil(need / point.offered))}, the rate or the limit, or check less."
        )
