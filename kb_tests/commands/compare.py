"""`kb compare`: is one run, or one set of runs, slower than another."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path

from kb_tests.commands import arguments
from kb_tests.errors import CompareError, RecordError, of_system
from kb_tests.report.printable import printable


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `kb compare`."""
    parser = commands.add_parser(
        "compare",
        help="say whether runs are slower than other ones, by how much, and how sure that is",
        description="Compares B with A point by point. Each is a record, a folder of records, a run's id or "
        "one of its tags. Exit code 0: B is not slower by more than --max-slower; 1: it is; 10: this sample "
        "cannot tell; 11: what has to agree does not, or there is nothing to compare.",
        epilog="Runs that were staged each for itself differ by where their servers came to stand: it takes "
        "three a side at least for a verdict.",
    )
    parser.add_argument("a", metavar="A", help="record, folder, run id or tag")
    parser.add_argument(
        "b", nargs="?", default=None, metavar="B", help="the same; without it A's own pairs (--kb-pairs)"
    )
    arguments.add_reports(parser)
    parser.add_argument(
        "--max-slower",
        type=arguments.share,
        metavar="SHARE",
        help="by how much B may be slower: 10%% (default: what the scenario's sla.baseline says, else 10%%)",
    )
    parser.add_argument(
        "--confidence",
        type=arguments.share,
        default=0.95,
        metavar="SHARE",
        help="of all rows together (default: 95%%)",
    )
    parser.add_argument(
        "--anyway", action="store_true", help="even where what has to agree differs; it is named first"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page, too")
    parser.set_defaults(run=_compare)


def _compare(options: argparse.Namespace) -> int:
    from kb_tests.compare import words

    try:
        return _told(options)
    except (CompareError, RecordError) as error:  # 1 would say that B is slower
        print(f"kb: {error}", file=sys.stderr)
    except OSError as error:
        print(f"kb: {of_system(error)}", file=sys.stderr)
    except Exception as error:  # a fault of ours, or of a record that nobody foresaw: no verdict either
        at = traceback.extract_tb(error.__traceback__)[-1]
        print(
            "kb: Nothing can be said of B, by a fault of kb compare itself:"
            f" {type(error).__name__}: {printable(str(error))} ({Path(at.filename).name}, line {at.lineno}).",
            file=sys.stderr,
        )
    return words.REFUSED


def _told(options: argparse.Namespace) -> int:
    from kb_tests.compare import words
    from kb_tests.compare.comparison import compare
    from kb_tests.compare.pairs import compare_pairs
    from kb_tests.history.read import called, records_of

    wanted = {"max_slower": options.max_slower, "confidence": options.confidence}
    a = records_of(options.a, options.reports)
    if options.b is not None:
        b = records_of(options.b, options.reports)
        names = called(options.a), called(options.b)
        if names[0] == names[1]:  # folders of one name
            names = options.a, options.b
        found = compare((names[0], a), (names[1], b), **wanted, anyway=options.anyway)
    else:
        found = compare_pairs(a, **wanted)
    if options.html:
        from kb_tests.compare import page

        try:
            options.html.write_text(page.render(found), encoding="utf-8")
        except OSError as error:
            raise RecordError(f"{options.html} cannot be written: {error.strerror or error}.") from error
    try:
        for line in [words.as_json(found)] if options.json else words.text(found):
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads it has read enough, which is no verdict
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return words.EXIT[found.outcome]
