"""How long a point has to run is what simulated runs need."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from kb_tests.scenario.http import HttpScenario
from kb_tests.sla.bounds import Share, batches, number_of_batches
from kb_tests.sla.deciding import MEMORY, SHIFT, Asked, seconds, sentences
from kb_tests.sla.workloads import WORKLOADS


def limit(share: float, alpha: float = 0.05, rate: float = 1000, agents: int = 2) -> Asked:
    return Asked("sla.errors", share, "small", rate, "requests", agents, alpha)


def decided(asked: Asked, kept_by: float, length: int, runs: int) -> float:
    """In which share of simulated windows it is: their level shifts from second to second."""
    random = np.random.default_rng(1)
    normal = float(ndtri(asked.share * (1 - kept_by))) * math.sqrt(1 + SHIFT**2)
    kept = math.exp(-1 / MEMORY)
    level, found = random.normal(size=runs), []
    for _ in range(length):
        found.append(random.binomial(round(asked.offered), ndtr(normal + SHIFT * level)))
        level = kept * level + math.sqrt(1 - kept * kept) * random.normal(size=runs)
    parts = batches(length, number_of_batches(length))
    due = [round(asked.offered) * (part.stop - part.start) for part in parts]
    good = 0
    for one in np.array(found).T:
        share = Share.of([int(one[part].sum()) for part in parts], due)
        good += share.p_below(asked.share) <= asked.alpha
    return good / runs


@pytest.mark.parametrize(
    ("asked", "kept_by"),
    [(limit(0.01), 0.5), (limit(0.01, 0.003), 0.5), (limit(0.001), 0.5), (limit(0.5, 0.003), 0.2)],
    ids=["p99", "p99 of 18 checks", "p99.9", "p50 of 18 checks"],
)
def test_as_a_rule_it_is_decided_then_and_seldom_in_half_of_the_time(asked: Asked, kept_by: float) -> None:
    length = int(seconds(asked, kept_by))
    assert 0.68 <= decided(asked, kept_by, length, 120) <= 0.97
    assert decided(asked, kept_by, length // 2, 120) < 0.68


def test_what_is_kept_by_less_takes_longer() -> None:
    times = [seconds(limit(0.01), by) for by in (0.5, 0.2, 0.1, 0.01)]
    assert times == sorted(times)
    assert times[0] < 600
    assert times[-1] == math.inf
    assert seconds(limit(0.01, 0.001), 0.5) > times[0]


def test_more_generators_than_one_can_tell_apart_are_never_surer_than_they_are_many() -> None:
    """Servers are taken to differ, and no longer window has more of them."""
    assert seconds(limit(0.01, agents=8), 0.1) == math.inf


def test_every_limit_on_a_share_has_its_sentence() -> None:
    scenario = HttpScenario.model_validate(
        {
            "name": "small",
            "kind": "http",
            "load": {"rate": [500, 1000], "duration": "30s", "timeout": "5s"},
            "sla": {"latency": {"p99": "50ms", "p100": "4s"}, "achieved": "99%", "errors": "0.1%"},
        }
    )
    told = list(sentences(WORKLOADS["http"].deciding(scenario)))
    assert [sentence.split(":")[0] for sentence in told] == ["sla.latency.p99", "sla.errors"]
    assert all(
        "if it is kept by 50%, " in one and one.endswith("(small-clients-1-rate-500).") for one in told
    )
    closed = scenario.model_copy(update={"load": scenario.load.model_copy(update={"rate": (0.0,)})})
    assert list(WORKLOADS["http"].deciding(closed)) == []
