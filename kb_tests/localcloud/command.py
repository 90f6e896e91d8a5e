"""The command line: `kb localcloud ...` and `python -m kb_tests.localcloud ...`."""

from __future__ import annotations

# ruff: noqa: T201 - a command prints
import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from kb_tests.localcloud import control, fault_command, settings
from kb_tests.localcloud.client import AdminClient
from kb_tests.localcloud.drivers import NAMES
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
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--state",
        type=Path,
        default=argparse.SUPPRESS,  # before or behind a command: the one that is not given decides nothing
        help="directory of its files: clouds.yaml, log, request log (default: kb-localcloud in "
        "$XDG_STATE_HOME or ~/.local/state)",
    )
    parser = argparse.ArgumentParser(
        prog=prog,
        description=_ABOUT % {"prog": prog},
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
    )
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="up|down|status|set|servers|fault"
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
        "--hosts", type=int, default=2, metavar="N", help="hypervisors to show (default: %(default)s)"
    )
    start.add_argument(
        "--zones", type=int, default=1, metavar="N", help="availability zones of them (default: %(default)s)"
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
    one.add_argument(
        "--region",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help="one of several regions (default: the first)",
    )
    change = commands.add_parser(
        "set", parents=[one], help="change what its operator chose; without words, show it"
    )
    change.add_argument("settings", nargs="*", metavar="NAME=VALUE")
    fault_command.add_parsers(commands, one)
    commands.add_parser("down", parents=[common], help="end it and all that runs in it")
    commands.add_parser("status", parents=[common], help="whether it runs, where, and what it cannot do")
    return parser


def _client(options: argparse.Namespace) -> AdminClient:
    running = control.status(options.state)
    if running is None:
        raise control.LocalCloudError(f"No local cloud runs in {options.state}: start one with up.")
    return AdminClient(running, getattr(options, "region", None))


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


def main(arguments: Sequence[str] | None = None, prog: str = "python -m kb_tests.localcloud") -> int:
    """Run one sub-command; the exit code is 0, or 1 with one sentence on standard error."""
    options = build_parser(prog).parse_args(arguments)
    try:
        options.state = getattr(options, "state", None) or control.default_state_dir()
        return _run(options)
    except control.LocalCloudError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"{error.filename or 'The local cloud'}: {error.strerror or error}.", file=sys.stderr)
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
                hosts=options.hosts,
                zones=options.zones,
                settings=_settings(options.set),
            )
            _print(running, only_exports=options.export)
        case "set":
            _set(options)
        case "fault":
            fault_command.act(options, _client(options))
        case "servers":
            fault_command.list_servers(_client(options), as_json=options.json)
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
    print(f"export OS_CLOUD={shlex.quote(running.cloud)}")
