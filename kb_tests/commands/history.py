"""`kb history`: a scenario's runs over time, and where their figures changed."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from kb_tests.commands import arguments
from kb_tests.errors import RecordError
from kb_tests.report.printable import printable

if TYPE_CHECKING:
    from kb_tests.compare.differences import Difference
    from kb_tests.history.figures import PointFigure
    from kb_tests.history.series import Series

SHOWN = 20
"""Points or figures that are named; of more, their number."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `kb history`."""
    parser = commands.add_parser(
        "history",
        help="show a scenario's runs over time, and where their figures changed",
        description="Shows each figure of each point over the runs of one scenario on one cloud, with the "
        "runs from which on it is another, at a stated rate of false alarms.",
    )
    parser.add_argument(
        "reports", nargs="?", type=Path, default=Path("reports"), metavar="DIR", help="folder of the records"
    )
    parser.add_argument(
        "--scenario", default="", metavar="NAME", help="of this scenario (default: the newest)"
    )
    parser.add_argument(
        "--cloud", default="", metavar="NAME", help="on this cloud (default: the newest run's)"
    )
    parser.add_argument("--tag", default="", metavar="TAG", help="of runs with this tag alone")
    parser.add_argument("--figure", default="", metavar="NAME", help="of this figure alone: p99, achieved")
    parser.add_argument("--point", default="", metavar="TEXT", help="of points whose id has this in it")
    parser.add_argument(
        "--alarms",
        type=arguments.share_within(0.001, 0.5),
        default=0.01,
        metavar="SHARE",
        help="how many histories in which nothing changed may give an alarm (default: 1%%)",
    )
    parser.add_argument("--json", action="store_true", help="a JSON object a line")
    parser.set_defaults(run=_history)


def _history(options: argparse.Namespace) -> int:
    from kb_tests.compare.changes import MOST
    from kb_tests.history import told
    from kb_tests.history.find import Wanted, some
    from kb_tests.history.index import Index
    from kb_tests.history.series import series_of

    with closing(Index(options.reports)) as index:
        wanted = Wanted(options.cloud, options.scenario, "", options.tag)
        runs = some(index.some(), wanted, options.reports)
        newest = next((run for run in runs if run.scenarios), None)
        if newest is None:
            raise RecordError(
                f"No run in {options.reports} came to a scenario.", remedy="`kb runs -n 0` lists all."
            )
        scenario = options.scenario or newest.scenarios[0]
        cloud = options.cloud or newest.cloud
        looked_at = [run for run in runs if run.cloud == cloud and scenario in run.scenarios][:MOST]
        same = [(run, [one for one in index.figures(run) if one.scenario == scenario]) for run in looked_at]
        found = series_of(same, alarms=options.alarms, figure=options.figure, point=options.point)
    if not found:
        every = [one for _, each in same for one in each]
        raise _nothing(printable(f"{scenario} on {cloud}"), every, options.point, options.figure)
    if options.json:
        for line in told.lines(found):
            print(line)
        return 0
    print(printable(f"{scenario} on {cloud}"))
    for line in told.text(found, options.alarms, _differs):
        print(line)
    return 0


def _nothing(what: str, there: Sequence[PointFigure], point: str, figure: str) -> RecordError:
    """Why no figure is as wanted: none was measured, or its name is another."""
    if not there:
        return RecordError(
            f"No run of {what} has a point that was measured as it should.",
            remedy="`kb runs` shows what became of them.",
        )
    points = dict.fromkeys(one.point for one in there)
    some = [one for one in points if point in one]
    if not some:
        return RecordError(
            f"No point of {what} has {point!r} in its id.", remedy=f"Its points: {_listed(points)}."
        )
    figures = dict.fromkeys(one.figure for one in there if one.point in some)
    of = f"points with {point!r} of {what}" if point else what
    return RecordError(f"There is no figure {figure!r} of {of}.", remedy=f"Its figures: {_listed(figures)}.")


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return printable(", ".join(every[:SHOWN]) + more)


def _differs(series: Series, at: int) -> Sequence[Difference]:
    """What else differs between the run at `at` and the one before."""
    from kb_tests.compare.differences import differences
    from kb_tests.compare.sides import Side
    from kb_tests.report.record import load

    try:
        a, b = (Side.of(run.run, [load(Path(run.path))]) for run in (series.runs[at - 1], series.runs[at]))
    except RecordError:
        return ()
    return differences(a, b, [key for key in a.points if key in b.points])
