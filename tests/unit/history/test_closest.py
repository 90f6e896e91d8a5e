"""What a list of runs says of each: what broke by most, else what came closest to its limit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kb_tests.history.closest import closest
from kb_tests.history.index import Index
from kb_tests.history.summary import summarize
from tests.unit.report import build


def check(name: str, value: Any, limit: Any, outcome: str, *, at_most: bool = True, unit: str = "s") -> Any:
    bounds = {"low": value, "high": value, "detail": ""}
    return {
        "name": name,
        "value": value,
        "limit": limit,
        "unit": unit,
        "outcome": outcome,
        "at_most": at_most,
    } | bounds


def point(rate: int, *checks: Any, outcome: str = "pass") -> Any:
    about = {"id": f"web-clients-4-rate-{rate}", "scenario": "web"}
    return {"point": about, "verdict": {"outcome": outcome, "checks": list(checks)}}


AT = "4 \N{MULTIPLICATION SIGN}"
NEAR = check("latency p99", 0.045, 0.05, "pass")
FAR = check("latency p50", 0.001, 0.05, "pass")
OVER = check("latency p99", 0.105, 0.05, "fail")
LESS = check("achieved", 0.985, 0.99, "fail", at_most=False, unit="")
OPEN = check("latency p99", 0.048, 0.05, "inconclusive")
LOST = check("latency p99.9", "Infinity", 0.2, "fail")
HALF = check("errors", 0.5, 0.001, "fail", unit="")


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ([], ""),
        ([{"point": {"id": "web-x"}, "verdict": None}], ""),
        ([point(500, FAR, NEAR)], f"{AT} 500: p99 45ms, limit 50ms"),
        (
            [point(500, NEAR), point(900, FAR, OPEN)],
            f"{AT} 900: p99 48ms cannot be told from its limit 50ms",
        ),
        ([point(500, LESS, OVER), point(900, OPEN)], f"{AT} 500: p99 105ms, 2.1x its limit 50ms"),
        ([point(500, OVER, LOST)], f"{AT} 500: p99.9 beyond measure, limit 200ms"),
        ([point(500, LOST, HALF)], f"{AT} 500: error rate 50%, 500x its limit 0.1%"),
        ([point(500, OVER, outcome="invalid"), point(900, NEAR)], f"{AT} 900: p99 45ms, limit 50ms"),
        ([point(500, LESS)], f"{AT} 500: achieved rate 98.5%, limit 99%"),
    ],
)
def test_what_is_over_by_most_or_closest(points: Any, says: str) -> None:
    assert closest(points) == says


def test_it_is_kept_in_the_index_and_a_wild_record_is_none(tmp_path: Path) -> None:
    path = build.run([build.judged(), build.judged(build.point(4, 2000), median=0.2)], run="aaaa0001").write(
        tmp_path
    )
    for _ in range(2):
        index = Index(tmp_path)
        (found,) = index.runs()
        index.close()
        assert found.closest.startswith(f"{AT} 2000: p50 200ms, 20x ")
        assert "its limit" in found.closest
    text = json.loads(path.read_text())
    wilds: list[Any] = ["x", None, [1], {"checks": [{}]}, {"checks": 7}]
    for wild in wilds:
        text["points"][0]["verdict"] = wild
        path.write_text(json.dumps(text))
        found_now = summarize(path)
        assert found_now is None or isinstance(found_now.closest, str)
