"""The command line: `kb localcloud ...` and `python -m kb_tests.localcloud ...`."""

from __future__ import annotations

# ruff: noqa: T201 - a command prints
import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kb_tests.localcloud import control, settings
from kb_tests.localcloud.client import AdminClient
from kb_tests.localcloud.drivers import NAMES
from kb_tests.localcloud.faults import Kind
from kb_tests.localcloud.state_dir import CLOUD_NAME

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
    commands = parser.add_subparsers(dest="command", required=True, metavar="up|down|status|set|fault")
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
    start.add_argument("--name", default=CLOUD_NAME, help="its name in clouds.yaml (default: %(default)s)")
    start.add_argument(
        "--beside",
        type=Path,
        metavar="STATE",
        help="directory of another local cloud that runs: this one's clouds.yaml names both",
    )
    start.add_argument(
        "--region",
        action="append",
        default=[],
        metavar="NAME",
        help="one more region of the same keystone, which clouds.yaml has as NAME-REGION; may be repeated",
    )
    start.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"what its operator chose; may be repeated: {', '.join(settings.Settings().shown())}",
    )
    start.add_argument("--export", action="store_true", help="print nothing but export lines")
    one = argparse.ArgumentParser(add_help=False, parents=[common])
    one.add_argument("--region", metavar="NAME", help="one of several regions (default: the first)")
    change = commands.add_parser(
        "set", parents=[one], help="change what its operator chose; without words, show it"
    )
    change.add_argument("settings", nargs="*", metavar="NAME=VALUE")
    _add_fault_parser(commands, one)
    commands.add_parser("down", parents=[common], help="end it and all that runs in it")
    commands.add_parser("status", parents=[common], help="whether it runs, where, and what it cannot do")
    return parser


_FAULTS = """\
Let something go wrong, to see how a client copes. A fault acts on all calls (boots, deletions) that it
matches, or on the nth, or on every k-th of them, at most a number of times:

  kb localcloud fault add status --service nova --method POST --path /servers$ --nth 1 --status 503
  kb localcloud fault add status --every 5 --status 429 --retry-after 1
  kb localcloud fault add latency --seconds 0.04
  kb localcloud fault add boot-never --server worker-3
  kb localcloud fault server ID freeze --seconds 2
  kb localcloud fault list
  kb localcloud fault clear
"""


def _add_fault_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    fault = commands.add_parser(
        "fault",
        help="let calls, boots, deletions or servers fail on request",
        description=_FAULTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = fault.add_subparsers(dest="what", required=True, metavar="add|server|volume|list|clear")
    add = what.add_parser("add", parents=[common], help="set one")
    add.add_argument("kind", choices=[str(kind) for kind in Kind])
    for name, meaning in (
        ("service", "keystone, nova, neutron, glance or cinder"),
        ("method", "GET, POST, PUT, PATCH or DELETE"),
        ("path", "regular expression, searched in the call's path behind the service's"),
        ("server", "regular expression, searched in the server's name"),
    ):
        add.add_argument(f"--{name}", help=meaning)
    for name, meaning in (
        ("nth", "act on this match only"),
        ("every", "act on every k-th match"),
        ("times", "act at most so often"),
        ("status", "the answer's status (default: 503)"),
        ("retry-after", "seconds in the answer's Retry-After"),
    ):
        add.add_argument(f"--{name}", type=int, help=meaning)
    add.add_argument("--seconds", type=float, help="of latency, of a hang, of a slow boot")
    harm = what.add_parser("server", parents=[common], help="harm a running server")
    harm.add_argument("id")
    harm.add_argument("kind", choices=("crash", "freeze", "cut", "link"))
    harm.add_argument("--seconds", type=float, help="for how long")
    harm.add_argument("--rate", type=float, help="of link: bits a second")
    harm.add_argument("--loss", type=float, help="of link: share of packets, 0 to 1")
    harm = what.add_parser("volume", parents=[common], help="harm an attached volume")
    harm.add_argument("id")
    harm.add_argument("kind", choices=("slow", "full"))
    harm.add_argument("--iops", type=int, help="of slow: at most so many reads, and writes, a second")
    harm.add_argument("--bandwidth", type=int, help="of slow: at most so many bytes a second")
    harm.add_argument("--size", type=int, help="of full: no space after so many bytes")
    what.add_parser("list", parents=[common], help="show those that are set")
    what.add_parser("clear", parents=[common], help="remove them all")


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """What was said about a fault beside its kind."""
    about = {"command", "what", "state", "region", "id", "kind"}
    return {name: value for name, value in vars(options).items() if name not in about and value is not None}


def _client(options: argparse.Namespace) -> AdminClient:
    running = control.status(options.state)
    if running is None:
        raise control.LocalCloudError(f"No local cloud runs in {options.state}: start one with up.")
    return AdminClient(running, options.region)


def _set(options: argparse.Namespace) -> None:
    client = _client(options)
    client.set(**_settings(options.settings))
    for name, value in client.settings().items():
        print(f"{name}={value}")


def _settings(words: Sequence[str]) -> dict[str, str]:
    try:
        return settings.parse(words)
    except ValueError as error:
        raise control.LocalCloudError(str(error)) from None


def _fault(options: argparse.Namespace) -> None:
    client = _client(options)
    match options.what:
        case "add":
            print(client.add_fault(options.kind, **_given(options)))
        case "server":
            client.harm_server(options.id, options.kind, **_given(options))
        case "volume":
            client.harm_volume(options.id, options.kind, **_given(options))
        case "clear":
            client.clear_faults()
        case _:
            for fault in client.faults():
                print(json.dumps(fault))


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
                name=options.name,
                beside=options.beside,
                regions=options.region,
                settings=_settings(options.set),
            )
            _print(running, only_exports=options.export)
        case "set":
            _set(options)
        case "fault":
            _fault(options)
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
