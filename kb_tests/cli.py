"""The `kb` command: what is no test. Loads are run by pytest."""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from kb_tests.cloud.options import MOST_SERVERS
from kb_tests.commands import cleanup, clouds, compare, culprits, history, runs, scaling, scenario, ui, watch
from kb_tests.errors import KbError, RecordError, ScenarioError, of_system
from kb_tests.scenario.units import counted

if TYPE_CHECKING:
    from kb_tests.cloud.findings import Finding

EPILOG = """\
Loads are run by pytest:
  pytest kb_tests                                   demo on an embedded local cloud
  pytest kb_tests --kb-cloud mycloud --kb-scenario http-east-west --html reports/acceptance.html
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code: 0, 1 (no: see the message) or 2 (usage)."""
    logging.getLogger().addHandler(logging.NullHandler())  # what libraries log stands in our errors already
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["localcloud"]:
        return _localcloud(arguments[1:])
    options = _parser().parse_args(arguments)
    code: int = 1
    try:
        code = options.run(options)
        sys.stdout.flush()
    except KbError as error:
        print(f"kb: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code
    except OSError as error:  # a name that is too long, a folder that nobody may read
        print(f"kb: {of_system(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("kb: interrupted", file=sys.stderr)
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kb",
        description="Looks after load tests of OpenStack clouds.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"kb_tests {metadata.version('kb-tests')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    scenario.add(commands)
    cleanup.add(commands)

    doctor = commands.add_parser(
        "doctor",
        help="say whether a cloud can carry a scenario, and what to do where it cannot",
        description="Asks a cloud for everything that staging would need, makes nothing, and prints one "
        "table. Exit code 1 where something is in the way.",
    )
    doctor.add_argument("--cloud", required=True, metavar="NAME", help="cloud of clouds.yaml")
    doctor.add_argument(
        "--testing-cloud", default="", metavar="NAME", help="as pytest's --kb-testing-cloud: both are asked"
    )
    doctor.add_argument("--scenario", metavar="FILE", help="scenario file, or name of a shipped one")
    scenario.add_set(doctor)
    doctor.add_argument("--image", default="kb-node", metavar="NAME", help="as pytest's --kb-image")
    doctor.add_argument("--flavor", default="", metavar="NAME", help="as pytest's --kb-flavor")
    doctor.add_argument(
        "--external-network", default="", metavar="NAME", help="as pytest's --kb-external-network"
    )
    doctor.add_argument("--network", default="", metavar="NAME", help="as pytest's --kb-network")
    doctor.add_argument("--router", default="", metavar="NAME", help="as pytest's --kb-router")
    doctor.add_argument("--existing-project", action="store_true", help="as pytest's --kb-existing-project")
    doctor.add_argument("--packages", action="store_true", help="as pytest's --kb-packages")
    doctor.add_argument(
        "--nameserver", action="append", default=[], metavar="ADDRESS", help="as pytest's --kb-nameserver"
    )
    doctor.add_argument(
        "--availability-zone", default="", metavar="NAME", help="as pytest's --kb-availability-zone"
    )
    doctor.add_argument("--config-drive", action="store_true", help="as pytest's --kb-config-drive")
    doctor.add_argument("--no-floating-ip", action="store_true", help="as pytest's --kb-no-floating-ip")
    doctor.add_argument(
        "--max-servers", type=int, default=MOST_SERVERS, metavar="N", help="as pytest's --kb-max-servers"
    )
    doctor.add_argument("--reports", default="reports", metavar="DIR", help="as pytest's --kb-reports")
    doctor.add_argument("--json", action="store_true", help="a JSON object a line, for programs")
    doctor.set_defaults(run=_doctor)

    _add_image(commands)

    report = commands.add_parser(
        "report",
        help="make the HTML report of a run again from its record",
        description="Makes the HTML report of a run again. The record of a run that broke off is first made "
        "whole of what the run wrote until then.",
    )
    report.add_argument("record", type=Path, metavar="RECORD", help="reports/RUN.json")
    report.add_argument("--html", type=Path, metavar="FILE", help="where to (default: beside the record)")
    report.add_argument(
        "--interactive",
        action="store_true",
        help="one file with the web UI's pages of this run and its points",
    )
    report.set_defaults(run=_report)

    clouds.add(commands)
    watch.add(commands)
    runs.add(commands)
    compare.add(commands)
    culprits.add(commands)
    history.add(commands)
    scaling.add(commands)
    ui.add(commands)
    commands.add_parser("localcloud", help="start, stop and look at an embedded local cloud")
    return parser


def _add_image(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    image = commands.add_parser("image", help="build the image of all servers, and bring it onto a cloud")
    image_commands = image.add_subparsers(metavar="COMMAND", required=True)
    build = image_commands.add_parser("build", help="build it: Debian, with what agents start")
    build.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=Path("kb-node.qcow2"),
        metavar="FILE",
        help="where to (default: kb-node.qcow2)",
    )
    build.set_defaults(run=_build_image)
    upload = image_commands.add_parser("upload", help="upload it, unless it is there")
    upload.add_argument("--cloud", required=True, metavar="NAME", help="cloud of clouds.yaml")
    upload.add_argument("--name", default="kb-node", help="its name there (default: kb-node)")
    upload.add_argument(
        "--visibility",
        choices=("public", "community", "shared", "private"),
        default="",
        help="who may use it (default: community for admins, private for others)",
    )
    upload.add_argument("file", type=Path, metavar="FILE", help="qcow2, or .raw")
    upload.set_defaults(run=_upload_image)


def _doctor(options: argparse.Namespace) -> int:
    from kb_tests.cloud.doctor import examine
    from kb_tests.cloud.findings import State, table
    from kb_tests.cloud.layout import Layout, apart
    from kb_tests.cloud.options import StageOptions
    from kb_tests.cloud.workloads import plan
    from kb_tests.scenario.load import load
    from kb_tests.scenario.shipped import find_file

    settings = scenario.settings(options)
    if settings and not options.scenario:
        raise ScenarioError("--set is for the scenario that --scenario names, and none is named.")
    layout = plan(load(find_file(options.scenario), settings)) if options.scenario else None
    clouds: dict[str, Layout | None] = {options.cloud: layout}
    if options.testing_cloud:
        halves = apart(layout) if layout else (None, None)
        clouds = dict(zip((options.cloud, options.testing_cloud), halves, strict=True))
    wanted = StageOptions(
        image=options.image,
        flavor=options.flavor,
        external_network=options.external_network,
        network=options.network,
        router=options.router,
        packages=options.packages,
        nameservers=tuple(options.nameserver),
        availability_zone=options.availability_zone,
        config_drive=options.config_drive,
        own_projects=False if options.existing_project else None,
        floating_ip=not options.no_floating_ip,
        max_servers=options.max_servers,
    )
    findings = []

    def tell(finding: Finding, cloud: str = "") -> None:
        told = json.dumps({"cloud": cloud} | asdict(finding)) if options.json else table([finding])
        print(told, flush=True)
        findings.append(finding)

    for cloud, part in clouds.items():
        if options.testing_cloud and not options.json:
            print(f"-- {cloud}", flush=True)
        for finding in examine(cloud, part, wanted):
            tell(finding, cloud)
    tell(_folder(Path(options.reports)))
    faults = sum(finding.state is State.FAULT for finding in findings)
    if not options.json:
        print(
            f"{counted(faults, 'fault is', 'faults are')} in the way." if faults else "Nothing is in the way."
        )
    return int(faults > 0)


def _folder(reports: Path) -> Finding:
    """Whether records can be written there."""
    from kb_tests.cloud.findings import Finding, State, fault
    from kb_tests.report.folder import check_folder

    try:
        check_folder(reports.absolute())
    except RecordError as error:
        return fault("reports", error, "Name another folder by --kb-reports.")
    return Finding("reports", State.GOOD, f"in {reports.absolute()}")


def _build_image(options: argparse.Namespace) -> int:
    package = Path(__file__).parent  # an installed one has the folder in it, a checkout beside it
    script = next(
        path for folder in (package, package.parent) if (path := folder / "images" / "build.sh").is_file()
    )
    return subprocess.run([script, options.file], check=False).returncode


def _upload_image(options: argparse.Namespace) -> int:
    from kb_tests.cloud.connect import connect
    from kb_tests.cloud.image import upload

    def show(phase: str, done: int, total: int) -> None:
        if sys.stderr.isatty():
            text = f"{phase}: {done} of {total}" if done < total else ""
            print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)

    cloud = connect(options.cloud)
    image = upload(cloud, options.file, name=options.name, visibility=options.visibility, progress=show)
    cloud.close()
    verb = "uploaded as" if image.fresh else "is there as"
    print(f"{options.file} {verb} {image.name} ({image.id}), {image.visibility}, on {options.cloud}")
    return 0


def _report(options: argparse.Namespace) -> int:
    from kb_tests.report.record import load
    from kb_tests.report.underway import fold

    fold(options.record)
    target: Path = options.html or options.record.with_suffix(".html")
    if options.interactive:
        from kb_tests.web.single.page import render
    else:
        from kb_tests.report.html import render
    target.write_text(render(load(options.record)), encoding="utf-8")
    print(target)
    return 0


def _localcloud(arguments: Sequence[str]) -> int:
    from kb_tests.localcloud.command import main as localcloud

    return localcloud(arguments, prog="kb localcloud")
