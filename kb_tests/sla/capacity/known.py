"""What the probes of a search have shown so far: by verdict, and as it seems."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kb_tests.sla.achieved import Achieved
from kb_tests.sla.bounds import Mean, pooled
from kb_tests.sla.capacity.isotonic import crossing
from kb_tests.sla.capacity.model import Counts, Limit, Means, Plan, Seen
from kb_tests.sla.tally import Tally
from kb_tests.sla.verdict import Outcome

FOR_VERDICTS = 0.2
"""The part of the error probability that verdicts take; the curve has the rest."""

BY_FAR = 0.5
"""A share that is so much of what is allowed is plainly kept."""

FEWEST_PROBES = 40
"""So many verdicts at least share it."""


def most_probes(plan: Plan) -> int:
    """How many whole probes, each with a verdict, the budget may hold."""
    return max(FEWEST_PROBES, math.ceil(plan.budget / plan.probe))


def verdict(limit: Limit, found: Sequence[Counts], passing: float, failing: float) -> Outcome:
    """What all probes at one load show of one limit, judged with the batches of all of them, by the rules
    that judge a point: agents that differ make a share less sure, and few batches that lack alike by luck
    keep no achieved rate (see `sla.achieved`).
    """
    if limit.means is Means.SAMPLE:
        return Outcome.FAIL if any(sum(one.bad) for one in found) else Outcome.PASS
    if limit.means is Means.MEAN:
        bad = [number for one in found for number in one.bad]
        due = [number for one in found for number in one.due]
        lacking = [a / b if b else 1.0 for a, b in zip(bad, due, strict=True)]
        mean = Mean.of([1 - part for part in lacking], grain=len(due) / sum(due) if sum(due) else 1.0)
        lost = [Tally(tuple(max(0, round(a)) for a in one.bad), tuple(map(round, one.due))) for one in found]
        achieved = Achieved(mean, pooled(lost))
        above, below = achieved.p_below(1 - limit.allowed), achieved.p_above(1 - limit.allowed)
    else:
        share = pooled(
            [Tally(tuple(map(round, one.bad)), tuple(map(round, one.due)), one.agents) for one in found]
        )
        above, below = share.p_above(limit.allowed), share.p_below(limit.allowed)
    if above <= failing:
        return Outcome.FAIL
    return Outcome.PASS if below <= passing else Outcome.INCONCLUSIVE


@dataclass
class Known:
    """The probes of a search: `whole` ones, which are judged, and `short` ones, which only guide. `top` is
    the highest load that can be asked for, `cold` how many short ones a verdict has overruled.
    """

    plan: Plan
    whole: list[Seen] = field(default_factory=list)
    short: list[Seen] = field(default_factory=list)
    top: float = math.inf
    cold: int = 0
    _verdicts: dict[float, tuple[int, Outcome]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.top = min(self.top, self.plan.most)

    @property
    def tried(self) -> set[float]:
        """All loads of its probes."""
        return {seen.load for seen in self.whole + self.short}

    @property
    def error(self) -> float:
        """The error probability of one verdict."""
        return self.plan.alpha * FOR_VERDICTS / most_probes(self.plan)

    def at(self, load: float) -> list[Seen]:
        """The whole probes at one load."""
        return [seen for seen in self.whole if seen.load == load]

    def outcome(self, load: float) -> Outcome:
        """What all probes at one load show."""
        probes = self.at(load)
        count, outcome = self._verdicts.get(load, (0, Outcome.INCONCLUSIVE))
        if count != len(probes):
            outcome = self.shown(probes)
            self._verdicts[load] = len(probes), outcome
        return outcome

    def shown(self, probes: Sequence[Seen]) -> Outcome:
        """What these probes of one load show: fail if one limit does, pass if every one does.

        Any of several limits may fail wrongly, so that they share the error probability of that.
        """
        failing = self.error / len(self.plan.limits)
        found = {
            verdict(limit, [seen.counts[limit.name] for seen in probes], self.error, failing)
            for limit in self.plan.limits
        }
        worst = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS)
        return next(one for one in worst if one in found)

    def overrule(self, load: float) -> None:
        """Let short probes of a load, which is decided by now, guide no more."""
        guides = [seen for seen in self.short if seen.load != load]
        self.cold += len(self.short) - len(guides)
        self.short = guides

    def loads(self, outcome: Outcome) -> list[float]:
        """Those with this verdict, ascending."""
        return [load for load in sorted({seen.load for seen in self.whole}) if self.outcome(load) is outcome]

    @property
    def broke(self) -> float:
        """The lowest load that breaks by verdict; infinite if none does."""
        return min(self.loads(Outcome.FAIL), default=math.inf)

    @property
    def kept(self) -> float:
        """The highest load below it that keeps by verdict; 0 if none does."""
        broke = self.broke
        return max((load for load in self.loads(Outcome.PASS) if load < broke), default=0.0)

    @property
    def monotone(self) -> bool:
        """Whether no load that keeps by verdict is above one that breaks."""
        return max(self.loads(Outcome.PASS), default=0.0) < self.broke

    def crossings(self, *, also_short: bool) -> dict[str, tuple[float, float]]:
        """Where each limit seems to be crossed: (keeps, breaks)."""
        probes = self.whole + self.short if also_short else self.whole
        return {limit.name: crossing(_counted(probes, limit), limit.allowed) for limit in self.plan.limits}

    def crossed(self, *, also_short: bool) -> tuple[float, float]:
        """Where the first limit seems to be crossed."""
        found = self.crossings(also_short=also_short).values()
        return min(keeps for keeps, _ in found), min(breaks for _, breaks in found)

    def narrow(self) -> bool:
        """Whether verdicts alone bracket the capacity well enough."""
        kept, broke = self.kept, self.broke
        if not kept or math.isinf(broke):
            return False
        return broke / kept <= self.plan.narrow or (self.plan.whole and broke - kept < 1.5)

    def seems_broken(self, probes: Sequence[Seen]) -> bool:
        """Whether probes of one load, taken together, are over a limit by the figure alone."""
        for limit in self.plan.limits:
            counts = [seen.counts[limit.name] for seen in probes]
            bad, due = (sum(sum(getattr(one, key)) for one in counts) for key in ("bad", "due"))
            if not due or bad > limit.allowed * due:
                return True
        return False


def _counted(probes: Iterable[Seen], limit: Limit) -> Iterable[tuple[float, float, float]]:
    for seen in probes:
        counts = seen.counts[limit.name]
        yield seen.load, sum(counts.bad), sum(counts.due)


def plainly_kept(limits: Sequence[Limit], counts: Mapping[str, Counts]) -> bool:
    """Whether a probe keeps every limit by far, by the figure alone."""
    return all(counts[limit.name].share <= limit.allowed * BY_FAR for limit in limits)
