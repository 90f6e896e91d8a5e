"""`kb culprits`: which servers, hosts or zones make the points of a run slow."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from kb_tests.commands import arguments
from kb_tests.errors import RecordError

if TYPE_CHECKING:
    from kb_tests.report.record import RunRecord

UNTOLD = (
    "What was not kept here cannot be told server by server: limits on latency, errors, the achieved rate and"
    " stalls can."
)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `kb culprits`."""
    parser = commands.add_parser(
        "culprits",
        help="say which servers, hosts or zones stand out where a run broke its SLA",
        description="Looks at each point of a run that broke a limit on latency, errors, rate or stalls, or "
        "was inconclusive, and says which servers, hosts or zones lie so far above the others that neither "
        "chance nor the usual differences explain it, what would be without them, and since when. Exit code "
        "0, whatever stands out.",
        epilog="It takes servers on four hosts at least. Pytest says it by itself from six on. "
        "docs/culprits.md has how often it errs.",
    )
    parser.add_argument("run_id", metavar="RUN", help="record, run id or one of its tags")
    arguments.add_reports(parser)
    parser.add_argument("--point", default="", metavar="ID", help="of this point alone")
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
    parser.set_defaults(run=_culprits)


def _culprits(options: argparse.Namespace) -> int:
    from kb_tests.compare.words import finite
    from kb_tests.culprits.recorded import not_kept
    from kb_tests.culprits.words import sentences
    from kb_tests.history.read import records_of
    from kb_tests.report.words import printable
    from kb_tests.sla.verdict import Outcome

    records = records_of(options.run_id, options.reports)
    if len(records) != 1:
        raise RecordError(
            f"{options.run_id} is {len(records)} runs, and culprits are those of one.",
            remedy="Name one of them.",
        )
    (record,) = records
    if options.point and options.point not in {point.id for point in record.points}:
        raise RecordError(
            f"Run {record.run} has no point {options.point!r}.",
            remedy=f"Its points: {', '.join(dict.fromkeys(point.id for point in record.points))}.",
        )
    told = {point.title: (point.outcome, found) for point, found in not_kept(record, options.point)}
    if options.json:
        json.dump(
            {
                "run": record.run,
                "points": {
                    title: [finite(asdict(one)) for one in found] for title, (_, found) in told.items()
                },
            },
            sys.stdout,
            allow_nan=False,
        )
        print()
        return 0
    for title, (outcome, found) in told.items():
        print(printable(title) + (f" ({outcome})" if outcome is Outcome.INCONCLUSIVE else ""))
        for one in found:
            for sentence in sentences(one):
                print(f"  {printable(sentence)}")
        if not found:
            print(f"  {UNTOLD}")
    if not told:
        print(_none(record, options.point))
    return 0


def _none(record: RunRecord, point: str) -> str:
    """That nothing is looked at, and what of it has no verdict at all."""
    from kb_tests.report.words import printable
    from kb_tests.scenario.units import counted
    from kb_tests.sla.verdict import Outcome

    standing = [one for one in record.standing() if point in ("", one.id)]
    lacking = sum(one.outcome in (None, Outcome.INVALID) for one in standing)
    if point:
        told = f"Point {printable(point)} of run {record.run} neither broke its SLA nor was inconclusive"
        return f"{told}{': it has no valid verdict' if lacking else ''}."
    told = f"No point of run {record.run} broke its SLA or was inconclusive"
    return f"{told}; {counted(lacking, 'point')} had no valid verdict." if lacking else f"{told}."
