"""What a comparison says first: by how much in figures that are true, and who stands out where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from kb_tests.compare import words
from kb_tests.compare.comparison import ALL, compare
from kb_tests.report.record import RunRecord
from tests.unit.compare.build import point, run
from tests.unit.report import build


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (1.0, "1.00"),
        (1.236, "1.24"),
        (0.45, "0.45"),
        (0.0448, "0.045"),
        (0.0005, "0.00050"),
        (22.34, "22.3"),
        (2557.4, "2,557"),
        (math.inf, "-"),
        (math.nan, "-"),
    ],
)
def test_a_ratio_is_told_in_its_own_digits_however_far_from_one(value: float, told: str) -> None:
    assert words.ratio(value) == told


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (1.5, 2557.4, "truly 1.50 to 2,557"),
        (2557.4, math.inf, "truly 2,557 at least"),
        (0.0, 0.0448, "truly 0.045 at most"),
        (0.0, math.inf, "bounded by nothing"),
    ],
)
def test_bounds_are_told_as_far_as_they_are_known(low: float, high: float, told: str) -> None:
    assert words.truly(low, high) == told


RATES = (200.0, 400.0)


def made(name: str, ratio: float, *told: Sequence[str], day: int = 0) -> RunRecord:
    """A run of two points, `ratio` times as slow and more at the second, with what was `told` of each."""
    seed = int(name, 16)
    points = [
        point(build.point(1, rate), ratio=ratio ** (1 + number / 2), seed=seed + number).model_copy(
            update={"culprits": tuple(told[number]) if told else ()}
        )
        for number, rate in enumerate(RATES)
    ]
    return run(name, points=points, day=day)


C05 = "Host c05 with 3 servers: p99 of response time is 3.9 times that of the others."
C06 = "Host c06, or server web-6, the only one on it: error rate is 2.0 times that of the others."
NOBODY = "No server, host or zone stands out in p99 of response time (24 servers, 8 hosts)."


@pytest.mark.parametrize(
    ("a", "b", "ends"),
    [
        ([], [[], [C05, "It began in second 3."]], "; h" + C05[1:]),
        ([], [[C05], [NOBODY]], "; at http-east-west-clients-1-rate-200 h" + C05[1:]),
        ([], [[C05], [C06]], "; h" + C06[1:]),
        ([], [[NOBODY], [NOBODY]], " more of 2 points."),
        ([[], [C05]], [[], [C05]], "; h" + C05[1:-1] + " (in A, too)."),
        ([[], [C06]], [[], [C05]], "; h" + C05[1:]),
        ([[C05], []], [[], [C05]], "; h" + C05[1:]),
    ],
)
def test_it_says_who_stood_out_where_b_is_slower(
    a: Sequence[Sequence[str]], b: Sequence[Sequence[str]], ends: str
) -> None:
    found = compare(("before", [made("00000001", 1.0, *a)]), ("after", [made("00000009", 3.0, *b)]))
    said = words.headline(found)
    assert said.startswith("after was worse than before at http-east-west-clients-1-rate-400: p")
    assert said.endswith(ends)
    back = compare(("after", [made("00000009", 3.0, *b)]), ("before", [made("00000001", 1.0, *a)]))
    assert "stands out" not in words.headline(back)
    assert "Host" not in words.headline(back)


def test_where_only_all_points_together_show_it_the_point_is_named() -> None:
    a, b = made("00000001", 1.0), made("00000009", 3.0, [], [C05])
    found = compare(("before", [a]), ("after", [b]))
    together = replace(next(row for row in found.rows if row in found.worse), point=ALL)
    said = words.headline(replace(found, rows=(together,)))
    assert " over all points together: " in said
    assert said.endswith("; at http-east-west-clients-1-rate-400 h" + C05[1:])


def test_of_several_runs_it_says_in_how_many() -> None:
    before = [made(f"0000000{one}", 1.0, [], [C05] if one == 1 else [NOBODY], day=one) for one in (1, 2, 3)]
    after = [made(f"0000002{one}", 3.0, [], [C06] if one == 1 else [C05], day=one + 9) for one in (1, 2, 3)]
    said = words.headline(compare(("before", before), ("after", after)))
    assert said.endswith("others (in 2 of 3 runs of B, in 1 of 3 runs of A, too).")
