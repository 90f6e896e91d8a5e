"""The search itself: ramp, narrow, then probe around the limit until the interval is narrow enough.

`search` is a generator: it yields the `Step` to make, is sent the `Seen` of it, and returns the `Capacity`.
It knows no clock and no cloud, so that the same answers lead to the same search.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import NoReturn

from kb_tests.sla.capacity import ending
from kb_tests.sla.capacity.aside import Bracket
from kb_tests.sla.capacity.curve import SEEN_NEAR
from kb_tests.sla.capacity.known import Known
from kb_tests.sla.capacity.model import Capacity, End, Means, Plan, Seen, Step
from kb_tests.sla.capacity.near import Near, fit
from kb_tests.sla.capacity.returned import moved
from kb_tests.sla.verdict import Outcome

Probing = Generator[Step, Seen, None]

NARROW_ENOUGH = 1.1
"""The crossing is known to this factor before the curve is asked."""

ALIKE = 1.02
"""Loads that are nearer to each other are the same to a bisection."""

AT_THE_END = 4
"""Whole probes at the largest load that may try to decide it, before others do."""

AT_THE_START = 8
"""Whole probes at the smallest load that may try to decide it: as many as parts of time are told apart, so
that windows in which a queue grows alike are seen to be alike.
"""

MOST_DRIFT = 2.6
"""Standard deviations by which the cloud may have moved."""

LONG_AGO = 90.0
"""Seconds after which a return to a load can show that something has moved."""

NEARLY = 1.25
"""So many times as wide as asked, and it is time to go back: those probes make it narrower, too."""

PLACES = (-1, 1, 1, -1)
"""Sides of the limit that local probes are on, in turn: a drift that is even in time cancels."""


class _Capped(Exception):  # noqa: N818 - it is no error
    """Generators end above a load that seems to keep: the search goes on below."""


class _Ended(Exception):  # noqa: N818 - it is no error
    """The search is over."""

    def __init__(self, end: End, reasons: tuple[str, ...] = ()) -> None:
        self.end, self.reasons = end, reasons


def search(plan: Plan) -> Generator[Step, Seen, Capacity]:
    """Search the capacity that `plan` asks for."""
    run = _Search(plan)
    try:
        yield from run.phases()
    except _Ended as ended:
        return ending.capacity(run.known, run.near, ended.end, ended.reasons, run.seconds)
    return ending.found(run.known, run.near, run.seconds, run.capped)


@dataclass
class _Search:
    plan: Plan
    known: Known = field(init=False)
    near: Near | None = None
    seconds: float = 0.0
    returned: bool = False
    capped: tuple[str, ...] = ()
    bracket: Bracket = field(init=False)

    def __post_init__(self) -> None:
        self.known = Known(self.plan)
        self.bracket = Bracket(self.known, self.offered)

    # ------------------------------------------------------------------ one probe
    def probe(self, load: float, phase: str, seconds: float | None = None) -> Generator[Step, Seen, Seen]:
        """Probe `load`, or the nearest that can be offered; once more where it is not to be believed."""
        seconds = seconds or self.plan.probe
        load = self.offered(load)
        for last in (False, True):
            seen = yield Step(load, seconds, phase)
            self.seconds = seen.ended
            if not seen.invalid:
                break
            if last:
                self._not_believed(seen)
        (self.known.whole if seconds >= self.plan.probe else self.known.short).append(seen)
        if seconds >= self.plan.probe and phase != "return":
            self._has_to_rise()
        return seen

    def _has_to_rise(self) -> None:
        if not self.known.monotone:
            self._end(End.NOT_MONOTONE)

    def _not_believed(self, seen: Seen) -> NoReturn:
        """Two probes of a load are not to be believed: it is above what generators can do, or all is over."""
        if not seen.generator:
            self._end(End.INVALID, *seen.invalid)
        keeps, _ = self.known.crossed(also_short=True)
        below = [load for load in self.known.tried if load <= keeps and load < seen.load]
        if not below:
            self._end(End.GENERATORS, *seen.invalid)
        self.capped, self.known.top = seen.invalid, max(below)
        raise _Capped

    def offered(self, load: float) -> float:
        """`load` within the ends of the search, as a number that can be asked for."""
        least, top = self.plan.least, self.known.top
        load = min(max(load, least), top)
        if self.plan.whole:
            return float(min(max(round(load), math.ceil(least)), math.floor(top)))
        return load if load in (least, top) else min(max(float(f"{load:.4g}"), least), top)

    def _end(self, end: End, *reasons: str) -> NoReturn:
        raise _Ended(end, reasons)

    @property
    def spent(self) -> bool:
        """Whether the budget has no room for another probe."""
        return self.seconds + self.plan.probe > self.plan.budget

    # ------------------------------------------------------------------ phases
    def phases(self) -> Probing:
        """Ramp, narrow, local; again from below wherever generators ended."""
        while True:
            try:
                if self.capped:
                    yield from self._keeps_to_the_end()
                else:
                    yield from self.ramp()
                yield from self.narrow()
                yield from self.local()
            except _Capped:
                continue
            return

    def ramp(self) -> Probing:
        """Short probes from below, each a step above the last; one that seems to break is repeated."""
        load = self.plan.least
        while True:
            first = yield from self.probe(load, "ramp", self.plan.ramp)
            if self.known.seems_broken([first]):
                again = yield from self.probe(load, "ramp", self.plan.ramp)
                if self.known.seems_broken([first, again]):
                    return
            if first.load >= self.offered(self.known.top):
                yield from self._keeps_to_the_end()
                return
            if self.spent:
                self._end(End.UNDECIDED)
            load = max(first.load * (1 + self.plan.step), first.load + (1 if self.plan.whole else 0))

    def _keeps_to_the_end(self) -> Probing:
        """Whole probes at the largest load, which seems to keep."""
        for _ in range(AT_THE_END):
            if self.spent:
                return
            seen = yield from self.probe(self.known.top, "end")
            outcome = self.known.outcome(seen.load)
            if outcome is Outcome.PASS and math.isfinite(self.known.broke):
                return
            if outcome is Outcome.PASS:
                self._end(End.GENERATORS if self.capped else End.AT_LEAST, *self.capped)
            if outcome is Outcome.FAIL:
                return

    def narrow(self) -> Probing:
        """Bisect between what seems to keep and what seems to break, until that or verdicts are narrow."""
        bottom = self.offered(self.plan.least)
        while not self.spent and not self.known.narrow() and not self._kept_to_the_end():
            keeps, breaks = self.known.crossed(also_short=True)
            if not keeps:
                yield from self._breaks_from_the_start(bottom)
                continue
            if math.isinf(breaks):
                top = self.offered(self.known.top)
                if keeps >= top:
                    return
                breaks = min(keeps * (1 + self.plan.step), top)
            decisive = (self.known.kept, self.known.broke) == (keeps, breaks)
            if breaks / keeps <= NARROW_ENOUGH and not decisive and len(self.known.whole) >= 3:
                return
            if breaks / keeps <= ALIKE or (self.plan.whole and breaks - keeps < 1.5):
                return
            yield from self.probe(math.sqrt(keeps * breaks), "narrow")

    def _breaks_from_the_start(self, bottom: float) -> Probing:
        """Whole probes at the smallest load, which seems to break; up again where they say that it does not,
        as of a server that was cold.
        """
        if len(self.known.at(bottom)) >= AT_THE_START:
            self._end(End.UNDECIDED)
        yield from self.probe(bottom, "end")
        if self.known.outcome(bottom) is Outcome.FAIL:
            self._end(End.BELOW)
        if self.known.outcome(bottom) is Outcome.PASS:
            self.known.overrule(bottom)
            yield from self.ramp()

    def local(self) -> Probing:
        """Probes on both sides of the limit in turn, and a curve through those near it."""
        turn = 0
        while True:
            if self._kept_to_the_end():
                return
            if self.known.narrow():
                if self.returned or not (yield from self._return_to_verdicts()):
                    return
                continue
            if self._blind() and not self.spent:
                yield from self.probe(math.sqrt(self.known.kept * self.known.broke), "local")
                continue
            keeps, breaks = self._around()
            self._fit(keeps, breaks)
            if self._good_enough(NEARLY):
                old = [] if self.returned else self._long_ago()
                if old:
                    yield from self._return(old)
                    continue
            if self._good_enough():
                return
            if self.spent:
                return
            yield from self.probe(self._next(turn, keeps, breaks), "local")
            turn += 1

    # ------------------------------------------------------------------ near the limit
    def _kept_to_the_end(self) -> bool:
        """Whether the largest load keeps by verdict: no probe can tell more."""
        return self.known.outcome(self.offered(self.known.top)) is Outcome.PASS

    def _blind(self) -> bool:
        """Whether verdicts bracket the capacity and no probe between them tells where in it."""
        kept, broke = self.known.kept, self.known.broke
        if not kept or math.isinf(broke) or (self.plan.whole and broke - kept <= 1.5):
            return False
        limits = [limit for limit in self.plan.limits if limit.means is Means.SHARE]
        return not any(
            kept < seen.load < broke and abs(ending.off(seen, limit)) <= SEEN_NEAR
            for seen in self.known.whole
            for limit in limits
        )

    def _around(self) -> tuple[float, float]:
        keeps, breaks = self.known.crossed(also_short=len(self.known.whole) < 2)
        keeps = keeps or (breaks / NARROW_ENOUGH if math.isfinite(breaks) else self.plan.least)
        return keeps, breaks if math.isfinite(breaks) else keeps * NARROW_ENOUGH

    def _fit(self, keeps: float, breaks: float) -> None:
        before, width = self.near, self.plan.width
        if before is None:
            centre, half, bend = math.sqrt(keeps * breaks), max(0.06, 0.5 * math.log(breaks / keeps)), 0.0
        else:
            centre, half, bend = before.middle, before.half, min(0.5 / before.first.steep, 0.25)
        self.near = fit(self.known, centre, max(1.5 * width, min(2 * half, 0.25), bend))

    def _good_enough(self, nearly: float = 1.0) -> bool:
        near = self.near
        if near is None or not near.ready or not near.rises:
            return False
        high = min(near.high, self.known.top) if math.isinf(self.known.broke) else near.high
        one = self.plan.whole and math.floor(near.low) == math.floor(high)
        return high / near.low <= self.plan.narrow**nearly or one

    def _long_ago(self) -> list[float]:
        """The loads of the first two probes around the limit, if they are old enough to have moved since."""
        assert self.near is not None
        centre, reach = self.near.first.centre, self.near.first.reach
        first = next(
            (i for i, seen in enumerate(self.known.whole) if abs(math.log(seen.load) - centre) <= reach),
            len(self.known.whole),
        )
        begun = self.known.whole[first : first + 2]
        return [seen.load for seen in begun if self.seconds - seen.ended > LONG_AGO]

    def _return(self, old: list[float]) -> Probing:
        """Go back to where it began: is it as it was?"""
        self.returned = True
        pairs = []
        for load in dict.fromkeys(old):
            then = self.known.at(load)[0]
            now = yield from self.probe(load, "return")
            pairs.append((then, now))
        assert self.near is not None
        limit = next(limit for limit in self.plan.limits if limit.name == self.near.limit)
        if abs(moved(pairs, limit, self.near.first.between)) > MOST_DRIFT:
            self._end(End.DRIFTING)
        self._has_to_rise()

    def _return_to_verdicts(self) -> Generator[Step, Seen, bool]:
        """Go back to the loads whose verdicts alone are the answer, where they were probed long ago: a load
        that breaks where it kept, or the other way round, has moved. Whether there was any.
        """
        self.returned = True
        found = ((self.known.kept, Outcome.FAIL), (self.known.broke, Outcome.PASS))
        old = [one for one in found if self.seconds - self.known.at(one[0])[-1].ended > LONG_AGO]
        for load, other in old:
            now = yield from self.probe(load, "return")
            if self.known.shown([now]) is other:
                self._end(End.DRIFTING)
        self._has_to_rise()
        return bool(old)

    def _next(self, turn: int, keeps: float, breaks: float) -> float:
        """The next load near the limit: by the curve, unless verdicts tell more than it does by now. Those
        come of loads that are probed again, and never of the two that have one already.
        """
        kept, broke = self.known.kept, self.known.broke
        near, width = self.near, self.plan.width
        if near is None or (turn >= len(PLACES) and not near.ready):
            return self.bracket.next(keeps, breaks)
        if near.ready and near.first.gap:
            return math.sqrt(near.low * near.high)
        if turn >= len(PLACES) and (near.low <= kept or near.high >= broke):
            return self.bracket.next(keeps, breaks)
        offset = min(max(0.5 * near.half, 0.5 * width), 0.5 / near.first.steep if near.ready else 1.0)
        if self.plan.whole:
            offset = max(offset, 0.5 / near.middle)
        load = near.middle * math.exp(PLACES[turn % 4] * offset)
        return min(max(load, kept), broke)
