"""What a search says in the end: its interval where there is one, and why there is none where not."""

from __future__ import annotations

import math

from scipy.special import ndtri

from kb_tests.sla.capacity.known import Known
from kb_tests.sla.capacity.model import NUMBERED, Capacity, Counts, End, Limit, Means, Seen
from kb_tests.sla.capacity.near import Near
from kb_tests.sla.verdict import Outcome

BOUND = 0.1
"""A capacity that is so near to what the connections allow is that of the connections."""

DRIFT = 2.6
"""The t value beyond which a trend in time of what the curve leaves over is a drift."""


def off(seen: Seen, limit: Limit) -> float:
    """How far a probe's share is above what `limit` allows, on the probit scale."""
    return _probit(seen.counts[limit.name]) - float(ndtri(limit.allowed))


def _probit(counts: Counts) -> float:
    return float(ndtri((sum(counts.bad) + 0.5) / (sum(counts.due) + 1)))


def found(known: Known, near: Near | None, seconds: float, capped: tuple[str, ...]) -> Capacity:
    """The answer of a search that came to its end: an interval, or what keeps it from being one. `capped`
    says why generators made no more.
    """
    kept, broke = known.kept, known.broke
    low, high = kept, broke
    if near is not None and near.ready and near.rises and not known.narrow():
        low, high = max(min(near.low, _without_curve(known)), kept), min(near.high, broke)
        if low >= high:
            return capacity(known, near, End.CONTRADICTION, (), seconds)
        if abs(near.first.drift()) > DRIFT:
            return capacity(known, near, End.DRIFTING, (), seconds)
    if not known.plan.for_long(low):
        low = 0.0  # of whole numbers none is known to keep
    if high > known.top and not math.isfinite(broke):
        above = End.GENERATORS if capped else End.AT_LEAST
        return capacity(known, near, above if low else End.UNDECIDED, capped, seconds, low=low)
    if not low or not math.isfinite(high):
        return capacity(known, near, End.UNDECIDED, (), seconds)
    if bound := _bound(known, low, high):
        return capacity(known, near, End.CONNECTIONS, (f"{bound:.4g}",), seconds)
    enough = known.plan.whole and high / low <= known.plan.narrow * (1 + 1e-6)
    low, high, narrow = _narrow(known, known.plan.for_long(low), high)
    end = End.FOUND if narrow or enough else End.TOO_WIDE
    reasons = capped if end is End.TOO_WIDE else ()
    return capacity(known, near, end, reasons, seconds, low=low, high=high)


def _without_curve(known: Known) -> float:
    """The highest load that seems to keep the limits of which there is no curve: what a curve says of others
    says nothing of them.
    """
    found = known.crossings(also_short=False)
    return min((found[one.name][0] for one in known.plan.limits if one.means is Means.MEAN), default=math.inf)


def _narrow(known: Known, low: float, high: float) -> tuple[float, float, bool]:
    """The interval as it is told, and whether that is narrow enough: of whole numbers, those that may be the
    largest that keeps.
    """
    plan = known.plan
    if not plan.whole:
        return low, high, high / low <= 1 + plan.width * (1 + 1e-6)
    first, last = math.floor(low + 1e-9), max(math.floor(low + 1e-9), math.ceil(high - 1e-9) - 1)
    narrow = last == first or (first > 0 and last / first <= 1 + plan.width * (1 + 1e-6))
    return float(first), float(last), narrow


def _bound(known: Known, low: float, high: float) -> float:
    """What the connections allow at the shortest service time of the probes that keep, if the capacity is no
    other: at little load, and at first, a server may be slower than it is at its capacity.
    """
    seen = (one.bound for one in known.short + known.whole if one.bound is not None and one.load <= low)
    bound = max(seen, default=0.0)
    return bound if low * (1 - BOUND) <= bound <= high * (1 + BOUND) else 0.0


def capacity(
    known: Known,
    near: Near | None,
    end: End,
    reasons: tuple[str, ...],
    seconds: float,
    *,
    low: float = 0.0,
    high: float = math.inf,
) -> Capacity:
    """The answer with this `end`; an interval only where that gives one."""
    kept, broke = known.kept, known.broke
    if not known.monotone:
        kept = max(known.loads(Outcome.PASS), default=0.0)
    if end in (End.AT_LEAST, End.GENERATORS):
        low = known.plan.for_long(max(low, kept))
    elif end is End.BELOW:
        low, high = 0.0, known.broke
    elif end not in NUMBERED:
        low, high = 0.0, math.inf
    more = 0.0
    if end is End.TOO_WIDE and low:
        wide = math.log(high / low) / math.log1p(known.plan.width)
        more = seconds * max(0.0, wide * wide - 1)
    return Capacity(
        end,
        low,
        high,
        kept,
        broke,
        _first(known, near),
        len(known.whole) + len(known.short) + known.cold,
        seconds,
        reasons,
        more,
        near.first.drawn() if near is not None and near.ready else (),
    )


def _first(known: Known, near: Near | None) -> str:
    """The name of the limit that breaks first."""
    if near is not None:
        return near.limit
    if not known.whole and not known.short:
        return known.plan.limits[0].name
    ends = known.crossings(also_short=True)
    return min(ends, key=lambda name: ends[name][1])
