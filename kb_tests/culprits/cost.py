"""What culprits cost, and since when: what would be without them, and the second in which it began."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from kb_tests.compare.estimate import of_percentile
from kb_tests.compare.ratio import Ratio
from kb_tests.culprits.samples import Block, Seen, Slow
from kb_tests.measure.latency import Latency

PARTS = 8
CLEAR = 3.0
"""How many times as many as before have to be bad for a second to be the one in which it began."""

SOME = 20
"""Bad ones that it takes to tell when they began."""


@dataclass(frozen=True)
class Without:
    """The percentile in seconds without the culprits' servers, between `low` and `high`."""

    value: float
    low: float
    high: float


def halves(seen: Sequence[Seen]) -> tuple[list[Seen], list[Seen]]:
    """The even and the odd blocks of each agent: culprits that are chosen by the ones are looked at in the
    others, since what was chosen for being slow looks slower than it is.
    """
    return [_part(one, 0) for one in seen], [_part(one, 1) for one in seen]


def _part(seen: Seen, which: int) -> Seen:
    blocks = tuple(block for block in seen.blocks if round(block.at / block.seconds) % 2 == which)
    return Seen(
        seen.agent, Latency.merged([block.times for block in blocks]), seen.failed, seen.rate, 0.0, blocks
    )


def without(seen: Sequence[Seen], culprits: Collection[str], limit: Slow, error: float) -> Without | None:
    """The percentile of `limit` over all agents but `culprits`, bounded at `error`; None where the blocks do
    not tell it.
    """
    rest = [block for one in seen if one.agent not in culprits for block in one.blocks]
    by_time: defaultdict[float, list[Latency]] = defaultdict(list)
    for block in rest:
        by_time[block.at].append(block.times)
    if len(by_time) < 3:
        return None
    each = [Latency.merged(by_time[at]) for at in sorted(by_time)]
    parts = [
        Latency.merged([each[place] for place in places])
        for places in np.array_split(np.arange(len(each)), min(PARTS, len(each)))
    ]
    whole = Latency.merged(each)
    seconds = rest[0].seconds * len(each)
    found = of_percentile(limit.percent, whole, parts, seconds, limit.cap)
    if found is None or not found.bounded:
        return None
    log = Ratio(
        found.log,
        min(found.log, found.mean),
        max(found.log, found.mean),
        found.error,
        found.freedom,
        found.floor,
    )
    return Without(math.exp(found.log), math.exp(log.low(error / 2)), math.exp(log.high(error / 2)))


def since(seen: Sequence[Seen], culprits: Collection[str], limit: float) -> float | None:
    """The second of the window in which the culprits began to be slower than `limit` seconds; None where they
    were from its begin on, or where it cannot be told.

    The one step in their shares that leaves the least squares, if it is a clear one.
    """
    blocks = [block for one in seen if one.agent in culprits for block in one.blocks if block.at >= 0]
    times = sorted({block.at for block in blocks})
    due, bad = (
        np.array([sum(_of(block, at, what, limit) for block in blocks) for at in times]) for what in "db"
    )
    if len(times) < 4 or bad.sum() < SOME:
        return None
    shares = bad / np.maximum(due, 1)
    steps = range(1, len(times) - 1)
    step = min(steps, key=lambda place: _squares(shares[:place]) + _squares(shares[place:]))
    before, after = shares[:step].mean(), shares[step:].mean()
    return float(times[step]) if after > CLEAR * before and after > 0 else None


def _of(block: Block, at: float, what: str, limit: float) -> int:
    if block.at != at:
        return 0
    return block.times.count if what == "d" else block.times.slower(limit)


def _squares(shares: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return float(((shares - shares.mean()) ** 2).sum())
