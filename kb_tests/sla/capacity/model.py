"""What a search for a capacity is asked, what it sees of each probe, and what it says in the end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kb_tests.scenario.base import shared
from kb_tests.scenario.capacity import Capacity as Asked
from kb_tests.sla.tally import Tally


class Means(StrEnum):
    """What a limit is a limit of: a share of what was due, the mean of batches, or the sample itself."""

    SHARE = "share"
    MEAN = "mean"
    SAMPLE = "sample"


@dataclass(frozen=True)
class Limit:
    """One limit of the SLA: at most `allowed` of what was due may be bad, by what it `means`.

    `name` is that of its check ("latency p99"). Of an achieved rate, what is bad is the part that is lacking.
    `within` are the seconds from when something is due until it is bad, in which a queue may grow unnoticed;
    0 of a limit that knows no queue.
    """

    name: str
    allowed: float
    means: Means = Means.SHARE
    within: float = 0.0


@dataclass(frozen=True)
class Counts:
    """What one probe counted for one limit, by batch of time: how many were bad of how many that were due;
    and of each of `agents`, by name, both.
    """

    bad: tuple[float, ...]
    due: tuple[float, ...]
    agents: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, tally: Tally) -> Counts:
        """Those of a window."""
        return cls(tally.bad, tally.due, tally.agents)

    @property
    def share(self) -> float:
        """The share that was bad; all of it where nothing was due."""
        due = sum(self.due)
        return sum(self.bad) / due if due else 1.0


@dataclass(frozen=True)
class Step:
    """The next probe: its load (per generator, or a number of clients), its seconds, and why it is made."""

    load: float
    seconds: float
    phase: str


@dataclass(frozen=True)
class Seen:
    """What came of a probe. `began` and `ended` are seconds since the search began.

    `counts` has every limit's by name. `invalid` says why it is not to be believed, and `generator` whether
    that is since generators could make no more load. `bound` is the load that connections, or I/Os under way,
    allow at the service time that was found; None where nothing bounds it.
    """

    load: float
    seconds: float
    began: float
    ended: float
    counts: Mapping[str, Counts]
    invalid: tuple[str, ...] = ()
    generator: bool = False
    bound: float | None = None


@dataclass(frozen=True)
class Plan:
    """What is asked: the largest load from `least` to `most` that keeps all `limits`.

    `step` is the factor from a load of the ramp to the next, less 1; `width` that of the interval that is
    good enough; `alpha` the error probability of the whole answer. `probe`, `ramp` and `budget` are seconds,
    and `before` those of load ahead of a probe's window.
    With `whole` only whole numbers can be offered, and one of them is narrow enough.
    """

    limits: tuple[Limit, ...]
    least: float
    most: float
    step: float = 0.25
    width: float = 0.05
    probe: float = 30.0
    ramp: float = 5.0
    budget: float = 1800.0
    alpha: float = 0.05
    whole: bool = False
    before: float = 0.0

    @classmethod
    def of(cls, asked: Asked, limits: tuple[Limit, ...], alpha: float, before: float) -> Plan:
        """What a scenario asks, in its own words: a key of `load.capacity` has its name here."""
        return cls(**shared(asked, cls) | {"limits": limits, "alpha": alpha, "before": before})

    @property
    def unnoticed(self) -> float:
        """How much of a load, at the most, a probe may keep that no cloud keeps for long, as a share of that.

        Above what is served a queue grows by the rest, from the warm-up on. A limit on times notices once its
        wait is that long, for as much of the window as it allows: at (load / served - 1) x (seconds so far).
        One on the rate notices by what lacks. All limits have to be kept, so that the first one counts.
        """
        until = [
            limit.within / (self.before + self.probe * (1 - limit.allowed))
            for limit in self.limits
            if limit.within
        ]
        lacks = [one.allowed / (1 - one.allowed) for one in self.limits if one.means is Means.MEAN]
        return min(until + lacks) if until else 0.0

    def for_long(self, kept: float) -> float:
        """What keeps for long, if probes keep so much: what a queue could grow by unnoticed is taken off. Of
        whole numbers that is the nearest to the largest that probes keep.
        """
        found = (math.floor(kept + 1e-9) if self.whole else kept) / (1 + self.unnoticed)
        return float(round(found)) if self.whole else found

    @property
    def narrow(self) -> float:
        """How many times its lower end the upper one of the interval may be, as probes see it."""
        return (1 + self.width) / (1 + self.unnoticed)


class End(StrEnum):
    """How a search ended."""

    FOUND = "found"
    TOO_WIDE = "too wide"
    BELOW = "below"
    AT_LEAST = "at least"
    GENERATORS = "generators"
    INVALID = "invalid"
    CONNECTIONS = "connections"
    DRIFTING = "drifting"
    NOT_MONOTONE = "not monotone"
    CONTRADICTION = "contradiction"
    UNDECIDED = "undecided"


NUMBERED = (End.FOUND, End.TOO_WIDE)
"""Ends that give an interval with two sides; the others never do."""


@dataclass(frozen=True)
class Capacity:
    """The answer, in the unit of the load that was searched.

    `low` and `high` bound the capacity at the stated confidence: 0 and infinity where that side is not
    bounded. `kept` is the highest load with a verdict of pass, `broke` the lowest with one of fail: they
    assume nothing of how shares rise with the load. `limit` names the limit that breaks first. `reasons` are
    sentences on why it ended so. `more` is how many seconds of load would about halve what it is wider than
    asked, where it is. `curve` is what was over the first limit by load near it: (load, share, low, high), by
    the curve that `low` and `high` are of; empty where there is none.
    """

    end: End
    low: float
    high: float
    kept: float
    broke: float
    limit: str
    probes: int
    seconds: float
    reasons: tuple[str, ...] = ()
    more: float = 0.0
    curve: tuple[tuple[float, float, float, float], ...] = ()
