"""Can the numbers of a point be believed? Why not, if they cannot.

Invalid is for instruments, never for bad clouds: nothing here looks at how a request ended, but for
local ports that ran out in a generator. Refused connections, timeouts, errors and silence are judged
by `sla/`, as failures of the cloud.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from kb_tests.measure.bounds import CPU, SHIFT_AT_MOST, SHIFT_SHARE, named
from kb_tests.measure.http.measurement import Block, Counts, GeneratorFacts, HttpMeasurement
from kb_tests.measure.http.merge import total
from kb_tests.scenario.http import HttpPoint, HttpSla
from kb_tests.scenario.units import counted, format_duration

LAG_SHARE = 0.1
LAG_AT_LEAST = 0.001
LAG_WITHOUT_LIMIT = 0.1
DUE_SHARE = 0.005
DUE_SLACK = 8
SHORTER = 0.998
"""How much shorter than it was a time may look in a histogram of three digits."""


def validity(point: HttpPoint, measurement: HttpMeasurement) -> tuple[str, ...]:
    """Why `measurement` must not be judged, one sentence each; empty if it may be (but see `sent_late`).

    - A generator process of an open loop used over 90 % of its CPU. (A closed loop uses what there is: it
      keeps no schedule that it could miss, and its times and rate are those of this generator, not limits
      of the cloud.)
    - A generator is missing, or there are more of them than were asked for.
    - A generator started, or may by its clock have started, off by more than 5 % of the window or 1 s.
    - A generator's clock stood still, or ran ahead, while it measured.
    - A generator ran out of local ports; a histogram is saturated.
    - Counts do not add up, what came is not so many whole pages, or fewer or more requests were due than the
      rate says; no request was due.
    """
    return tuple(_reasons(point, measurement))


def sent_late(point: HttpPoint, measurement: HttpMeasurement, sla: HttpSla) -> tuple[str, ...]:
    """Why response times may be those of the generators: the send lag's p99 of one is above a tenth of the
    tightest latency limit, and above 1 ms (above 0.1 s if no latency is limited).

    The lag is part of the response time, and a request that was sent too late, or never, still counts as due.
    So it can make a cloud look slower, never faster: what keeps its limits all the same has kept them.
    """
    lag = lag_limit(sla)
    agents = measurement.agents
    late = [f"{agent.agent} {format_duration(agent.lag_p99)}" for agent in agents if agent.lag_p99 > lag]
    if not late:
        return ()
    return (
        f"{len(late)} of {point.clients} generators sent too late, with a p99 above"
        f" {format_duration(lag)}: {named(late)}.",
    )


def starved(point: HttpPoint, measurement: HttpMeasurement) -> bool:
    """Whether generators could make no more load: their CPU or their local ports were used up."""
    connections = measurement.connections
    ports = measurement.counts.errors.get("ports_exhausted", 0)
    ports += connections.unavailable if connections else 0
    return ports > 0 or bool(_busy(point, measurement.agents))


def _busy(point: HttpPoint, agents: Sequence[GeneratorFacts]) -> list[str]:
    return [f"{agent.agent} {agent.cpu:.0%}" for agent in agents if point.rate and agent.cpu > CPU]


def _reasons(point: HttpPoint, measurement: HttpMeasurement) -> Iterator[str]:
    agents = measurement.agents
    if measurement.missing:
        names = [f"{name} ({why})" for name, why in measurement.missing.items()]
        yield f"{len(names)} of {point.clients} generators are missing: {named(names)}."
    if len(agents) + len(measurement.missing) > point.clients:
        known = len(agents) + len(measurement.missing)
        yield f"{counted(known, 'generator')} reported where {point.clients} took part."
    if not measurement.counts.due and (agents or not measurement.missing):
        yield "There is no sample: no request was due in the measured window."

    busy = _busy(point, agents)
    if busy:
        yield (
            f"{len(busy)} of {point.clients} generators had no CPU to spare (over {CPU:.0%}): {named(busy)}."
        )
    yield from _clocks(point, agents)
    yield from _stood_still(point, agents)

    ports = measurement.counts.errors.get("ports_exhausted", 0)
    if ports:
        yield f"Generators ran out of local ports for {counted(ports, 'request')}."
    unavailable = measurement.connections.unavailable if measurement.connections else 0
    if unavailable and not ports:
        yield f"Generators had no local port left for {counted(unavailable, 'connection')}."
    full = [agent.agent for agent in agents if agent.saturated]
    if full:
        yield f"The histograms of {len(full)} generators are saturated: {named(full)}."
    yield from _sums(point, measurement)


def lag_limit(sla: HttpSla) -> float:
    """Seconds of send lag (p99) that do not spoil the judgement of `sla`."""
    limits = sla.latency.limits().values() if sla.latency else ()
    return max(LAG_AT_LEAST, LAG_SHARE * min(limits)) if limits else LAG_WITHOUT_LIMIT


def _clocks(point: HttpPoint, agents: Iterable[GeneratorFacts]) -> Iterator[str]:
    limit = min(SHIFT_AT_MOST, SHIFT_SHARE * point.duration)
    skewed = [f"{agent.agent} {format_duration(agent.skew)}" for agent in agents if abs(agent.skew) > limit]
    if skewed:
        yield (
            f"{len(skewed)} of {point.clients} generators started off the common start by more than"
            f" {format_duration(limit)}: {named(skewed)}."
        )
    blurred = [
        f"{agent.agent} {format_duration(agent.clock_error)}"
        for agent in agents
        if not agent.clock_error <= limit
    ]
    if blurred:
        yield (
            f"The clocks of {len(blurred)} of {point.clients} generators are known no better than"
            f" {format_duration(limit)}: {named(blurred)}."
        )


def _stood_still(point: HttpPoint, agents: Iterable[GeneratorFacts]) -> Iterator[str]:
    for told, found in (
        ("stood still", [agent for agent in agents if agent.clock_lost > 0]),
        ("ran ahead", [agent for agent in agents if agent.clock_lost < 0]),
    ):
        if found:
            times = [f"{agent.agent} {format_duration(abs(agent.clock_lost))}" for agent in found]
            yield (
                f"The clocks of {len(found)} of {point.clients} generators {told} while they measured:"
                f" {named(times)}."
            )


def _sums(point: HttpPoint, measurement: HttpMeasurement) -> Iterator[str]:
    """What does not add up."""
    blocks: defaultdict[str, list[Block]] = defaultdict(list)
    for block in measurement.blocks:
        blocks[block.agent].append(block)
    wrong = []
    for agent in measurement.agents:
        parts = [block.counts for block in blocks[agent.agent]]
        why = (
            _discrepancy(point, agent, parts)
            or _off_schedule(point.rate * measurement.duration, agent.counts)
            or _other_connections(point, agent)
        )
        if why:
            wrong.append(f"{agent.agent} ({why})")
    if wrong:
        yield f"The counts of {len(wrong)} of {point.clients} generators do not add up: {named(wrong)}."

    window = sum(second.completed for second in measurement.seconds if 0 <= second.at < measurement.duration)
    warm_up = point.warm_up + (measurement.start.seconds if measurement.start else 0)
    before = point.clients * (point.rate * warm_up + point.connections)
    if window > measurement.counts.completed + before:
        yield (
            f"The counts do not add up: the seconds of the window show {window} completed requests, the"
            f" blocks {measurement.counts.completed}."
        )


def _discrepancy(point: HttpPoint, agent: GeneratorFacts, parts: Sequence[Counts]) -> str:
    page_size = point.page_size
    for part in (*parts, agent.counts):
        ended = part.completed + part.failed + part.unsent + part.inflight
        if part.due != ended:
            return f"{part.due} requests were due, {ended} ended"
        if part.bytes != part.completed * page_size:
            return f"{part.completed} pages of {page_size} bytes came as {part.bytes} bytes"
        if part.completed + part.inflight > part.sent:
            ended = part.completed + part.inflight
            return f"{ended} requests were answered or waited for their answer, {part.sent} were sent"
        if part.sent + part.unsent > part.due:
            return f"{part.sent} requests were sent and {part.unsent} were not, of {part.due} that were due"
    blocks = total(parts)
    if blocks != agent.counts:
        return (
            f"its blocks hold {blocks.due} due and {blocks.completed} completed requests, its final report"
            f" {agent.counts.due} and {agent.counts.completed}"
        )
    timed = agent.response.count
    if not agent.counts.completed <= timed <= agent.counts.due:
        return f"{agent.counts.completed} requests completed, but {timed} response times were taken"
    given_up = timed - agent.counts.completed
    long = timed - agent.response.count_at_most(point.timeout * SHORTER)
    if given_up > long:
        return f"{given_up} requests were given up, but {long} took as long as that takes"
    return ""


def _other_connections(point: HttpPoint, agent: GeneratorFacts) -> str:
    found = agent.connections
    if found is None or (point.connections == found.asked >= found.open >= found.least):
        return ""
    told = f"{found.asked}, {found.open} of them open at first, {found.least} at least"
    return f"it was asked for {counted(point.connections, 'connection')}, and tells of {told}"


def _off_schedule(planned: float, counts: Counts) -> str:
    """An open loop's requests are due by the clock, whatever the cloud does."""
    if planned and abs(counts.due - planned) > max(DUE_SLACK, DUE_SHARE * planned):
        return f"{counts.due} requests were due where the rate means {math.floor(planned)}"
    return ""
