"""`kb scaling`: how what a cloud carries goes with the number of clients."""

from __future__ import annotations

import argparse
import json

from kb_tests.commands import arguments


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `kb scaling`."""
    parser = commands.add_parser(
        "scaling",
        help="say how capacities or closed loops grow with the number of clients, and if there is a peak",
        description="Fits the Universal Scalability Law to what a run found at each scale: capacities, or"
        " what closed loops were given. A peak is said only where it is shown. Exit code 0; 1 if the run has"
        " no such progression.",
    )
    parser.add_argument("run_name", metavar="RUN", help="record, run id or tag")
    arguments.add_reports(parser)
    parser.add_argument("--json", action="store_true", help="a JSON object a progression, a line each")
    parser.set_defaults(run=_scaling)


def _scaling(options: argparse.Namespace) -> int:
    from kb_tests.errors import RecordError
    from kb_tests.history.read import records_of
    from kb_tests.report import scaling

    records = records_of(options.run_name, options.reports)
    found = [one for record in records for one in scaling.progressions(record.points)]
    if not found:
        open_loops = any(scaling.has_open_loops(record) for record in records)
        raise RecordError(
            f"{options.run_name} has no scales that could be compared: it takes two of one load at least.",
            remedy=scaling.OPEN_LOOPS if open_loops else "",
        )
    for number, one in enumerate(found):
        if options.json:
            print(json.dumps(scaling.as_json(one)))
            continue
        print("\n" * (number > 0) + "\n".join(scaling.text(one)))
    return 0
