"""A comparison in words, for the terminal and for pages; and as JSON, for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from kb_tests.compare.comparison import ALL, Comparison, Mark, Row
from kb_tests.compare.points import Basis
from kb_tests.compare.sides import Side
from kb_tests.compare.standing import stands_out
from kb_tests.report.words import duration, number, one_sentence, printable
from kb_tests.scenario.units import counted
from kb_tests.sla.verdict import Outcome

EXIT = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.INCONCLUSIVE: 10, Outcome.INVALID: 11}
"""Exit codes, as a run has them; what is refused is 11, too."""

REFUSED = EXIT[Outcome.INVALID]
VERDICTS = {Outcome.PASS: "pass", Outcome.FAIL: "FAIL", Outcome.INCONCLUSIVE: "inconclusive"}


def headline(found: Comparison) -> str:
    """The first sentence: what differs, by how much, at which points, and who stands out there."""
    names = _named(found.b), _named(found.a)
    was = "was" if found.basis is Basis.FEW else "is"
    sides = ("worse", found.worse), ("better", found.better)
    for word, rows in sides:
        if told := _by_loss([row for row in rows if row.point != ALL], worse=word == "worse"):
            points = list(dict.fromkeys(row.point for row in told))
            more = f" and at {len(points) - 1} more of {len(found.points)} points" if len(points) > 1 else ""
            sentence = f"{names[0]} {was} {word} than {names[1]} at {points[0]}: {_change(told[0])}{more}."
            who = stands_out(found.a, found.b, points, points[0]) if word == "worse" else ""
            return one_sentence(sentence, who)
    for word, rows in sides:
        if told := _by_loss(rows, worse=word == "worse"):
            sentence = (
                f"{names[0]} {was} {word} than {names[1]} over all points together: {_change(told[0])}."
            )
            who = stands_out(found.a, found.b, found.points) if word == "worse" else ""
            return one_sentence(sentence, who)
    return f"No difference between {names[1]} and {names[0]} that this sample could show."


def _named(side: Side) -> str:
    return printable(side.name)[:120]


def _by_loss(rows: Sequence[Row], *, worse: bool) -> list[Row]:
    """The rows, that with the largest loss (or gain) that is sure first."""

    def sure(row: Row) -> float:
        low, high = math.log(max(row.low, 1e-300)), math.log(min(max(row.high, 1e-300), 1e300))
        loss = (low, -high) if worse else (-high, low)
        return loss[0] if row.less else loss[1]

    return sorted(rows, key=sure, reverse=True)


def _change(row: Row) -> str:
    a, b = values(row)
    was = f" {a} became {b}," if a else ""
    if math.isinf(row.high):
        return f"{row.figure}{was} at least {ratio(row.low)} times"
    if row.low <= 0:
        return f"{row.figure}{was} at most {ratio(row.high)} times"
    return f"{row.figure}{was} {ratio(row.ratio)} times ({ratio(row.low)} to {ratio(row.high)})"


def values(row: Row) -> tuple[str, str]:
    """A's and B's value with their unit; "" of all points together."""
    if math.isnan(row.a) and math.isnan(row.b):
        return "", ""
    if row.unit == "s":
        return duration(row.a), duration(row.b)
    return f"{number(row.a)} {row.unit}", f"{number(row.b)} {row.unit}"


def ratio(value: float) -> str:
    """A ratio: "1.24", "0.037", "2,557"; "-" where there is none."""
    if not math.isfinite(value):
        return "-"
    if 1e-9 < value < 0.1:  # two digits, or a thousandth would be 0.00
        return f"{value:.{1 - math.floor(math.log10(value))}f}"
    return f"{value:.2f}" if value < 10 else number(value)


def truly(low: float, high: float) -> str:
    """Between what a ratio truly lies, each bound known or not."""
    if low <= 0 and math.isinf(high):
        return "bounded by nothing"
    if math.isinf(high):
        return f"truly {ratio(low)} at least"
    return f"truly {ratio(low)} to {ratio(high)}" if low > 0 else f"truly {ratio(high)} at most"


def percent(share: float) -> str:
    """A loss in percent: "7 %"."""
    return f"{share * 100:.2g} %" if share < 0.1 else f"{share * 100:,.0f} %"


def bounds(row: Row) -> str:
    """Between what the true ratio lies; "" where nothing bounds it."""
    if row.low <= 0 and math.isinf(row.high):
        return ""
    return f"{ratio(row.low)} .. {ratio(row.high)}"


def shows(row: Row) -> str:
    """What the sample shows, in the words of the figure: "slower", "less"."""
    if row.mark is Mark.NONE:
        return ""
    if row.less:
        return "slower" if row.mark is Mark.WORSE else "faster"
    return "less" if row.mark is Mark.WORSE else "more"


def smallest(found: Comparison) -> str:
    """The smallest slow-down that could have been shown."""
    told = [f"{name} {percent(loss)}" for name, loss in found.smallest().items() if math.isfinite(loss)]
    if not told:
        return "No slow-down could have been shown, however large: the records hold too little for any bound."
    return f"The smallest slow-down that this could have shown (4 times in 5): {', '.join(told)}."


def sides(found: Comparison) -> Iterator[tuple[str, str]]:
    """Each side's name, and its runs and days."""
    for side in (found.a, found.b):
        first, last = side.began
        count = len(side.records)
        days = f"{first:%Y-%m-%d %H:%M}" + (f" to {last:%Y-%m-%d %H:%M}" if count > 1 else "")
        yield _named(side), f"{counted(count, 'run')}, {days} UTC{_broken_off(side)}"


def _broken_off(side: Side) -> str:
    broken = sum(record.exit_code is None for record in side.records)
    if not broken:
        return ""
    if len(side.records) == 1:
        return "; it broke off, or is not over"
    return f"; {counted(broken, 'of them broke off, or is', 'of them broke off, or are')} not over"


BASES = {
    Basis.ONE_STAGING: "Both were measured on one staging.",
    Basis.RUNS: "The run is the unit: bounds know how much runs differ among themselves.",
    Basis.ONE_SIDE: "The run is the unit: bounds take the few runs to differ as the others do.",
    Basis.FEW: "Bounds are those of these very runs; they know nothing of what another staging would bring.",
    Basis.PAIRS: "In turns on what was staged once: bounds know how much pairs differ among themselves.",
}


def text(found: Comparison) -> Iterator[str]:
    """Lines for a terminal."""
    yield headline(found)
    for letter, (name, told) in zip("AB", sides(found), strict=True):
        yield f"  {letter}: {name}, {told}"
    if found.differences:
        yield "What differs besides the result:"
        for one in found.differences:
            mark = "!" if one.refused else " "
            yield f"{mark} {printable(one.name)}: {one.a} -> {one.b}"
    else:
        yield "Nothing differs besides the result, as far as the records tell."
    yield ""
    yield from _table(found)
    yield ""
    yield from (*found.left_out, *found.reasons)
    yield BASES[found.basis]
    yield smallest(found)
    sure = f"{found.confidence * 100:.4g} %"
    yield (
        f"{VERDICTS[found.outcome]}: B may be slower by {percent(found.max_slower)} at most; each bound"
        f" is {sure} sure for all rows together."
    )


def _table(found: Comparison) -> Iterator[str]:
    rows = [("POINT", "FIGURE", "A", "B", "RATIO", "BOUNDS", "VERDICT", "")]
    last = ""
    for row in found.rows:
        a, b = values(row)
        told = row.note or shows(row)
        name = row.point if row.point != last else ""
        last = row.point
        rows.append(
            (name, row.figure, a, b, ratio(row.ratio), bounds(row) or "-", VERDICTS[row.outcome], told)
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for line in rows:
        left = [f"{cell:{width}}" for cell, width in zip(line[:2], widths, strict=False)]
        right = [f"{cell:>{width}}" for cell, width in zip(line[2:6], widths[2:6], strict=True)]
        rest = [f"{cell:{width}}" for cell, width in zip(line[6:], widths[6:], strict=True)]
        yield printable("  ".join((*left, *right, *rest))).rstrip()


def as_json(found: Comparison) -> str:
    """One JSON object; what is infinite or no number is null."""
    return json.dumps(as_data(found), allow_nan=False)


def as_data(found: Comparison) -> dict[str, Any]:
    """The comparison as plain values, for programs and pages."""
    told: dict[str, Any] = {
        "headline": headline(found),
        "outcome": str(found.outcome),
        "exit_code": EXIT[found.outcome],
        "basis": str(found.basis),
        "basis_sentence": BASES[found.basis],
        "max_slower": found.max_slower,
        "confidence": found.confidence,
        "sides": [
            {"name": name, "told": told, "runs": list(side.runs)}
            for side, (name, told) in zip((found.a, found.b), sides(found), strict=True)
        ],
        "differences": [asdict(one) for one in found.differences],
        "rows": [
            asdict(row)
            | {
                "told_a": values(row)[0],
                "told_b": values(row)[1],
                "told_ratio": ratio(row.ratio),
                "told_bounds": bounds(row),
                "shows": shows(row),
            }
            for row in found.rows
        ],
        "points": list(found.points),
        "left_out": list(found.left_out),
        "reasons": list(found.reasons),
        "smallest": found.smallest(),
        "smallest_sentence": smallest(found),
    }
    cleaned: dict[str, Any] = finite(told)
    return cleaned


def finite(value: Any) -> Any:
    """`value` as JSON can say it: None for numbers that are none, or have no end."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [finite(below) for below in value]
    return value
