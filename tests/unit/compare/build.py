"""Runs on a cloud of known level."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from kb_tests.report.record import PointRecord, RunRecord
from kb_tests.scenario.http import HttpPoint
from kb_tests.sla.verdict import Check, Outcome, Verdict
from simulated.shifting import Cloud, measurement
from tests.unit.report import build

KEPT = Check("latency p99", Outcome.PASS, 0.01, 0.05, "s", 0.01, 0.01, True, "Kept.")
VERDICT = Verdict(Outcome.PASS, (KEPT,), (), 0.95)
LEVEL = math.log(0.01)


def point(
    asked: HttpPoint,
    *,
    ratio: float = 1.0,
    seed: int = 0,
    failed: Sequence[int] = (),
    served: int | None = None,
) -> PointRecord:
    """A point whose times are `ratio` times those of LEVEL; of each second's requests, `failed` failed beside
    those that were `served`.
    """
    return _point(asked, ratio, seed, tuple(failed), round(asked.offered) if served is None else served)


@functools.cache
def _point(asked: HttpPoint, ratio: float, seed: int, failed: tuple[int, ...], served: int) -> PointRecord:
    cloud = Cloud(np.random.default_rng(seed))
    logs = cloud.logs(LEVEL + math.log(ratio), served, round(asked.duration))
    return PointRecord.judged(asked, measurement(asked, logs, failed), VERDICT, build.STARTED)


def run(
    name: str,
    ratios: Mapping[float, float] | None = None,
    *,
    seed: int = 0,
    day: int = 0,
    points: Sequence[PointRecord] | None = None,
    **changes: Any,
) -> RunRecord:
    """A run of one point for each rate in `ratios`, which has the ratio of its times."""
    made = points or [
        point(build.point(1, rate), ratio=ratio, seed=seed * 1000 + round(rate))
        for rate, ratio in (ratios or {200.0: 1.0}).items()
    ]
    started = build.STARTED + timedelta(days=day)
    return build.run(made, run=name, started=started, ended=started, **changes)


def runs(
    first: int, count: int, ratio: float = 1.0, *, between: float = 0.0, seed: int = 0
) -> list[RunRecord]:
    """So many runs with ids from `first` on, which differ among each other by `between` (log sd)."""
    random = np.random.default_rng(seed)
    return [
        run(
            f"{first + index:08x}",
            {200.0: ratio * math.exp(between * random.normal())},
            seed=first + index,
            day=index,
        )
        for index in range(count)
    ]
