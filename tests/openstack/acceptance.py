"""The suite's acceptance on a real cloud: `python -m tests.openstack.acceptance`, or `tox -e openstack`.

One HTTP scenario and, where servers can have volumes, one storage scenario run to a verdict by the suite as a
user runs it; then every kind of resource is listed, and nothing of the run may be there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kb_tests.cloud.connect import Cloud, connect
from kb_tests.errors import CloudError
from kb_tests.report.record import RunRecord
from kb_tests.sla.verdict import Outcome
from tests.openstack import bootstrap
from tests.openstack import cloud as aio
from tests.openstack.left import everything, left
from tests.openstack.settings import (
    CLOUD,
    DEFAULT_STATE,
    ROOT,
    OpenStackError,
    Settings,
    Virt,
    made_for,
)

_HERE = Path(__file__).parent
LEFT = 12
"""The suite's own exit code for leaks."""

_SLOW = ("--kb-build-timeout", "40min")
"""Options for emulated machines, which boot for minutes."""


@dataclass(frozen=True)
class Target:
    """A cloud to accept the suite on; `alone` where nobody else uses it."""

    cloud: Cloud
    scenarios: tuple[Path, ...]
    options: tuple[str, ...] = ()
    alone: bool = False


def main(argv: Sequence[str] | None = None) -> int:
    """pytest's exit code; 12 if it is 0 and something was left; 1 if there is no cloud to try it on."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.openstack.acceptance",
        description="Runs the acceptance on a real cloud. Other options go to pytest.",
    )
    parser.add_argument(
        "--cloud",
        default=os.environ.get("KB_CLOUD", ""),
        metavar="NAME",
        help="of clouds.yaml; default: KB_CLOUD, else the OpenStack of this folder, which is brought up",
    )
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, metavar="DIR", help="of that OpenStack")
    parser.add_argument("--virt", type=Virt, choices=tuple(Virt), help="of that OpenStack: lxc or qemu")
    options, rest = parser.parse_known_args(argv)
    bootstrap.quietly()
    try:
        if options.cloud:
            cloud = connect(options.cloud)
            return accept(Target(cloud, _scenarios(volumes=cloud.has_volumes)), rest)
        virt = options.virt or made_for(options.state) or Virt.LXC
        return _on_our_own(Settings(options.state.absolute(), virt), rest)
    except (CloudError, OpenStackError) as error:
        print(f"acceptance: {error}", file=sys.stderr)
        return 1


def _on_our_own(settings: Settings, rest: Sequence[str]) -> int:
    """On the all-in-one, which is ended again if it was down before."""
    was_up = bool(aio.status(settings))
    try:
        aio.up(settings, lambda text: print(f"openstack: {text}", flush=True))
        os.environ["OS_CLIENT_CONFIG_FILE"] = str(settings.clouds_yaml)
        target = Target(
            connect(CLOUD, settings.clouds_yaml),
            _scenarios(volumes=settings.virt is Virt.QEMU),  # Nova attaches none to containers
            (
                "--kb-ssh-proxy-command",
                f"ip netns exec {settings.netns} nc %h %p",
                *(_SLOW if settings.virt is Virt.QEMU else ()),
            ),
            alone=True,
        )
        return accept(target, rest)
    finally:
        if not was_up:
            aio.down(settings, purge=False)


def _scenarios(*, volumes: bool) -> tuple[Path, ...]:
    return (_HERE / "http.yaml", *([_HERE / "storage.yaml"] if volumes else []))


def accept(target: Target, rest: Sequence[str]) -> int:
    """Run the scenarios, and look at what they left. Reports are in reports/NAME-TIME/."""
    name = target.cloud.name
    reports = ROOT / "reports" / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    before = everything(target.cloud)
    command = [sys.executable, "-m", "pytest", str(ROOT / "kb_tests"), "--kb-cloud", name]
    command += [word for file in target.scenarios for word in ("--kb-scenario", str(file))]
    command += ["--kb-reports", str(reports), "--html", str(reports / "report.html"), *target.options, *rest]
    begin = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    records = [RunRecord.model_validate_json(path.read_text()) for path in reports.glob("*.json")]
    points = [point for record in records for point in record.points]
    passed = sum(point.verdict is not None and point.verdict.outcome is Outcome.PASS for point in points)
    print(f"acceptance: {passed} of {len(points)} points passed, {time.monotonic() - begin:.0f} s, {reports}")
    things = left(before, everything(target.cloud), [record.run for record in records], alone=target.alone)
    for thing in things:
        print(f"acceptance: left on {name}: {thing}")
    if things:
        return code or LEFT
    print(f"acceptance: nothing is left on {name}")
    return code


if __name__ == "__main__":
    sys.exit(main())
