"""`kb watch` and `kb marker`: follow a session that runs, and note in it what was done to the cloud."""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of both."""
    watch = commands.add_parser(
        "watch",
        help="follow a session that runs in another shell, or in CI on this machine",
        description="Shows what happens in a session of this user, from its beginning until it ends. The "
        "session does not notice; Ctrl-C ends the watching alone.",
    )
    watch.add_argument(
        "session", nargs="?", default="", metavar="SESSION", help="default: the newest one that runs"
    )
    watch.add_argument("--replay", action="store_true", help="show a session that ended at the pace of then")
    watch.add_argument("--json", action="store_true", help="a JSON object a line: see `kb schema events`")
    watch.set_defaults(run=_watch)

    marker = commands.add_parser(
        "marker",
        help="note in a running session that something was done to the cloud",
        description='Notes this moment in a session that runs: kb marker "pulled the link of node-3".',
    )
    marker.add_argument("text", metavar="TEXT", help="what was done")
    marker.add_argument("--session", default="", metavar="SESSION", help="default: the newest one that runs")
    marker.set_defaults(run=_marker)


def _watch(options: argparse.Namespace) -> int:
    from kb_tests import watch

    show = watch.as_json if options.json else watch.Text()
    session = watch.choose(options.session)
    if not options.json:
        print(f"session {session.sid}{'' if session.alive else ', which has ended'}", flush=True)
    said_goodbye = False
    for read in watch.follow(session, replay=options.replay):
        said_goodbye = watch.ends(read)
        if text := show(read):
            print(text, flush=True)
    if not said_goodbye and not options.json:
        print(watch.NO_LAST_WORDS, flush=True)
    return 0


def _marker(options: argparse.Namespace) -> int:
    from kb_tests import watch

    session = watch.mark(options.session, options.text)
    print(f"noted in session {session.sid}: {options.text}")
    return 0
