"""Percentiles by second end with the window: what comes in behind it is the slowest there was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kb_tests.report.record import load
from kb_tests.web.workloads import WORKLOADS

RECORDS = Path(__file__).parents[1] / "report" / "records"


@pytest.mark.parametrize("kind", ["http", "storage"])
def test_no_percentile_is_drawn_of_a_second_behind_the_window(kind: str) -> None:
    record = load(RECORDS / f"schema-1-{kind}.json")
    measured: Any = next(point.measurement for point in record.points if point.measurement)
    at = measured.seconds.at
    shorter = measured.model_copy(update={"duration": float(at[-2])})
    whole, cut = (WORKLOADS[kind].seconds(one) for one in (measured, shorter))
    assert cut.lines
    for line, other in zip(whole.lines, cut.lines, strict=True):
        assert other.values[:-2] == line.values[:-2]
        assert json.loads(other.model_dump_json())["values"][-2:] == [None, None]
