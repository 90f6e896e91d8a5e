"""`kb ui`: watch, start and stop runs in a browser."""

from __future__ import annotations

import argparse
import os
import webbrowser
from collections.abc import Iterator
from pathlib import Path

from kb_tests.commands import arguments


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `kb ui`."""
    ui = commands.add_parser(
        "ui",
        help="watch, start and stop runs in a browser",
        description="Serves the web UI to this machine alone, and prints the address to open: it holds a "
        "token that is made anew each time. From another machine: ssh -L 8765:127.0.0.1:8765 HOST. Ctrl-C "
        "ends the UI; runs go on without it.",
    )
    ui.add_argument(
        "--port",
        type=arguments.count_from(0),
        default=None,
        metavar="PORT",
        help="default: 8765; 0 for any free one",
    )
    ui.add_argument(
        "--socket",
        type=Path,
        default=None,
        metavar="PATH",
        help="listen on a Unix socket in a folder of your own, and on no port: ssh -L 8765:PATH HOST",
    )
    arguments.add_reports(ui, arguments.OF_PYTEST)
    ui.add_argument(
        "--scenarios", type=Path, default=None, metavar="DIR", help="folder of your own scenarios"
    )
    ui.add_argument(
        "--max-servers",
        type=arguments.count_from(1),
        default=None,
        metavar="N",
        help="of a run that is started here (default: 100)",
    )
    ui.add_argument(
        "--max-minutes",
        type=arguments.above_zero,
        default=None,
        metavar="N",
        help="that a run which is started here may load for (default: 120)",
    )
    ui.add_argument(
        "--allow-hooks",
        action="store_true",
        help="let scenarios of --scenarios be started that run commands on this machine (hooks:)",
    )
    ui.add_argument(
        "--ssh-proxy-command",
        default="",
        metavar="COMMAND",
        help="ProxyCommand (ssh_config(5)) by which every run that is started here reaches its servers",
    )
    ui.add_argument("--read-only", action="store_true", help="start and stop nothing")
    ui.add_argument("--viewer", action="store_true", help="print a second address, which may only look")
    ui.add_argument(
        "--host-name",
        type=arguments.name,
        action="append",
        default=[],
        metavar="NAME",
        help="a further name that it answers to",
    )
    ui.add_argument("--no-open", action="store_true", help="open no browser")
    ui.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from kb_tests.errors import UiError
    from kb_tests.fleet import proxy_command
    from kb_tests.web.app import Options
    from kb_tests.web.server import PORT, serve
    from kb_tests.web.starting import MAX_MINUTES, MAX_SERVERS

    port = PORT if options.port is None else options.port
    if not 0 <= port <= 65535:
        raise UiError(f"There is no port {port}: ports are 1 to 65535, and 0 is any free one.")
    if options.scenarios is not None and not os.path.isdir(options.scenarios):  # noqa: PTH112 - it may be closed
        raise UiError(f"There is no folder {options.scenarios} with scenarios that you may read.")
    if options.reports.exists() and not options.reports.is_dir():
        raise UiError(f"{options.reports} is no folder.", remedy="Name the folder of the records.")
    if options.allow_hooks and options.scenarios is None:
        raise UiError(
            "--allow-hooks is for scenarios of a folder of your own, and none is named.",
            remedy="Name it by --scenarios.",
        )
    proxy_command.check(options.ssh_proxy_command)
    wanted = Options(
        reports=options.reports,
        scenarios=options.scenarios,
        names=tuple(options.host_name),
        max_servers=MAX_SERVERS if options.max_servers is None else options.max_servers,
        max_minutes=MAX_MINUTES if options.max_minutes is None else options.max_minutes,
        allow_hooks=options.allow_hooks,
        proxy_command=options.ssh_proxy_command,
        read_only=options.read_only,
    )

    def told(address: str, viewer: str, page: Path | None) -> None:
        remote = bool(os.environ.get("SSH_CONNECTION"))
        looking = [f"to look only: {viewer}"] if viewer else []
        lines = [f"kb ui: {address}", *looking, *what_to_do(address, options.socket, remote=remote)]
        print("\n".join(lines), flush=True)  # at once: who reads the address may not read on
        if page is not None and not (options.no_open or options.socket):
            webbrowser.open(page.as_uri())

    serve(
        wanted,
        port or PORT if options.socket else port,
        viewer=options.viewer,
        told=told,
        path=options.socket,
    )
    return 0


def what_to_do(address: str, socket: Path | None, *, remote: bool) -> Iterator[str]:
    """What somebody new does with the address; `remote` where this is no machine that they sit at."""
    place, _, port = address.partition("/#")[0].rpartition(":")
    if remote or socket:
        way = socket.absolute() if socket else f"{place.removeprefix('http://')}:{port}"
        yield f"On your own machine: ssh -L {port}:{way} THIS-MACHINE, then open that address there."
    else:
        yield "Open that address in a browser on this machine."
    yield "Ctrl-C ends kb ui, and no run."
