"""The command line: `kb localcloud ...` and `python -m kb_tests.localcloud ...`."""

from __future__ import annotations

# ruff: noqa: T201 - a command prints
import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from kb_tests.localcloud import control
from kb_tests.localcloud.drivers import NAMES

_ABOUT = """\
A small OpenStack on this machine: keystone, nova, neutron, glance and cinder on 127.0.0.1, whose
servers are processes in network namespaces. It is for trying, developing and testing: figures taken
on it are this machine's, not an OpenStack's.

  %(prog)s up                       start it, and print what to export
  eval "$(%(prog)s up --export)"    start it, and export it into this shell
  openstack server list             any OpenStack client works
  %(prog)s down                     end it and all that runs in it
"""


def build_parser(prog: str = "python -m kb_tests.localcloud") -> argparse.ArgumentParser:
    """The parser of all sub-commands."""
    parser = argparse.ArgumentParser(
        prog=prog, description=_ABOUT % {"prog": prog}, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="up|down|status")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--state",
        type=Path,
        default=control.default_state_dir(),
        help="directory of its files: clouds.yaml, log, request log (default: %(default)s)",
    )
    start = commands.add_parser("up", parents=[common], help="start it, and print what to export")
    start.add_argument(
        "--driver",
        choices=NAMES,
        default="auto",
        help="netns runs real processes in namespaces; null runs nothing, for API tests; "
        "auto is netns (default: %(default)s)",
    )
    start.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any free one)")
    start.add_argument("--parent-pid", type=int, metavar="PID", help="end when this process ends")
    start.add_argument(
        "--token-lifetime",
        type=float,
        default=3600.0,
        metavar="SECONDS",
        help="how long a token is valid (default: %(default).0f)",
    )
    start.add_argument("--export", action="store_true", help="print nothing but export lines")
    commands.add_parser("down", parents=[common], help="end it and all that runs in it")
    commands.add_parser("status", parents=[common], help="whether it runs, where, and what it cannot do")
    return parser


def main(arguments: Sequence[str] | None = None, prog: str = "python -m kb_tests.localcloud") -> int:
    """Run one sub-command; the exit code is 0, or 1 with one sentence on standard error."""
    options = build_parser(prog).parse_args(arguments)
    try:
        return _run(options)
    except control.LocalCloudError as error:
        print(error, file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    match options.command:
        case "up":
            running = control.up(
                options.state,
                driver=options.driver,
                port=options.port,
                parent_pid=options.parent_pid,
                token_lifetime=options.token_lifetime,
            )
            _print(running, only_exports=options.export)
        case "down":
            print("ended" if control.down(options.state) else f"no local cloud runs in {options.state}")
        case _:
            found = control.status(options.state)
            if found is None:
                print(f"no local cloud runs in {options.state}")
                return 1
            _print(found, only_exports=False)
    return 0


def _print(running: control.Running, *, only_exports: bool) -> None:
    if not only_exports:
        print(f"local cloud at {running.url}, driver {running.driver}, process {running.pid}")
        for note in running.notes:
            print(f"  {note}")
    print(f"export OS_CLIENT_CONFIG_FILE={shlex.quote(str(running.clouds_yaml))}")
    print(f"export OS_CLOUD={running.cloud}")
