"""What runs of the same load measured is judged together; other ways of running points are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from kb_tests.session.point_runner import PointRunner
from kb_tests.session.probe import Probe
from kb_tests.sla.verdict import Outcome, Verdict
from tests.unit.measure.reports import POINT


class Runner(PointRunner[Any, Any, str]):
    """One that measures nothing, and keeps what each verdict was to be on."""

    def __init__(self) -> None:
        self.judged: list[tuple[str, ...]] = []

    def measure(self, point: Any) -> str:
        return f"{point.duration:g}"

    def limits(self) -> dict[str, float]:
        return {}

    def doubts(self, point: Any, measurement: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return (), ()

    def probe(self, point: Any, step: int = 1, most: int = 1, earlier: Sequence[str] = ()) -> Probe[Any, str]:
        measured = self.measure(point)
        self.judged.append((*earlier, measured))
        verdict = Verdict(Outcome.INCONCLUSIVE, (), (), 0.95, step)
        return Probe(point, measured, verdict, datetime.now(UTC))


@dataclass(frozen=True)
class Rising:
    """A load that is another one in each step."""

    most: int = 3

    def next(self, history: Sequence[Any]) -> Any:
        return replace(POINT, duration=float(len(history)))


@pytest.mark.parametrize(
    ("pooled", "judged"),
    [(True, [("0",), ("0", "1"), ("0", "1", "2")]), (False, [("0",), ("1",), ("2",)])],
)
def test_only_runs_of_the_same_load_are_judged_together(pooled: bool, judged: list[tuple[str, ...]]) -> None:
    runner = Runner()
    probes = runner.follow(Rising(), pooled=pooled)
    assert [probe.verdict.looks for probe in probes] == [1, 2, 3]
    assert runner.judged == judged
