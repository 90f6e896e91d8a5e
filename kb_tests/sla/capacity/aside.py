"""Which load is probed where no curve says where a limit is crossed: two verdicts have to bracket it.

At the limit itself no verdict ever comes, however often it is probed, and close to it only late. So a load
that stays without one is left for another that can be decided, and the bracket is laid around it from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kb_tests.sla.capacity.known import Known
from kb_tests.sla.verdict import Outcome

ASIDE = 0.96
"""Loads on both sides of a limit are so much of the width apart, in logarithms."""

ALIKE = 0.04
"""Loads that are apart by so much of the width are as good as one."""

OFTEN = 6
"""So many probes of a load without a verdict say that it is the limit itself, or close to it."""


@dataclass
class Bracket:
    """The two loads, less than the width apart, that are to get verdicts; `offered` gives the nearest load to
    one that can be asked for.
    """

    known: Known
    offered: Callable[[float], float]
    low: float = math.inf
    high: float = 0.0

    def next(self, keeps: float, breaks: float) -> float:
        """The load to probe, where the limit seems to be crossed between `keeps` and `breaks`."""
        plan = self.known.plan
        narrow = plan.narrow**ASIDE
        if breaks / keeps > narrow and not (plan.whole and breaks - keeps < 1.5):
            return math.sqrt(keeps * breaks)
        if not self.low <= keeps < breaks <= self.high:
            self._around(keeps, breaks, math.sqrt(narrow))
        loads = [self._again(self.offered(load)) for load in self._undecided(narrow)]
        kept, broke = self.known.kept, self.known.broke
        loads = [load for load in loads if kept < load < broke] or [self.low, self.high]
        seldom = [load for load in loads if self._probed(load) < OFTEN]
        return min(seldom[:1] or loads, key=self._probed)

    def _around(self, keeps: float, breaks: float, half: float) -> None:
        middle = math.sqrt(keeps * breaks)
        self.low, self.high = self.offered(middle / half), self.offered(middle * half)
        if self.known.plan.whole:
            self.low, self.high = min(self.low, keeps), max(self.high, breaks)

    def _undecided(self, narrow: float) -> Iterator[float]:
        """Loads any of whose verdicts brings the bracket nearer to its end, the most telling first."""
        kept, broke, one = self.known.kept, self.known.broke, float(self.known.plan.whole)
        below, above = kept >= self.low, broke <= self.high
        if not (below or above):
            yield from sorted((self.low, self.high), key=self._probed)
            return
        up, down = max(kept * narrow, kept + one), min(broke / narrow, broke - one)
        if below:
            yield up
            yield down if down < up else max(kept * math.sqrt(narrow), kept + one)
        else:
            yield down
            yield up if up > down else min(broke / math.sqrt(narrow), broke - one)

    def _again(self, load: float) -> float:
        """A load that was probed already and is nearly the same: its probes count for a verdict, too."""
        near = self.known.plan.narrow**ALIKE
        found = {seen.load for seen in self.known.whole if 1 / near <= seen.load / load <= near}
        found = {one for one in found if self.known.outcome(one) is Outcome.INCONCLUSIVE}
        return max(found, key=lambda one: (self._probed(one), one), default=load)

    def _probed(self, load: float) -> int:
        return len(self.known.at(load))
