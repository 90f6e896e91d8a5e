"""Limits of a storage scenario that its sample could not show."""

from __future__ import annotations

from collections.abc import Iterator

from kb_tests.scenario.points import scales
from kb_tests.scenario.storage import StoragePoint, StorageScenario, storage_points
from kb_tests.sla.achieved import needed as enough_lost
from kb_tests.sla.bounds import needed
from kb_tests.sla.deciding import Asked
from kb_tests.sla.family import look_lengths
from kb_tests.sla.sample_size import too_few, too_short
from kb_tests.sla.storage.judge import number_of_checks


def mistakes(scenario: StorageScenario, checks: int | None) -> Iterator[str]:
    """The sentences of `feasible`, one at a time."""
    sla, load = scenario.sla, scenario.load
    numbers = scales(load.clients, scenario.topology.servers)
    points = [point for clients in numbers for point in storage_points(scenario, clients)]
    longest = 0.0 if load.steady else (load.max_duration or 0.0)
    lengths = look_lengths(load.duration, max(load.duration, longest))
    wanted = [
        (f"sla.{name}_latency.p{percent:g}", 1 - percent / 100, name)
        for (name, _), latency in sla.times(rate=1).items()
        for percent in latency.limits()
    ]
    wanted += [("sla.errors", sla.errors, "")]
    shares = [share for _, share, _ in wanted]
    shares += [1 - percent / 100 for times in sla.times(rate=0).values() for percent in times.limits()]
    if short := too_short(lengths[-1], shares):
        yield short
        return
    if sla.achieved is not None and sla.achieved >= 1:
        yield "sla.achieved: no sample shows that 100% are always achieved; ask for 99.5% or less."
    family = checks or sum(number_of_checks(point, sla) for point in points)
    alpha = (1 - sla.confidence) / max(1, family) / len(lengths)
    asked = [(key, share, name, needed) for key, share, name in wanted]
    if sla.achieved is not None:
        asked += [("sla.achieved", 1 - sla.achieved, name, enough_lost) for name in ("read", "write")]
    for key, share, name, enough in asked:
        offered = [(point.offered * _share(point, name), point.id) for point in points]
        rate, id_ = min((entry for entry in offered if entry[0]), default=(0.0, ""))
        if 0 < share < 1 and rate:
            found = too_few(key, share, id_, rate, f"{name or 'I/O'}s", lengths, alpha, enough)
            if found:
                yield found


def _share(point: StoragePoint, direction: str) -> float:
    """Of the point's I/Os; "" is of both directions."""
    return {"read": point.reads, "write": 1 - point.reads}.get(direction, 1.0)


def deciding(scenario: StorageScenario) -> Iterator[Asked]:
    """Its limits on shares, each at the point with the fewest I/Os of its direction; none of closed loops
    and searches.
    """
    sla, load = scenario.sla, scenario.load
    numbers = scales(load.clients, scenario.topology.servers)
    points = [point for clients in numbers for point in storage_points(scenario, clients)]
    points = [point for point in points if not point.search]
    alpha = (1 - sla.confidence) / max(1, sum(number_of_checks(point, sla) for point in points))
    wanted = [
        (f"sla.{name}_latency.p{percent:g}", 1 - percent / 100, name)
        for (name, _), latency in sla.times(rate=1).items()
        for percent in latency.limits()
    ]
    for key, share, name in [*wanted, ("sla.errors", sla.errors, "")]:
        offered = [(point.offered * _share(point, name), point) for point in points]
        rate, point = min((one for one in offered if one[0]), key=lambda one: one[0], default=(0.0, None))
        if 0 < share < 1 and point is not None:
            yield Asked(key, share, point.id, rate, f"{name or 'I/O'}s", point.clients, alpha)
