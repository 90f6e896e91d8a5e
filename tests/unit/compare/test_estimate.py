"""What is known of one figure of one run."""

from __future__ import annotations

import numpy as np

from kb_tests.compare.estimate import Estimate, of_percentile
from kb_tests.compare.ratio import within
from kb_tests.compare.workloads import STALLED
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.latency import Latency


def all_of(seconds: float) -> Estimate:
    parts = [Latency(Histogram.of(np.full(100, seconds))) for _ in range(8)]
    found = of_percentile(50, Latency.merged(parts), parts, 300.0, STALLED)
    assert found is not None
    return found


def test_what_is_slower_than_all_that_counts_is_beyond_measure_although_it_has_a_time() -> None:
    """I/Os of 61 s and of 250 s both count as 60 s: that is no reason to call them alike."""
    alike = within([all_of(61.0)], [all_of(250.0)])
    assert (alike.bounded, alike.p_below(0.1)) == (False, 1.0)
    assert within([all_of(1.0)], [all_of(250.0)]).p_above(0.1) < 0.05
    assert within([all_of(1.0)], [all_of(1.0)]).p_below(0.1) < 0.05
