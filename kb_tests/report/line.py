"""The limit line: where a value lies on the way from the best there is to its limit, and beyond."""

from __future__ import annotations

import math

from kb_tests.sla.verdict import Check

FAR = 1000.0
"""Times the limit that are drawn as "far beyond"."""


def on_line(value: float, check: Check) -> float:
    """Where a value lies when 0 is the best there is and 1 the limit; NaN stays NaN.

    Of a floor on a share, what is missing to the whole is set against what may be missing.
    """
    if math.isnan(value):
        return math.nan
    if check.at_most:
        place = value / check.limit if check.limit else (0.0 if value <= 0 else math.inf)
    elif check.unit == "":
        room = 1 - check.limit
        place = max(0.0, 1 - value) / room if room else (0.0 if value >= 1 else math.inf)
    else:
        place = check.limit / value if value else math.inf
    return min(max(place, 0.0), FAR)
