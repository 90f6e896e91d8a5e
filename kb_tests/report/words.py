"""Figures and verdicts in words: the same in the terminal, in HTML and in JUnit."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

from kb_tests.report.printable import printable as printable
from kb_tests.report.terms import SUBJECTS
from kb_tests.scenario.units import format_duration, format_size
from kb_tests.sla.verdict import BASELINE, CAPACITY, RECOVERY, Check, Outcome

BEYOND = "beyond measure"
COUNTED = ("requests/s", "IOPS", "I/Os under way", "clients")
"""Units of capacities."""


def duration(seconds: float) -> str:
    """A time, three significant digits: "182ms"."""
    return format_duration(seconds) if not math.isinf(seconds) else BEYOND


def span(values: Iterable[float], told: Callable[[float], str] = duration) -> str:
    """From the least to the most of `values`, "4ms to 9ms"; those that are not known are left out."""
    known = [value for value in values if not math.isnan(value)]
    low, high = (told(min(known)), told(max(known))) if known else ("", "")
    return low if low == high else f"{low} to {high}"


def share(part: float) -> str:
    """A share in percent, "99.57%", never rounded up to 100% or down to 0%."""
    if math.isnan(part):
        return "-"
    text = f"{part * 100:.4g}%"
    if text == "100%" and part < 1:
        return "99.99%"
    return "<0.0001%" if 0 < part < 1e-6 else text


def number(value: float) -> str:
    """A count or a rate, "18,621" or "93.4"."""
    if not math.isfinite(value):
        return "-" if math.isnan(value) else BEYOND
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def quantity(value: float, unit: str) -> str:
    """A value in the unit of a `Check`."""
    if unit == "s":
        return duration(value)
    if unit == "":
        return share(value)
    if unit == "x":
        return f"{number(value)} times" if math.isfinite(value) else "-"
    if math.isnan(value):
        return "-"
    if unit in COUNTED:
        return f"{number(value) if math.isfinite(value) else 'unbounded'} {unit}"
    return f"{format_size(value)}/s" if unit == "B/s" else f"{number(value)}/s"


def pair(check: Check) -> tuple[str, str]:
    """Value and limit of a check, with as many digits as it takes to tell them apart."""
    value, limit = quantity(check.value, check.unit), quantity(check.limit, check.unit)
    if _unrecovered(check):
        return "not recovered", limit
    if value != limit or check.value == check.limit:
        return value, limit
    scale, unit = _scale(check)
    for digits in range(4, 16):
        value = f"{check.value / scale:.{digits}g}{unit}"
        if value != f"{check.limit / scale:.{digits}g}{unit}":
            break
    return value, limit


def _scale(check: Check) -> tuple[float, str]:
    if check.unit == "":
        return 0.01, "%"
    if check.unit == "s":
        return next(
            ((factor, unit) for unit, factor in (("µs", 1e-6), ("ms", 1e-3)) if check.limit < 1000 * factor),
            (1.0, "s"),
        )
    return 1.0, check.unit.replace("1/", "/")


def one_sentence(first: str, second: str) -> str:
    """Two sentences as one, for those who read no further; one alone as it is."""
    if not first or not second:
        return first or second
    return after(f"{first.removesuffix('.')};", second)


def after(begin: str, sentence: str) -> str:
    """A sentence behind words that it goes on from."""
    return f"{begin} {sentence[0].lower()}{sentence[1:]}"


def subject(check: Check) -> str:
    """What a check speaks of: "p99 of response time"."""
    match = re.fullmatch(r"(\w+) service time (p[\d.]+)", check.name)
    if match:
        return f"{match[2]} of {match[1]} service time"
    match = re.fullmatch(r"(?:(\w+)[ _])?latency (p[\d.]+)", check.name)
    if match:
        return f"{match[2]} of {match[1] or 'response'} {'latency' if match[1] else 'time'}"
    return SUBJECTS.get(check.name, check.name.replace("_", " "))


def interval(check: Check) -> str:
    """Between what the true value lies; "" where nothing can be said but the value."""
    low, high = quantity(check.low, check.unit), quantity(check.high, check.unit)
    if _unrecovered(check) or (check.unit in COUNTED and math.isinf(check.high)):
        return f"{low} at least"
    return "" if low == high else f"{low} to {high}"


def _unrecovered(check: Check) -> bool:
    """Whether it tells of a service that was off for as long as it was watched."""
    return check.name == RECOVERY and math.isinf(check.value)


def breaks(check: Check) -> bool:
    """Whether the value itself, whatever its bounds, is on the wrong side of the limit."""
    return check.value > check.limit if check.at_most else check.value < check.limit


def away(check: Check) -> str:
    """How far the value is from the limit: "132ms (3.6x)", "5.8 points"."""
    distance = abs(check.value - check.limit)
    size = _points(distance) if check.unit == "" else quantity(distance, check.unit)
    return size + (
        f" ({times(check.value / check.limit)})" if check.at_most and check.limit and breaks(check) else ""
    )


def times(factor: float) -> str:
    """A factor, two significant digits at least: "3.6x", "512x", "1.04x"."""
    return f"{factor:,.0f}x" if factor >= 99.5 else f"{factor:.{2 + (factor < 1.1)}g}x"


def _things(check: Check) -> str:
    """What a latency is of."""
    return "requests" if check.name.startswith("latency") else f"{check.name.split()[0]}s"


def _points(distance: float) -> str:
    """A distance of two shares, in percentage points."""
    text = f"{distance * 100:.3g}"
    return f"{text} {'point' if text == '1' else 'points'}"


def margin(check: Check) -> str:
    """By how much a check keeps or breaks its limit, in a table's cell: "132ms (3.6x) over"."""
    if math.isnan(check.value) or math.isnan(check.limit):
        return "-"
    if _unrecovered(check):
        return f"{duration(max(0.0, check.low - check.limit))} over at least"
    if math.isinf(check.value):
        return BEYOND
    if not breaks(check):
        return f"{away(check)} to spare"
    return f"{away(check)} {'over' if check.at_most else 'short'}"


def sentence(check: Check) -> str:
    """What a check found: "p99 of response time 182ms is over its limit 50ms by 132ms (3.6x)"."""
    if check.name in (BASELINE, CAPACITY):  # which of several figures it was, the check alone does not say
        return check.detail.removesuffix(".")
    what = subject(check)
    value, limit = pair(check)
    if math.isnan(check.value):
        return f"{what} has no value to hold against its limit {limit}"
    if _unrecovered(check):
        return f"it did not recover within {duration(check.low)}, where {limit} are allowed"
    if math.isinf(check.value):
        why = "failed" if check.name.startswith("latency") else "had no end that fio could see"
        return f"{what} is {BEYOND}, its limit {limit}: too many {_things(check)} {why}"
    if check.outcome is Outcome.INCONCLUSIVE:
        found = f"{what} {value} cannot be told from its limit {limit}"
        if check.low <= 0 and math.isinf(check.high):
            return f"{found}: the sample is too short to say anything"
        low, high = quantity(check.low, check.unit), quantity(check.high, check.unit)
        return f"{found}: it may be from {low} to {high}"
    if not breaks(check):
        kept = "keeps" if check.outcome is Outcome.PASS else "does not keep"
        return f"{what} {value} {kept} its limit {limit}"
    return f"{what} {value} is {'over' if check.at_most else 'under'} its limit {limit} by {away(check)}"
