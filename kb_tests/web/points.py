"""A point as its page shows it: checks, seconds, percentiles, hosts, generators."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from kb_tests.cloud.topology import Role
from kb_tests.report.by_host import short
from kb_tests.report.capacity import asked, narrower
from kb_tests.report.charts.described import of_point
from kb_tests.report.record import PointRecord, RunRecord, TopologyRecord
from kb_tests.report.view import view
from kb_tests.report.views import PointView, RunView
from kb_tests.web.face import SHOWN, Face, percentiles
from kb_tests.web.problems import Problem
from kb_tests.web.runs import checks, point_row
from kb_tests.web.shapes.points import (
    HeatShape,
    HostShape,
    PointShape,
    SearchShape,
    Seconds,
    Table,
    TimeLimit,
)
from kb_tests.web.shapes.runs import CheckShape
from kb_tests.web.workloads import WORKLOADS

Buckets = Mapping[int, tuple[tuple[int, int], ...]]
"""{second: its [bucket, count] pairs}"""

_LATENCY = re.compile(r"(?:(\w+)[ _])?latency p([\d.]+)")


def point_shape(
    record: RunRecord,
    name: str,
    attempt: int,
    buckets: Callable[[], Buckets],
    seen: RunView | None = None,
) -> PointShape:
    """All that a point's page shows; `buckets` finds those of its seconds, if they are still there.

    `seen` is the view of `record`, for who has it.

    Raises Problem where there is no such point, RecordError where a histogram cannot be read.
    """
    every = [point for scenario in (seen or view(record)).scenarios for point in scenario.points]
    place = next((i for i, p in enumerate(every) if (p.record.id, p.record.attempt) == (name, attempt)), None)
    if place is None:
        raise Problem(
            HTTPStatus.NOT_FOUND, "This run has no such point.", "GET /api/v1/runs/{run} lists them."
        )
    point = every[place]
    one = point.record
    topology = next(
        (scenario.topology_of(one) for scenario in record.scenarios if scenario.name == one.point.scenario),
        None,
    )
    shapes = checks(point)
    limits = tuple(_limits(shapes))
    face = WORKLOADS[one.point.kind]
    times = list(face.times(point.shown)) if point.shown else []
    neighbours = [(p.record.id, p.record.attempt) for p in every]
    return PointShape(
        run=record.run,
        cloud=record.cloud,
        row=point_row(point),
        status=str(one.status),
        reason=one.reason,
        findings=point.findings,
        notes=point.notes,
        confidence=point.confidence,
        duration=one.point.duration,
        warm_up=one.point.before,
        checks=shapes,
        facts=point.facts,
        limits=limits,
        charts=tuple(of_point(point)),
        percents=SHOWN,
        percentiles=tuple(percentiles(times)),
        seconds=_seconds(face, one, buckets),
        hosts=_hosts(face, point, topology),
        ways=Table(columns=point.hosts.columns, rows=point.hosts.rows, more=point.hosts.more)
        if point.hosts
        else None,
        generators=tuple(face.generators(one.measurement)) if one.measurement else (),
        before=neighbours[place - 1] if place else None,
        after=neighbours[place + 1] if place + 1 < len(every) else None,
        search=_search(point),
    )


def _search(point: PointView) -> SearchShape | None:
    found = point.record.capacity
    if found is None or point.tried is None:
        return None
    tried = Table(columns=point.tried.columns, rows=point.tried.rows, more=0)
    return SearchShape(
        told=point.told,
        asked=tuple(asked(found)),
        tried=tried,
        narrower=narrower(found, point.record.point.scenario),
    )


def _limits(shapes: Sequence[CheckShape]) -> Iterator[TimeLimit]:
    for check in shapes:
        if found := _LATENCY.fullmatch(check.name):
            yield TimeLimit(
                name=f"{found[1]} p{found[2]}" if found[1] else f"p{found[2]}",
                percent=float(found[2]),
                seconds=check.limit_value,
                outcome=check.outcome,
                value=check.at * check.limit_value,
            )


def _seconds(face: Face[Any, Any], one: PointRecord, buckets: Callable[[], Buckets]) -> Seconds | None:
    """With the heat map of the record; where that has none, with the one that the session told of."""
    if one.measurement is None:
        return None
    found = face.seconds(one.measurement)
    if found.heats or not (known := buckets()):
        return found
    first, last = min(known), max(known)
    rows = tuple(known.get(second, ()) for second in range(first, last + 1))
    return found.model_copy(update={"heats": (HeatShape(name="all", at=first, step=1, rows=rows),)})


def _hosts(face: Face[Any, Any], point: PointView, topology: TopologyRecord | None) -> tuple[HostShape, ...]:
    """The hosts of the run with the p99 of the servers on each, as far as they were loaded."""
    if topology is None or point.shown is None:
        return ()
    zones = {server.host: server.zone for server in topology.servers}
    servers: defaultdict[str, int] = defaultdict(int)
    makers: defaultdict[str, int] = defaultdict(int)
    for server in topology.servers:
        servers[server.host] += server.role in (Role.SERVER, Role.STORAGE)
        makers[server.host] += server.role is Role.CLIENT
    loaded = {host: members for host, members in face.by_host(point.shown).items() if host}
    return tuple(
        HostShape(
            host=short(host),
            zone=zones.get(host, ""),
            servers=servers[host],
            generators=makers[host],
            p99=loaded[host][0] if host in loaded else math.nan,
            completed=loaded[host][1] if host in loaded else 0,
            failed=loaded[host][2] if host in loaded else 0,
        )
        for host in sorted(zones, key=lambda host: (zones[host], host))
        if host
    )


__all__ = ["Buckets", "point_shape"]
