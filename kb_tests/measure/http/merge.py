"""All agents' reports of one point become one HttpMeasurement, without loss."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby
from operator import attrgetter
from typing import Any

from kb_tests.fleet.http.messages import Done, HttpReport, KeptSecond, WireCounts
from kb_tests.fleet.packed import added
from kb_tests.measure.clocks import clock_error, lost
from kb_tests.measure.coarse import bucket_percentile
from kb_tests.measure.heat import Heat
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import (
    Block,
    Connections,
    Counts,
    GeneratorFacts,
    HttpMeasurement,
    Second,
)
from kb_tests.measure.whole import TOUCHING, sort_out, unfinished
from kb_tests.scenario.base import shared
from kb_tests.scenario.http import HttpPoint


def measure(point: HttpPoint, reports: Sequence[HttpReport]) -> HttpMeasurement:
    """Merge `reports`, one of each generator that took part.

    An agent whose report is not whole (see `flaw`) is `missing`: its blocks are left out, its seconds
    are kept in the series, so that a chart shows when it went away. `validity` then refuses the point.

    Blocks that are finer than a second are `moments`, and stand among `blocks` as whole seconds: what is
    resampled has to be long enough to be independent of the next.

    `achieved` and `throughput` are what ended well *inside* the measured window, from the per-second
    series, by its whole seconds: what an overloaded server answers later, in the drain, does not count.
    `achieved` is never more than what was *due* in the window and ended well, so that a backlog from before
    it, which a server or a late generator works off, makes up for no request that failed. A window shorter
    than a second has no such series.
    """
    whole, missing = sort_out(reports, point.clients, "generator", lambda report: _whole(point, report))
    moments = tuple(block for agent in whole for block in agent.blocks)
    blocks = tuple(block for agent in whole for block in by_second(agent.blocks))
    counts = total(agent.facts.counts for agent in whole)
    seconds, heat = merge_seconds(
        (second for report in reports for second in report.seconds),
        -math.ceil(point.warm_up),
        point.duration + point.timeout,
    )
    window = [second for second in seconds if 0 <= second.at < math.floor(point.duration)]
    span = float(math.floor(point.duration)) or point.duration
    return HttpMeasurement(
        point_id=point.id,
        duration=point.duration,
        offered=point.offered,
        achieved=achieved(window, counts, point.duration),
        throughput=(sum(second.bytes for second in window) if window else counts.bytes) / span,
        counts=counts,
        response=Histogram.merged(agent.facts.response for agent in whole),
        service=Histogram.merged(block.service for block in blocks),
        seconds=seconds,
        blocks=blocks,
        moments=moments if len(moments) > len(blocks) else (),
        agents=tuple(agent.facts for agent in whole),
        missing=missing,
        heat=heat,
        connections=_connections([agent.facts for agent in whole], window),
    )


def by_second(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """An agent's blocks in turn, those that are finer than a second joined to whole seconds of the window."""
    groups = groupby(blocks, key=lambda block: math.floor(block.at + TOUCHING))
    return tuple(_joined(tuple(group)) for _, group in groups)


def _joined(parts: Sequence[Block]) -> Block:
    """Blocks of one agent that follow each other as one."""
    if len(parts) == 1:  # tens of thousands in a point of a thousand agents
        return parts[0]
    return replace(
        parts[0],
        seconds=round(sum(part.seconds for part in parts), 6),
        counts=total(part.counts for part in parts),
        response=Histogram.merged(part.response for part in parts),
        service=Histogram.merged(part.service for part in parts),
    )


def achieved(window: Sequence[Second], counts: Counts, duration: float) -> float:
    """Requests per second that ended well inside a window of `duration` seconds, of which `window` are the
    whole ones, and `counts` all that was due in it.
    """
    of_due = counts.completed / duration
    return min(of_due, sum(second.completed for second in window) / len(window)) if window else of_due


def flaw(point: HttpPoint, report: HttpReport) -> str:
    """Why `report` is not whole, in one sentence; empty if it is.

    Whole means: the final report came; the blocks cover the measured window without gap or overlap;
    every second of it is there, once; all speak of the same command.
    """
    if why := unfinished(report):
        return why
    end = 0.0
    for block in sorted(report.blocks, key=lambda block: block.begin):
        if abs(block.begin - end) > TOUCHING:
            return f"its time blocks do not join at {end:g} s of the window"
        end = block.begin + block.seconds
    if abs(end - point.duration) > TOUCHING:
        return f"its time blocks cover {end:g} s of {point.duration:g} s"
    times = Counter(second.index for second in report.seconds)
    for second in range(math.floor(point.duration)):
        if times[second] == 0:
            return f"its report of second {second} is missing"
    if times and times.most_common(1)[0][1] > 1:
        return f"it reported second {times.most_common(1)[0][0]} more than once"
    most = max((second.open for second in report.seconds), default=0)
    if most > point.connections:
        return f"it had {most} connections open in a second, and was asked for {point.connections}"
    return ""


@dataclass(frozen=True)
class _Whole:
    facts: GeneratorFacts
    blocks: tuple[Block, ...]


def _whole(point: HttpPoint, report: HttpReport) -> _Whole | str:
    """What a whole report says, or why it is none."""
    why = flaw(point, report)
    if why or report.done is None:
        return why
    try:
        blocks = _blocks(report)
    except ValueError as error:
        return f"a histogram of it cannot be read: {error}"
    return _Whole(_facts(report, report.done, blocks, point.timeout), blocks)


def _connections(agents: Iterable[GeneratorFacts], window: Iterable[Second]) -> Connections | None:
    """Those of all agents, of which each has its own moment of fewest: the least of the point is the least of
    a second, as far as there are whole ones.
    """
    parts = [agent.connections for agent in agents if agent.connections is not None]
    if not parts:
        return None
    sums = {field.name: sum(getattr(part, field.name) for part in parts) for field in fields(Connections)}
    least = min((second.open for second in window if second.open is not None), default=sums["least"])
    return Connections(**sums | {"least": min(least, sums["open"])})


def _blocks(report: HttpReport) -> tuple[Block, ...]:
    """The agent's blocks in turn; raises ValueError for a histogram that is none."""
    wire = sorted(report.blocks, key=lambda block: block.begin)
    times = Histogram.decode_all([text for block in wire for text in (block.response, block.service)])
    return tuple(
        Block(
            agent=report.agent,
            at=block.begin,
            seconds=block.seconds,
            counts=_counts(block.counts),
            response=response,
            service=service,
        )
        for block, response, service in zip(wire, times[::2], times[1::2], strict=True)
    )


def _facts(report: HttpReport, done: Done, blocks: Iterable[Block], timeout: float) -> GeneratorFacts:
    own = {
        "agent": report.agent,
        "host": report.host,
        "counts": _counts(done.counts),
        "response": Histogram.merged(block.response for block in blocks),
        "clock_error": clock_error(report.clock_error, done.clock_change),
        "connections": Connections(**shared(done.connections, Connections)),
        "clock_lost": lost(done.clock_change, report.control_clock),
        "failing_since": failing_since(
            {second.index: second.failed for second in report.seconds}, math.ceil(timeout)
        ),
    }
    return GeneratorFacts(**shared(done, GeneratorFacts) | own)


_COUNTED = [field.name for field in fields(Counts) if field.name != "errors"]


def failing_since(failed: Mapping[int, int], timeout: int) -> int | None:
    """The first of those seconds on end, none before the window, in which most requests failed; of `failed`
    ones by second. A server that is gone makes them fail in bursts, `timeout` seconds apart: these belong
    together.
    """
    stretches: dict[int, int] = {}
    first = last = -2
    for index in sorted(second for second, count in failed.items() if second >= 0 and count):
        first = first if last >= 0 and index - last <= timeout + 1 else index
        stretches[first] = stretches.get(first, 0) + failed[index]
        last = index
    return max(stretches, key=lambda start: stretches[start], default=None)


def _counts(wire: WireCounts) -> Counts:
    return Counts(**shared(wire, Counts) | {"errors": {key: n for key, n in wire.errors.items() if n}})


def total(parts: Iterable[Counts]) -> Counts:
    """The sum of `parts`, errors by kind."""
    parts = tuple(parts)
    errors: Counter[str] = Counter()
    for part in parts:
        errors.update(part.errors)
    sums: dict[str, Any] = {name: sum(map(attrgetter(name), parts)) for name in _COUNTED}
    return Counts(**sums, errors={key: count for key, count in sorted(errors.items()) if count})


def merge_seconds(
    reports: Iterable[KeptSecond], first: float, last: float
) -> tuple[tuple[Second, ...], Heat]:
    """One `Second` for each index in `reports`, ascending, all agents added up; and the response times of the
    seconds from `first` to `last`.
    """
    by_index: defaultdict[int, list[KeptSecond]] = defaultdict(list)
    for report in reports:
        by_index[report.index].append(report)
    buckets = {index: added(part.packed for part in parts) for index, parts in by_index.items()}
    seconds = tuple(_second(index, by_index[index], buckets[index]) for index in sorted(by_index))
    return seconds, Heat.of(buckets, first, last)


_ADDED = {field.name for field in fields(KeptSecond)} & {field.name for field in fields(Second)}


def _second(index: int, parts: Sequence[KeptSecond], buckets: Mapping[int, int]) -> Second:
    sums: dict[str, Any] = {name: sum(map(attrgetter(name), parts)) for name in _ADDED}
    return Second(
        **sums,
        at=float(index),
        p50=bucket_percentile(buckets, 50),
        p99=bucket_percentile(buckets, 99),
        max=bucket_percentile(buckets, 100),
    )
