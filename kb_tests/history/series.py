"""One figure of one point over the runs of a scenario: where it changed, and how often that is a false
alarm.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kb_tests.compare.changes import MOST, Change, changes, false_alarms, resemblance
from kb_tests.history.figures import PointFigure
from kb_tests.history.summary import Summary


@dataclass(frozen=True)
class Series:
    """The figure at `point` in each of `runs`, oldest first, and its `changes`.

    Neighbours' deviations correlate by `resemblance`; a history in which nothing changed and whose neighbours
    resemble each other as much gives an alarm with probability `false_alarms`.
    """

    point: str
    figure: str
    unit: str
    less: bool
    runs: tuple[Summary, ...]
    figures: tuple[PointFigure, ...]
    changes: tuple[Change, ...]
    resemblance: float
    false_alarms: float

    @property
    def values(self) -> list[float]:
        """In `unit`."""
        return [one.value for one in self.figures]


def series_of(
    runs: Iterable[tuple[Summary, Sequence[PointFigure]]],
    *,
    alarms: float,
    figure: str = "",
    point: str = "",
) -> list[Series]:
    """Every figure of every point of `runs`, the newest `MOST`; `figure` and `point` name one alone ("p99",
    a part of the point's id). A wrong alarm in any of them has probability `alarms`.
    """
    found: defaultdict[tuple[str, str], list[tuple[Summary, PointFigure]]] = defaultdict(list)
    for run, figures in sorted(runs, key=lambda one: one[0].started):
        for one in figures:
            if figure in ("", one.figure) and point in one.point:
                found[one.point, one.figure].append((run, one))
    share = alarms / max(1, len(found))
    return [_series(each[-MOST:], share) for each in found.values()]


def _series(each: Sequence[tuple[Summary, PointFigure]], alarms: float) -> Series:
    logs = [one.estimate.log for _, one in each]
    where = changes(logs, alarms)
    alike = resemblance(logs, where)
    last = each[-1][1]
    return Series(
        point=last.point,
        figure=last.figure,
        unit=last.unit,
        less=last.less,
        runs=tuple(run for run, _ in each),
        figures=tuple(one for _, one in each),
        changes=tuple(where),
        resemblance=alike,
        false_alarms=false_alarms(len(each), alike, alarms),
    )
