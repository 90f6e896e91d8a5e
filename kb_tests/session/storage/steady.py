"""Steady state by SNIA's rule: a point runs in rounds, and the last five of them are measured as one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from kb_tests.fleet.storage.messages import StorageReport
from kb_tests.measure.steady import is_steady
from kb_tests.measure.storage.measurement import StorageMeasurement
from kb_tests.measure.storage.merge import measure
from kb_tests.measure.storage.rounds import joined
from kb_tests.scenario.storage import StoragePoint
from kb_tests.session.strategy import follow

ROUNDS = 5
"""So many rounds in a row have to be alike."""

RAMP = 1.0
"""Seconds of ramp before each round but the first: the disk has hardly rested."""


@dataclass(frozen=True)
class Round:
    """What the servers reported of one round, and what it measured."""

    reports: list[StorageReport]
    measured: StorageMeasurement

    @property
    def whole(self) -> bool:
        """Whether every server did its part."""
        return not self.measured.missing and not any(server.hung for server in self.measured.servers)


@dataclass(frozen=True)
class UntilSteady:
    """Rounds of a fifth of a point's duration until the last five have about the same IOPS, or until
    `max_duration` is over, or a server falls out.
    """

    point: StoragePoint

    @property
    def short(self) -> StoragePoint:
        """One round."""
        return replace(self.point, duration=self.point.duration / ROUNDS)

    @property
    def most(self) -> int:
        """As many as `max_duration` holds."""
        return max(ROUNDS, math.floor(self.point.max_duration / self.short.duration))

    def next(self, history: Sequence[Round]) -> StoragePoint | None:
        """Another round."""
        if not history:
            return self.short
        if steady(history) or not history[-1].whole:
            return None
        return replace(self.short, ramp=RAMP)


def steady(rounds: Sequence[Round]) -> bool:
    """Whether the last five are alike, by SNIA's rule."""
    rates = [one.measured.iops.total for one in rounds[-ROUNDS:]]
    return len(rates) == ROUNDS and is_steady(rates)


def run_until_steady(
    point: StoragePoint, run: Callable[[StoragePoint], list[StorageReport]]
) -> StorageMeasurement:
    """What the last five rounds measured, as one; `run` makes a round."""
    strategy = UntilSteady(point)

    def one_round(part: StoragePoint) -> Round:
        reports = run(part)
        return Round(reports, measure(strategy.short, reports))

    rounds = follow(strategy, one_round)
    last = [one.reports for one in rounds[-ROUNDS:]]
    whole = measure(point, [joined(parts) for parts in zip(*last, strict=True)])
    return replace(whole, steady=steady(rounds))
