"""Percentiles from coarse latency buckets."""

from __future__ import annotations

import math
from collections.abc import Mapping

from kb_tests.measure.histogram import MICROSECOND


def bucket_percentile(buckets: Mapping[int, int], percent: float) -> float:
    """Seconds that `percent` of the coarse buckets' times do not exceed; NaN if they are empty.

    Bucket i holds [2**(i/4), 2**((i+1)/4)) us; inside a bucket the times are taken as spread evenly
    over the logarithm.
    """
    rank = sum(buckets.values()) * percent / 100
    for bucket in sorted(buckets):
        if 0 < rank <= buckets[bucket]:
            return float(2 ** ((bucket + rank / buckets[bucket]) / 4)) * MICROSECOND
        rank -= buckets[bucket]
    return math.nan
