"""What of a run is over its limit by most, or closest to it: one sentence for a list of runs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kb_tests.report import words
from kb_tests.report.line import on_line
from kb_tests.report.terms import SUBJECTS
from kb_tests.report.worst import told_by_share
from kb_tests.sla.verdict import CAPACITY, RECOVERY, Check, Outcome

_ORDER = {Outcome.FAIL: 2, Outcome.INCONCLUSIVE: 1}
"""What is said of rather than of a limit that is kept, however close."""


def closest(points: Iterable[Mapping[str, Any]]) -> str:
    """Of a record's points, as they stand in its file; "" where nothing was judged, or none can be read."""
    try:
        found = max(_ranked(points), default=None, key=lambda one: one[0])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return ""
    return "" if found is None else f"{found[1]}: {words.printable(_told(found[2]))}"


def _ranked(points: Iterable[Mapping[str, Any]]) -> Iterator[tuple[tuple[int, float], str, Check]]:
    """Each check that tells something, and how much it has to say."""
    for point in points:
        verdict = point.get("verdict") or {}
        if verdict.get("outcome") == Outcome.INVALID:
            continue
        checks = [_check(told) for told in verdict.get("checks", ())]
        for check in checks:
            place = 1.0 if told_by_share(check, checks) else on_line(check.value, check)
            if check.name == CAPACITY or not math.isnan(place):
                yield (
                    (_ORDER.get(check.outcome, 0), 0.0 if math.isnan(place) else place),
                    _where(point),
                    check,
                )


def _told(check: Check) -> str:
    """In a few words; the run's own page has the sentence."""
    if check.name in (CAPACITY, RECOVERY):
        return words.sentence(check)
    what = SUBJECTS.get(check.name, check.name.replace("service time", "service").replace("latency ", ""))
    value, limit = words.pair(check)
    if math.isinf(check.value):
        return f"{what} {words.BEYOND}, limit {limit}"
    if check.outcome is Outcome.INCONCLUSIVE:
        return f"{what} {value} cannot be told from its limit {limit}"
    if check.at_most and check.limit and words.breaks(check):
        return f"{what} {value}, {words.times(check.value / check.limit)} its limit {limit}"
    return f"{what} {value}, limit {limit}"


def _check(told: Mapping[str, Any]) -> Check:
    return Check(
        name=str(told["name"]),
        outcome=Outcome(told["outcome"]),
        value=float(told["value"]),
        limit=float(told["limit"]),
        unit=str(told["unit"]),
        low=float(told["low"]),
        high=float(told["high"]),
        at_most=bool(told["at_most"]),
        detail=str(told["detail"]),
    )


def _where(point: Mapping[str, Any]) -> str:
    """What tells a point from its neighbours, in a few characters."""
    about = point["point"]
    own = str(about["id"]).removeprefix(f"{about.get('scenario', '')}-")
    return words.printable(
        re.sub(r"^clients-(\d+)-(?:rate-)?", "\\1 \N{MULTIPLICATION SIGN} ", own).replace("-", " ")
    )
