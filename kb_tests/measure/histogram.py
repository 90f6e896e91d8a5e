"""HdrHistogram (V2 encoding, 3 significant digits) with times in seconds at its face.

Source: https://github.com/HdrHistogram/HdrHistogram, "V2 compressed encoding".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from hdrh.histogram import HdrHistogram

LOWEST = 1
HIGHEST = 3_600_000_000
DIGITS = 3
MICROSECOND = 1e-6


class Histogram:
    """Response times, held in whole microseconds from 1 us to 1 h, exact to 0.1 %."""

    def __init__(self) -> None:
        self._hdr = HdrHistogram(LOWEST, HIGHEST, DIGITS)

    @classmethod
    def decode(cls, encoded: str | bytes) -> Histogram:
        """Read one base64 V2 histogram; raises ValueError for anything else."""
        raise NotImplementedError

    @classmethod
    def merged(cls, parts: Iterable[Histogram]) -> Histogram:
        """The loss-less sum of `parts`."""
        total = cls()
        for part in parts:
            total._hdr.add(part._hdr)
        return total

    def encode(self) -> str:
        """The base64 V2 form, for records."""
        return str(self._hdr.encode().decode("ascii"))

    @property
    def count(self) -> int:
        """How many values it holds."""
        return int(self._hdr.get_total_count())

    def percentile(self, percent: float) -> float:
        """The value in seconds that `percent` (0 to 100) of the values do not exceed; NaN if empty."""
        if not self.count:
            return math.nan
        return float(self._hdr.get_value_at_percentile(percent)) * MICROSECOND

    def percentiles(self, percents: Sequence[float]) -> list[float]:
        """`percentile` of each."""
        return [self.percentile(percent) for percent in percents]
