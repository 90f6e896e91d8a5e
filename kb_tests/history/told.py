"""What `kb history` prints."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from kb_tests.compare.changes import LEAST, Change
from kb_tests.compare.differences import Difference
from kb_tests.compare.ratio import within
from kb_tests.compare.words import finite, ratio
from kb_tests.history.series import Series
from kb_tests.report.words import duration, number, printable
from kb_tests.scenario.units import counted

_BARS = "▁▂▃▄▅▆▇█"
FEWEST = 2 * LEAST
"""Runs of a figure in which a change can be found at least."""

WIDTH = 40
"""Runs of a line of bars, the newest."""

CONFIRM = (
    "An alarm is a reason to look, no verdict. Confirm it where nothing but the change differs: pytest"
    " --kb-pairs 8 with --kb-variant or two --kb-cloud; or kb compare of three runs a side."
)

Differs = Callable[[Series, int], Sequence[Difference]]
"""What else differs between the run of a series at a place and the one before."""


def text(found: Sequence[Series], alarms: float, differs: Differs) -> Iterator[str]:
    """Lines for a terminal: a series each, and under it where it changed."""
    runs = {run.run: run for one in found for run in one.runs}
    days = sorted(run.started for run in runs.values())
    changed = [one for one in found if one.changes]
    yield f"{counted(len(runs), 'run')}, {_day(days[0])} to {_day(days[-1])}: {_shown(found)}."
    width = max(len(f"{one.point} {one.figure}") for one in found)
    for one in found:
        name = f"{one.point} {one.figure}"
        yield printable(f"{name:{width}}  {_bars(one):{WIDTH}}  {_now(one)}")
        for change in one.changes:
            run = one.runs[change.at]
            word = _word(one.less, change.ratio)
            yield printable(
                f"{'':{width}}  from run {run.run} ({_day(run.started)}) on {_times(one, change)}, {word}"
            )
            others = "; ".join(f"{each.name} {each.a} -> {each.b}" for each in differs(one, change.at)[:6])
            yield printable(f"{'':{width}}  {'with it changed: ' + others if others else NOTHING}")
    if any(map(_enough, found)):
        yield (
            f"If nothing changed, one history in {1 / alarms:.0f} gives an alarm, where runs know nothing of"
            " each other."
        )
    worst = max(found, key=lambda one: one.false_alarms)
    if worst.false_alarms > 2 * alarms:
        yield printable(
            f"Neighbours resemble each other here (by {worst.resemblance:.1f} at {worst.point}"
            f" {worst.figure}): of such histories {worst.false_alarms * 100:.0f} % give one, though"
            " nothing changed."
        )
    if changed:
        yield CONFIRM


NOTHING = "nothing else changed with it, as far as the records tell"


def _enough(one: Series) -> bool:
    return len(one.runs) >= FEWEST


def _shown(found: Sequence[Series]) -> str:
    """In how many figures a change shows, and in how many none could."""
    short = len([one for one in found if not _enough(one)])
    if short == len(found):
        return f"too few to show a change, which takes {FEWEST}"
    changed = len([one for one in found if one.changes])
    shows = f"a change shows in {changed}" if changed else "no change shows in any"
    told = f"{shows} of {counted(len(found), 'figure')}"
    have = counted(short, "of them has", "of them have")
    return f"{told}; {have} fewer than the {FEWEST} runs that it takes" if short else told


def _word(less: bool, change: float) -> str:
    if less:
        return "slower" if change > 1 else "faster"
    return "more" if change > 1 else "less"


def _times(one: Series, change: Change) -> str:
    """By how much, as far as that is known: what is beyond measure is as slow as the timeout at least."""
    edges = [0, *(each.at for each in one.changes), len(one.figures)]
    at = edges.index(change.at)
    before, after = one.figures[edges[at - 1] : change.at], one.figures[change.at : edges[at + 1]]
    beyond = [any(figure.estimate.beyond for figure in part) for part in (before, after)]
    if any(beyond):
        known = "" if all(beyond) else "at most " if beyond[0] else "at least "
        return f"{known}about {ratio(change.ratio)} times"
    return f"{ratio(change.ratio)} times ({ratio(change.low)} to {ratio(change.high)})"


def _now(one: Series) -> str:
    """The newest value, and between what it truly lies."""
    last = one.figures[-1]
    alone = within([last.estimate], [last.estimate])
    bounds = ""
    if alone.bounded:
        reach = (alone.high(0.05) - alone.value) / math.sqrt(2)
        low, high = (last.value * math.exp(sign * reach) for sign in (-1, 1))
        bounds = f" ({_value(low, one.unit)} to {_value(high, one.unit)})"
    return f"now {_value(last.value, one.unit)}{bounds}"


def _value(value: float, unit: str) -> str:
    return duration(value) if unit == "s" else f"{number(value)} {unit}"


def _bars(one: Series) -> str:
    shown = [figure.estimate.log for figure in one.figures[-WIDTH:]]
    low, high = min(shown), max(shown)
    span = max(high - low, 0.05)  # less than 5 % is a flat line
    return "".join(_BARS[min(7, int((value - low) / span * 8))] for value in shown)


def _day(started: float) -> str:
    return f"{datetime.fromtimestamp(started, UTC):%Y-%m-%d}"


def lines(found: Sequence[Series]) -> Iterator[str]:
    """A JSON object a series, for programs."""
    for one in found:
        yield json.dumps(
            {
                "point": one.point,
                "figure": one.figure,
                "unit": one.unit,
                "runs": [run.run for run in one.runs],
                "started": [run.started for run in one.runs],
                "values": finite(one.values),
                "enough": _enough(one),
                "changes": [asdict(change) | {"run": one.runs[change.at].run} for change in one.changes],
                "resemblance": one.resemblance,
                "false_alarms": one.false_alarms,
            },
            allow_nan=False,
        )
