"""Which point runs next: every way of running points answers that question, and nothing else.

A strategy sees what came out so far. It names the next point, or none when it is done. It runs nothing,
judges nothing and fails no test. How many steps it may take is known beforehand, since they share the error
probability.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from kb_tests.scenario.base import Point
from kb_tests.sla.decide import STAGING
from kb_tests.sla.verdict import Outcome, Verdict

P = TypeVar("P", bound=Point)
R = TypeVar("R")
R_in = TypeVar("R_in", contravariant=True)
P_out = TypeVar("P_out", bound=Point, covariant=True)


class Judged(Protocol):
    """A point that ran, with its verdict."""

    @property
    def point(self) -> Point:
        """What was asked."""

    @property
    def verdict(self) -> Verdict:
        """What came of it."""


class Strategy(Protocol[P_out, R_in]):
    """One way of running points; a search or a comparison of one's own is a class with these two."""

    @property
    def most(self) -> int:
        """How many steps it may take."""

    def next(self, history: Sequence[R_in]) -> P_out | None:
        """The point to run after `history`, the results so far in their order; None ends it."""


def follow(strategy: Strategy[P, R], run: Callable[[P], R]) -> list[R]:
    """The results of all steps of `strategy`, each made by `run`."""
    history: list[R] = []
    while len(history) < strategy.most and (point := strategy.next(history)) is not None:
        history.append(run(point))
    return history


@dataclass(frozen=True)
class Once(Generic[P]):
    """One point, whatever comes of it."""

    point: P
    most: int = 1

    def next(self, history: Sequence[object]) -> P | None:
        """The point, if it has not run."""
        return None if history else self.point


@dataclass(frozen=True)
class UntilDecided(Generic[P]):
    """Looks at one point: it runs again, as long as `lengths` say, while its sample cannot decide."""

    point: P
    lengths: tuple[float, ...]

    @property
    def most(self) -> int:
        """As many looks as there are lengths."""
        return len(self.lengths)

    def next(self, history: Sequence[Judged]) -> P | None:
        """The point for as long as its next look takes."""
        if history and history[-1].verdict.outcome is not Outcome.INCONCLUSIVE:
            return None
        return replace(self.point, duration=self.lengths[len(history)]) if len(history) < self.most else None


@dataclass(frozen=True)
class InTurns(Generic[P]):
    """`number` pairs of two points in turns, A-B-B-A: what drifts slowly is on both sides alike."""

    a: P
    b: P
    number: int

    @property
    def most(self) -> int:
        """Two a pair."""
        return 2 * self.number

    def next(self, history: Sequence[object]) -> P | None:
        """The side whose turn it is."""
        pair, second = divmod(len(history), 2)
        if pair >= self.number:
            return None
        return self.b if (pair + second) % 2 else self.a


@dataclass(frozen=True)
class WithinStopLimit(Generic[P]):
    """One point of a rising progression: it does not run once the same load broke its SLA at a smaller scale.

    Its history is that of the session on one cloud.
    """

    point: P
    most: int = 1

    def next(self, history: Sequence[Judged]) -> P | None:
        """The point, unless it is past the stop limit."""
        return None if self.broken(history) else self.point

    def broken(self, history: Sequence[Judged]) -> Point | None:
        """The first point that broke the stop limit.

        What could not be decided or measured stops nothing, nor does slow staging.
        """
        for one in history:
            same = (one.point.scenario, one.point.load) == (self.point.scenario, self.point.load)
            if same and one.point.clients < self.point.clients and _breaks(one.verdict):
                return one.point
        return None


def _breaks(verdict: Verdict) -> bool:
    broken = {check.name for check in verdict.checks if check.outcome is Outcome.FAIL}
    return verdict.outcome is Outcome.FAIL and broken != {STAGING}
