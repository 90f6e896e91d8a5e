"""`kb runs`: which runs there were, and tags for them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from kb_tests.commands import arguments

_Change = Callable[[set[str], set[str]], set[str]]

OUTCOMES = ("pass", "fail", "inconclusive", "invalid", "leaked", "unfinished", "not_run", "lost", "error")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `kb runs`."""
    runs = commands.add_parser(
        "runs",
        help="list runs, and tag them",
        description="Lists the runs whose records are in a folder, the newest first. POINTS has a letter a "
        "point: P pass, F fail, ? inconclusive, ! invalid, m measured, - not run, x lost or error.",
        epilog="kb runs tag RUN before-upgrade gives a run a tag, kb runs untag takes it away.",
    )
    arguments.add_reports(runs, arguments.OF_PYTEST)
    runs.add_argument("--cloud", default="", metavar="NAME", help="of this cloud alone")
    runs.add_argument("--scenario", default="", metavar="NAME", help="with this scenario")
    runs.add_argument(
        "--outcome", default="", choices=OUTCOMES, help="that ended so, at the worst of their points"
    )
    runs.add_argument("--tag", default="", metavar="TAG", help="with this tag")
    runs.add_argument(
        "--since",
        type=arguments.seconds,
        default=0.0,
        metavar="DURATION",
        help="begun so long ago at most: 12h",
    )
    runs.add_argument(
        "-n",
        "--number",
        type=arguments.count_from(0),
        default=20,
        metavar="N",
        help="so many at most; 0 for all",
    )
    runs.add_argument("--json", action="store_true", help="a JSON object a line")
    runs.set_defaults(run=_list)
    actions = runs.add_subparsers(metavar="ACTION")
    for name, change, text in (("tag", _tag, "give a run tags"), ("untag", _untag, "take tags away")):
        action = actions.add_parser(name, help=text)
        arguments.add_reports(action, arguments.OF_PYTEST, inner=True)
        action.add_argument(
            "run_id", metavar="RUN", help="its id, as much of it as is unique, or one of its tags"
        )
        action.add_argument("tags", nargs="+", metavar="TAG")
        action.set_defaults(run=change)


def _list(options: argparse.Namespace) -> int:
    from kb_tests.history import command
    from kb_tests.history.find import Wanted, some
    from kb_tests.history.index import Index

    wanted = Wanted(options.cloud, options.scenario, options.outcome, options.tag, options.since)
    with closing(Index(options.reports)) as index:
        found = some(index.some(), wanted, options.reports)
    shown = found[: options.number or None]
    for line in command.lines(shown) if options.json else command.table(shown):
        print(line)
    if len(found) > len(shown) and not options.json:
        print(f"and {len(found) - len(shown)} more: -n 0 shows all")
    return 0


def _tag(options: argparse.Namespace) -> int:
    return _change(options, lambda old, new: old | new)


def _untag(options: argparse.Namespace) -> int:
    return _change(options, lambda old, new: old - new)


def _change(options: argparse.Namespace, change: _Change) -> int:
    from kb_tests.history.find import the_one
    from kb_tests.history.index import Index
    from kb_tests.history.tags import change_tags

    with closing(Index(options.reports)) as index:
        run = the_one(index.some(), options.run_id, options.reports)
    tags = change_tags(Path(run.path), lambda old: change(old, {*options.tags}))
    print(f"run {run.run}: {', '.join(tags) or 'no tags'}")
    return 0
