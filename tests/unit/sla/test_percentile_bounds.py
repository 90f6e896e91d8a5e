"""The bounds of a percentile say what the decision on its limit says, whatever the sample."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kb_tests.sla.bounds import Share, pooled
from kb_tests.sla.decide import Risk, latency_check
from kb_tests.sla.tally import Tally
from kb_tests.sla.verdict import Outcome

ALPHA = 0.05


class Sample:
    """Batches of times, some of which differ much, and may hold failures (inf)."""

    lost = "of them failed"

    def __init__(self, batches: list[np.ndarray]) -> None:
        self.batches = batches

    def __str__(self) -> str:
        return "some requests"

    def slower(self, limit: float) -> Share:
        bad = tuple(int((batch > limit).sum()) for batch in self.batches)
        return pooled([Tally(bad, tuple(len(batch) for batch in self.batches))])

    def percentile(self, percent: float) -> float:
        times = np.sort(np.concatenate(self.batches))
        return float(times[max(0, math.ceil(len(times) * percent / 100) - 1)])

    def times_taken(self) -> list[float]:
        return sorted({float(time) for time in np.concatenate(self.batches) if math.isfinite(time)})


def uneven(seed: int) -> Sample:
    random = np.random.default_rng(seed)
    number = int(random.integers(10, 60))
    batches = [
        np.round(random.lognormal(random.normal(0, random.choice([0.0, 0.3, 1.0, 2.0])), 0.5, number), 2)
        for _ in range(int(random.integers(5, 9)))
    ]
    batches[0][: int(number * random.random())] = random.choice([math.inf, 50.0])
    return Sample(batches)


@pytest.mark.parametrize("percent", [50, 90])
def test_bounds_never_contradict_the_outcome(percent: float) -> None:
    outcomes = set()
    for seed in range(12):
        sample = uneven(seed)
        for limit in sample.times_taken()[::3]:
            check = latency_check("latency", sample, Risk(ALPHA, 1), percent, limit)
            outcomes.add(check.outcome)
            low_enough, high_enough = check.low <= limit, check.high >= limit
            if check.outcome is Outcome.PASS:
                assert check.high <= limit, (seed, check)
            elif check.outcome is Outcome.FAIL:
                assert check.low >= limit, (seed, check)
            else:
                assert low_enough, (seed, check)
                assert high_enough, (seed, check)
    assert len(outcomes) == 3
