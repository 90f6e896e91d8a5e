"""How long a service was off after something was done to the cloud: a mark, be it a hook's or a person's.

The terms are those of RFC 6412, where a router's forwarding has to recover: there the time from the event to
the moment from which on everything arrives is the full convergence time, and counts only once it was
sustained for a validation time. Here:

*Seconds* are those of the measured window. A request belongs to the second in which it was *due*: one that is
noticed to have failed after its timeout does not make the second of that bad.

*Good* is a second in which at most `Tolerance.errors` of the requests due failed, and the 99th percentile of
the others is at most `Tolerance.p99`. A second in which nothing was due is not good. One server of a thousand
is too small for either figure: so no more than `Tolerance.dark` clients may have had over half of their
requests failed or slower than that.

*Off* are all seconds from the mark to the end of the last one that is not good, before the window ends or the
next mark comes; the one in which the mark falls is looked at, too. What follows after `SUSTAINED` good ones
counts as well, since what is done may take its time to have an effect, with one exception: where the service
was off before, an isolated slow second, with as many good ones on either side and no more failures than are
tolerated, is only named. Such seconds come without any mark, too.

*Finer blocks* than a second tell when in the first and the last of these seconds it was off: from the first
to the last block that is not good by itself. Whether a second is good they do not say: the smaller a sample,
the more often one slow request makes a 99th percentile.

*Recovered* is the service when at least `SUSTAINED` good seconds follow. Else nobody knows for how long it
would have been off: the time is censored at the end of what was watched, and keeps no limit.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from kb_tests.measure.latency import Latency
from kb_tests.scenario.hooks import BASELINE, SUSTAINED, RecoveryLimit
from kb_tests.scenario.units import format_share

TIMES = 3.0
"""How many times the median of the seconds before the mark a second's p99 may be, where nobody says."""

LEAST_P99 = 0.100
"""Seconds that a p99 may always be where nobody says: what takes a tenth of a second at most still feels
immediate (Nielsen 1993, Usability Engineering, chapter 5), and servers that usually answer in 300 µs take
30 ms now and then."""

TIMES_ERRORS = 2.0
LEAST_ERRORS = 0.001
MOST_ERRORS = 0.01
"""The share of failures before the mark from which on there is nothing that could be recovered to."""

UNSTEADY = 0.2
"""The share of seconds before the mark that may be off themselves."""

EDGE = 1e-6


@dataclass(frozen=True)
class Mark:
    """Something that was done `at` so many seconds of the window, by a hook or by a person."""

    at: float
    name: str
    kind: Literal["hook", "marker"]

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


@dataclass(frozen=True)
class Slot:
    """The requests or I/Os that were due in [at, at + seconds) of the window, at one agent or at all. Those
    of one `client` belong together; one without a name is a client of its own.
    """

    at: float
    seconds: float
    latency: Latency
    client: str = ""


@dataclass(frozen=True)
class Tolerance:
    """What a second may have and be good: a share of failures, a 99th percentile in seconds, and clients for
    which more than half was failed or slower (None: any number of them).
    """

    errors: float
    p99: float
    dark: int | None = None


@dataclass(frozen=True)
class Recovery:
    """What followed a mark.

    `seconds` is the time from the mark to the moment from which on all was good; None if it did not recover
    before the `watched` seconds were over, or if `unknown` says why nothing can be told. Of them `off` were
    not good, from `first` s of the window on. `bad` of the requests due in these had no good
    answer, the worst p99 of the others was `p99`. It took `least` at least. `slow` are isolated slow seconds
    of the window that are not counted. `step` is how far apart the figures lie: nothing is known better.
    """

    mark: str
    kind: Literal["hook", "marker"]
    at: float
    watched: float
    seconds: float | None = None
    least: float = 0.0
    first: float | None = None
    off: float = 0.0
    bad: int = 0
    p99: float = math.nan
    tolerance: Tolerance | None = None
    slow: tuple[float, ...] = ()
    step: float = 1.0
    unknown: str = ""

    @property
    def named(self) -> str:
        """The mark for people."""
        return f"{self.kind} {self.mark!r}"


@dataclass(frozen=True)
class _Second:
    """A second of the window, or a finer block of it, all clients together."""

    at: float
    due: int
    bad: int
    p99: float
    clients: tuple[Latency, ...]

    @classmethod
    def of(cls, at: float, parts: Iterable[Slot]) -> _Second:
        by_client: defaultdict[str | int, list[Latency]] = defaultdict(list)
        for number, part in enumerate(parts):
            by_client[part.client or number].append(part.latency)
        clients = tuple(Latency.merged(own) if len(own) > 1 else own[0] for own in by_client.values())
        merged = Latency.merged(clients)
        p99 = merged.times.percentile(99) if merged.times.count else math.inf
        return cls(at, merged.count, merged.censored, p99, clients)

    @property
    def share(self) -> float:
        return self.bad / self.due if self.due else 1.0

    def fails(self, tolerance: Tolerance) -> bool:
        return not self.due or self.share > tolerance.errors

    def dark(self, p99: float) -> int:
        return sum(2 * client.slower(p99) > client.count for client in self.clients)

    def good(self, tolerance: Tolerance) -> bool:
        if self.fails(tolerance) or self.p99 > tolerance.p99:
            return False
        return tolerance.dark is None or self.dark(tolerance.p99) <= tolerance.dark


def recoveries(
    slots: Iterable[Slot], marks: Iterable[Mark], duration: float, limit: RecoveryLimit | None = None
) -> tuple[Recovery, ...]:
    """What followed each of `marks` in a window of `duration` seconds, in their order in time; `limit` says
    what good is, where it does.
    """
    parts = list(slots)
    seconds = _seconds(parts, duration)
    step = max((_step(part.seconds) for part in parts), default=1.0)
    ordered = sorted((mark for mark in marks if 0 <= mark.at < duration), key=lambda mark: mark.at)
    if not ordered:
        return ()
    before = [second for second in seconds if second.at + 1 <= ordered[0].at + EDGE]
    tolerance, why = _tolerance(before, limit)
    found = []
    for mark, until in zip(ordered, [*(mark.at for mark in ordered[1:]), math.floor(duration)], strict=True):
        one = Recovery(
            mark.name,
            mark.kind,
            mark.at,
            max(0.0, until - mark.at),
            tolerance=tolerance,
            step=step,
            unknown=why,
        )
        watched = [second for second in seconds if mark.at < second.at + 1 <= until + EDGE]
        found.append(one if why or tolerance is None else _follow(one, watched, tolerance, parts))
    return tuple(found)


def _tolerance(before: Sequence[_Second], limit: RecoveryLimit | None) -> tuple[Tolerance | None, str]:
    """What good is, by what was said and by the seconds before the first mark; or why nobody can say."""
    if len(before) < BASELINE:
        return None, (
            f"only {len(before)} s of the window came before it, and {BASELINE:g} s have to show what good is"
        )
    due = sum(second.due for second in before)
    share = sum(second.bad for second in before) / due if due else 1.0
    errors = limit.errors if limit and limit.errors is not None else max(LEAST_ERRORS, TIMES_ERRORS * share)
    usual = float(np.median([second.p99 for second in before]))
    p99 = limit.p99 if limit and limit.p99 is not None else max(LEAST_P99, TIMES * usual)
    dark = None if limit and limit.errors is not None else max(second.dark(p99) for second in before)
    tolerance = Tolerance(errors, p99, dark)
    off = sum(not second.good(tolerance) for second in before)
    if not share <= MOST_ERRORS or not math.isfinite(p99) or off > UNSTEADY * len(before):
        return tolerance, (
            f"the service was off before it already, in {off} of {len(before)} s, with {format_share(share)}"
            " of the requests failed: there is nothing that could be recovered to"
        )
    return tolerance, ""


def _follow(
    one: Recovery, watched: Sequence[_Second], tolerance: Tolerance, parts: Sequence[Slot]
) -> Recovery:
    good = [second.good(tolerance) for second in watched]
    slow = _isolated(watched, good, tolerance)
    counted = [place for place, fine in enumerate(good) if not fine and place not in slow]
    last = counted[-1] if counted else -1
    sustained = len(watched) - 1 - last
    off = [watched[place] for place in counted]
    during = [part for part in parts if any(_is_in(part, second.at) for second in off)]
    begin, end, length = _extent(one.at, off, parts, tolerance)
    return replace(
        one,
        seconds=None if sustained < SUSTAINED else end - one.at,
        least=end - one.at,
        first=begin if off else None,
        off=length,
        bad=sum(part.latency.censored for part in during),
        p99=max((second.p99 for second in off), default=math.nan),
        slow=tuple(watched[place].at for place in slow),
    )


def _extent(
    mark: float, off: Sequence[_Second], parts: Sequence[Slot], tolerance: Tolerance
) -> tuple[float, float, float]:
    """From when to when it was off after the mark, and for how many seconds of these."""
    if not off:
        return mark, mark, 0.0
    spans = [(second.at, second.at + 1) for second in off]
    spans[0] = (_narrowed(off[0], parts, tolerance)[0], spans[0][1])
    spans[-1] = (spans[-1][0], _narrowed(off[-1], parts, tolerance)[1])
    spans = [(max(begin, mark), max(end, mark)) for begin, end in spans]
    return spans[0][0], spans[-1][1], sum(end - begin for begin, end in spans)


def _narrowed(second: _Second, parts: Sequence[Slot], tolerance: Tolerance) -> tuple[float, float]:
    """From the first to the last finer block of a second that is not good by itself; all of the second where
    none is, or there are none. A block in which nothing was due tells nothing.
    """
    finer: defaultdict[tuple[float, float], list[Slot]] = defaultdict(list)
    for part in parts:
        if part.seconds < 1 - EDGE and _is_in(part, second.at):
            finer[round(part.at, 6), round(part.at + part.seconds, 6)].append(part)
    spans = [span for span, own in finer.items() if _is_bad(_Second.of(span[0], own), tolerance)]
    if not spans:
        return second.at, second.at + 1
    return min(begin for begin, _ in spans), max(end for _, end in spans)


def _is_bad(block: _Second, tolerance: Tolerance) -> bool:
    return block.due > 0 and not block.good(tolerance)


def _isolated(watched: Sequence[_Second], good: Sequence[bool], tolerance: Tolerance) -> list[int]:
    """Places of seconds that are slow alone, later than others were off, and good seconds all around them."""
    around = int(SUSTAINED)
    return [
        place
        for place, fine in enumerate(good)
        if not fine
        and not watched[place].fails(tolerance)
        and place >= around
        and not all(good[:place])
        and all(good[place - around : place])
        and len(good) > place + around
        and all(good[place + 1 : place + 1 + around])
    ]


def _seconds(parts: Sequence[Slot], duration: float) -> list[_Second]:
    """The whole seconds of the window: a part belongs to each of which it has half at least."""
    within: list[list[Slot]] = [[] for _ in range(math.floor(duration))]
    for part in parts:
        for at in range(math.floor(part.at), math.ceil(part.at + part.seconds)):
            if 0 <= at < len(within) and _is_in(part, at):
                within[at].append(part)
    return [_Second.of(float(at), own) for at, own in enumerate(within)]


def _step(seconds: float) -> float:
    return seconds if seconds < 1 else float(math.ceil(seconds - EDGE))


def _is_in(part: Slot, at: float) -> bool:
    return min(part.at + part.seconds, at + 1) - max(part.at, at) >= min(0.5, part.seconds) - EDGE
