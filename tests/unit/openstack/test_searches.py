"""Whether several searches agree."""

from __future__ import annotations

import math

import pytest

from kb_tests.report.capacity import CapacityRecord
from kb_tests.sla.capacity.model import End
from tests.openstack.searches import DIFFER, TOO_FEW, told


def found(low: float, high: float, end: End = End.FOUND) -> CapacityRecord:
    asked = {"least": 10, "most": 1000, "step": 0.25, "width": 0.1, "probe": 5, "budget": 150}
    return CapacityRecord.model_validate(
        asked
        | {"of": "rate", "clients": 2, "confidence": 0.95, "end": end, "low": low, "high": high}
        | {"kept": low, "broke": high, "limit": "latency p99", "seconds": 100}
    )


@pytest.mark.parametrize(
    ("searches", "code", "said"),
    [
        (
            [found(100, 110), found(105, 115), found(108, 118)],
            0,
            "they agree: 216 to 220 is in all of 200 to 220",
        ),
        ([found(100, 110), found(111, 120), found(90, 130)], DIFFER, "do NOT agree"),
        (
            [found(100, 110), found(105, math.inf, End.AT_LEAST)],
            0,
            "210 to 220 is in all of 200 to 220, 210 up",
        ),
        ([found(100, 110), found(120, math.inf, End.GENERATORS)], DIFFER, "do NOT agree"),
        (
            [found(100, math.inf, End.AT_LEAST), found(100, math.inf, End.AT_LEAST)],
            0,
            "they agree: 200 up is in all of 200 up, 200 up (2 of 2 have numbers); none has",
        ),
        ([found(100, 110), found(0, math.inf, End.DRIFTING), None], TOO_FEW, "1 of 3 gave a number"),
        ([found(100, 110), found(0, math.inf, End.DRIFTING), found(101, 109)], 0, "(2 of 3 have numbers)"),
    ],
)
def test_searches_agree_that_have_a_load_in_common(
    searches: list[CapacityRecord | None], code: int, said: str
) -> None:
    ended, lines = told(searches)
    assert (ended, len(lines)) == (code, len(searches) + 1)
    assert said in lines[-1]
