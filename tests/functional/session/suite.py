"""Runs the suite as a user does: pytest in a process of its own, looked at from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb_tests.cloud.connect import connect
from kb_tests.localcloud.api.requestlog import SPARED_AGENT
from kb_tests.localcloud.client import AdminClient
from kb_tests.localcloud.control import Running
from kb_tests.report.record import RunRecord
from tests.waiting import SESSION

PACKAGE = Path(__file__).parents[3] / "kb_tests"

# A user has no Hypothesis, whose plugin is a quarter of a session's start; anyio's, a twelfth, does nothing.
AS_A_USER = ("-p", "no:hypothesispytest", "-p", "no:anyio")

SMALL = """\
name: {name}
kind: http
topology: {{flavor: {{ram: 128MiB}}}}
load:
  {{page_size: {page}, connections: {connections}, rate: {rates}, duration: {duration}, warm_up: 0s,
   timeout: {timeout}}}
sla: {sla}
"""


@dataclass(frozen=True)
class Ended:
    """A session that is over: its exit code, what it printed, and its records by cloud."""

    code: int
    output: str
    records: Mapping[str, Any]

    @property
    def record(self) -> Any:
        """The only record."""
        (record,) = self.records.values()
        return record

    def statuses(self) -> dict[str, str]:
        """{point: outcome, else status}, of the attempt at it that stands."""
        read = RunRecord.model_validate(self.record)
        return {point.id: str(point.outcome or point.status) for point in read.standing()}


class Suite:
    """Sessions against one local cloud, in one folder. What is `bearing` a busy machine says nothing of its
    instruments: see `bearing`.
    """

    def __init__(self, running: Running, folder: Path, *, bearing: bool = False) -> None:
        self.running = running
        self.folder = folder
        self._plugins = ("-p", "tests.functional.session.bearing") if bearing else ()
        self.admin = AdminClient(running)
        self._since = 0

    def scenario(
        self,
        name: str = "small",
        rates: str = "[50]",
        duration: str = "1s",
        sla: str = "{errors: 50%}",
        page: str = "1KiB",
        connections: int = 4,
        timeout: str = "30s",
    ) -> str:
        """Write a scenario of one server and one generator; returns its path. Requests are waited for as long
        as a busy machine may take.
        """
        path = self.folder / f"{name}.yaml"
        values = {"rates": rates, "duration": duration, "sla": sla, "page": page, "connections": connections}
        path.write_text(SMALL.format(name=name, timeout=timeout, **values))
        return str(path)

    def broken(self, rates: str = "[5000]") -> str:
        """A scenario that no cloud keeps: so many large pages cannot come over one connection."""
        return self.scenario(
            rates=rates, duration="4s", sla="{achieved: 50%}", page="4MiB", connections=1, timeout="1s"
        )

    def command(self, *arguments: str, tests: Path = PACKAGE) -> list[str]:
        """The command line of a session."""
        plain = (
            ["-p", "no:cacheprovider"] if "--lf" not in arguments and "--keep-cache" not in arguments else []
        )
        arguments = tuple(argument for argument in arguments if argument != "--keep-cache")
        return [
            sys.executable,
            "-m",
            "pytest",
            str(tests),
            *plain,
            *AS_A_USER,
            *self._plugins,
            "--rootdir",
            str(self.folder),
            *arguments,
        ]

    def environment(self, clouds_yaml: Path | None = None) -> dict[str, str]:
        """Journals and configuration of its own; the cloud is called kb-local."""
        return os.environ | {
            "OS_CLIENT_CONFIG_FILE": str(clouds_yaml or self.running.clouds_yaml),
            "XDG_STATE_HOME": str(self.folder / "state"),
        }

    def run(
        self,
        *arguments: str,
        tests: Path = PACKAGE,
        clouds_yaml: Path | None = None,
        timeout: float = SESSION,
    ) -> Ended:
        """A session to its end; `--kb-cloud` is given unless the arguments name one."""
        if "--kb-cloud" not in arguments:
            arguments = ("--kb-cloud", self.running.cloud, *arguments)
        self._since = len(self.admin.requests())
        process = subprocess.run(
            self.command(*arguments, tests=tests),
            cwd=self.folder,
            env=self.environment(clouds_yaml),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ended(process.returncode, process.stdout, self.take_records())

    def take_records(self) -> dict[str, Any]:
        """The records of the last session, which are gone afterwards."""
        records = {}
        for path in (self.folder / "reports").glob("*.json"):
            record = json.loads(path.read_text())
            records[record["cloud"]] = record
            path.unlink()
        return records

    def stagings(self) -> int:
        """How many topologies the last session staged: each makes one flavor of its own."""
        return len(self.requests("POST", "/compute/v2.1/flavors"))

    def created(self) -> list[str]:
        """Paths of everything that the last session created, tokens aside."""
        return [path for path in self.requests("POST", "") if not path.endswith("/auth/tokens")]

    def left(self) -> list[str]:
        """Names of what is on the cloud and carries the suite's prefix."""
        with warnings.catch_warnings(action="ignore"):
            cloud = connect(self.running.cloud, self.running.clouds_yaml).connection
            identity: Any = cloud.identity
            listings = [
                cloud.compute.servers(all_projects=True),
                cloud.network.networks(),
                cloud.network.routers(),
                cloud.network.security_groups(),
                cloud.network.ips(),
                cloud.compute.flavors(get_extra_specs=False),
                identity.projects(),
                identity.users(),
            ]
            names = [resource.name or "" for listing in listings for resource in listing]
        return [name for name in names if name.startswith("kb-") and name != "kb-node"]

    def requests(self, method: str | None = None, path: str = "") -> list[str]:
        """Paths of what the last session asked of the cloud."""
        entries = self.admin.requests(self._since, method=method)
        sent = [entry["path"] for entry in entries if entry["user_agent"] != SPARED_AGENT]
        return [found for found in sent if path in found]
