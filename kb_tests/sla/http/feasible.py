"""Limits of an HTTP scenario that its sample could not show."""

from __future__ import annotations

from collections.abc import Iterator

from kb_tests.scenario.http import HttpScenario, http_points
from kb_tests.scenario.points import scales
from kb_tests.scenario.units import format_duration
from kb_tests.sla.achieved import needed as enough_lost
from kb_tests.sla.deciding import Asked
from kb_tests.sla.family import look_lengths
from kb_tests.sla.http.judge import number_of_checks
from kb_tests.sla.sample_size import too_few, too_short


def mistakes(scenario: HttpScenario, checks: int | None) -> Iterator[str]:
    """The sentences of `feasible`, one at a time."""
    sla, load = scenario.sla, scenario.load
    numbers = scales(load.clients, scenario.topology.servers)
    points = [point for clients in numbers for point in http_points(scenario, clients)]
    lengths = look_lengths(load.duration, load.max_duration or load.duration)
    percents = sla.latency.limits() if sla.latency else ()
    if short := too_short(lengths[-1], [*(1 - percent / 100 for percent in percents), sla.errors or 0]):
        yield short
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
    alpha = (1 - sla.confidence) / max(1, family) / len(lengths)
    for key, share in shares.items():
        if 0 < share < 1:
            found = too_few(key, share, smallest.id, offered, what, lengths, alpha)
            if found:
                yield found
    if sla.achieved is not None and sla.achieved < 1:
        lost = 1 - sla.achieved
        found = too_few("sla.achieved", lost, smallest.id, offered, what, lengths, alpha, enough_lost)
        if found:
            yield found


def deciding(scenario: HttpScenario) -> Iterator[Asked]:
    """Its limits on shares, at the point with the fewest requests; none of closed loops and searches."""
    sla, load = scenario.sla, scenario.load
    numbers = scales(load.clients, scenario.topology.servers)
    points = [point for clients in numbers for point in http_points(scenario, clients)]
    open_loops = [point for point in points if point.rate and not point.search]
    if not open_loops:
        return
    alpha = (1 - sla.confidence) / max(1, len(points) * number_of_checks(sla))
    smallest = min(open_loops, key=lambda point: point.offered)
    shares = {
        f"sla.latency.p{percent:g}": 1 - percent / 100
        for percent in (sla.latency.limits() if sla.latency else ())
    }
    if sla.errors is not None:
        shares["sla.errors"] = sla.errors
    for key, share in shares.items():
        if 0 < share < 1:
            yield Asked(key, share, smallest.id, smallest.offered, "requests", smallest.clients, alpha)
