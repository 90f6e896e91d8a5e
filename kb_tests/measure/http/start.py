"""The warm-up of a point that was asked to find it: what is cut off the beginning of its window.

Only slow answers can be a warm-up. A failed request is never cut away, nor anything after
it, so that a cloud which fails at the start cannot hide behind its own warm-up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Block, HttpMeasurement, Start
from kb_tests.measure.http.merge import achieved, total
from kb_tests.measure.steady import warm_up_end


def without_start(measurement: HttpMeasurement) -> HttpMeasurement:
    """`measurement` with what it found to be its warm-up before time zero, and all else of the rest alone.

    The cut is that of `steady.warm_up_end` in the geometric mean of each second's p50 and p99, at the end of
    a time block. What the instruments say (lag, CPU) stays that of the whole window. A measurement whose
    agents contradict themselves stays as it is, for `validity` to refuse.
    """
    blocks = measurement.blocks
    for agent in measurement.agents:
        if total(block.counts for block in blocks if block.agent == agent.agent) != agent.counts:
            return measurement
    window = [second for second in measurement.seconds if 0 <= second.at < math.floor(measurement.duration)]
    end = warm_up_end([math.sqrt(second.p50 * second.p99) for second in window])
    cut = _at_block_end(blocks, end or 0, measurement.duration)
    kept = _after(blocks, cut)
    first = [block for block in blocks if block.at < cut - _TOUCHING]
    start = Start(
        seconds=cut,
        settled=end is not None,
        due=sum(block.counts.due for block in first),
        p99=Histogram.merged(block.response for block in first).percentile(99) if first else math.nan,
    )
    if not cut:
        return replace(measurement, start=start)
    seconds = tuple(replace(second, at=second.at - cut) for second in measurement.seconds)
    duration = measurement.duration - cut
    inside = [second for second in seconds if 0 <= second.at < math.floor(duration)]
    counts = total(block.counts for block in kept)
    agents = []
    for agent in measurement.agents:
        own = [block for block in kept if block.agent == agent.agent]
        response = Histogram.merged(block.response for block in own)
        since = None if agent.failing_since is None else max(0, agent.failing_since - round(cut))
        kept_counts = total(block.counts for block in own)
        agents.append(replace(agent, counts=kept_counts, response=response, failing_since=since))
    return replace(
        measurement,
        duration=duration,
        achieved=achieved(inside, counts, duration),
        throughput=sum(second.bytes for second in inside) / math.floor(duration),
        counts=counts,
        response=Histogram.merged(block.response for block in kept),
        service=Histogram.merged(block.service for block in kept),
        seconds=seconds,
        heat=replace(measurement.heat, at=measurement.heat.at - round(cut)),
        blocks=kept,
        moments=_after(measurement.moments, cut),
        agents=tuple(agents),
        start=start,
    )


_TOUCHING = 1e-3


def _after(blocks: Iterable[Block], cut: float) -> tuple[Block, ...]:
    return tuple(
        replace(block, at=round(block.at - cut, 6)) for block in blocks if block.at >= cut - _TOUCHING
    )


def _at_block_end(blocks: Iterable[Block], cut: float, duration: float) -> float:
    """The end of the block that holds second `cut`, if that is under half of the window, else its begin; at
    most the begin of the first block with a request that failed.
    """
    begins = sorted({round(block.at, 3) for block in blocks})
    failed = min(
        (block.at for block in blocks if block.counts.completed < block.counts.due), default=duration
    )
    up_to = min((at for at in begins if at >= cut), default=0.0)
    if up_to >= duration / 2:
        up_to = max((at for at in begins if at < cut), default=0.0)
    return max((at for at in begins if at <= min(up_to, failed)), default=0.0)
