"""One session of the suite in a process of its own, and the moments at which a fault may come."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb_tests.cloud import journal
from kb_tests.localcloud.client import AdminClient
from kb_tests.localcloud.control import Running
from kb_tests.report.record import load
from tests.campaign import outside
from tests.campaign.plane import Plane

ROOT = Path(__file__).parents[2]
_KB = "import sys; from kb_tests.cli import main; sys.exit(main())"
LEAD = 0.7
"""Seconds from the generators' workers to the first request."""

WINDOW = 5.0
RATE = 100
END = 150.0
"""Seconds after which a session hangs."""

SCENARIO = """\
name: small
kind: http
topology: {{flavor: {{ram: 128MiB}}}}
load:
  {{page_size: {page}, connections: {connections}, rate: {rates}, duration: {window:g}s, warm_up: 0s,
   timeout: 1s}}
sla: {{{sla}}}
"""
SLA = "errors: 20%, achieved: 80%"

RAMP = 1.0
"""Seconds of fio's load before its window."""

ON_DISK = """\
name: disk
kind: storage
topology: {{volume: {{size: 1GiB, type: faulty}}, file_size: {size}, flavor: {{ram: 128MiB}}}}
load:
  profiles:
    - {{name: io, mode: {mode}, iodepth: {depth}, rate_iops: {rate}, extra: {{{extra}}}}}
  ramp: {ramp:g}s
  duration: {window:g}s
  verify: {verify}
sla: {{{sla}}}
"""


@dataclass(frozen=True)
class Disk:
    """What a session's fio does instead of HTTP."""

    mode: str
    sla: str
    extra: str = ""
    verify: bool = False
    size: str = "16MiB"
    depth: int = 4
    rate: int = RATE


class Session:
    """A session to be started, told, and waited for; `folder` is its own."""

    def __init__(self, running: Running, admin: AdminClient, folder: Path, mark: str) -> None:
        self.running = running
        self.admin = admin
        self.plane = Plane(running.pid)
        self.folder = folder
        self.mark = f"KB_CAMPAIGN={mark}"
        self.rates = [RATE]
        self.sla = SLA
        self.page, self.connections = "1KiB", 4
        self.disk: Disk | None = None
        self.cloud = running.cloud
        self.arguments: list[str] = []
        self.reports = folder / "reports"
        self.said: list[str] = []
        self.fillers: list[Path] = []
        self.cleanups: list[Callable[[], None]] = []
        self.acted_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._since = 0

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The pytest process, a group of its own."""
        assert self._process is not None
        return self._process

    @property
    def environment(self) -> dict[str, str]:
        """Journals, temporary files and a mark of its own."""
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        name, _, value = self.mark.partition("=")
        return os.environ | {
            "OS_CLIENT_CONFIG_FILE": str(self.folder.parent / "clouds.yaml"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "TMPDIR": str(temporary),
            "PYTHONPATH": str(ROOT),
            name: value,
        }

    def start(self) -> None:
        """Start it, in a process group of its own."""
        scenario = self.folder / "small.yaml"
        scenario.write_text(self._scenario())
        command = [sys.executable, "-m", "pytest", str(ROOT / "kb_tests"), "-p", "no:cacheprovider"]
        command += ["-p", "tests.campaign.impatient", "--kb-build-timeout", "25s"]
        command += ["--rootdir", str(self.folder)]
        command += [
            "--kb-cloud",
            self.cloud,
            "--kb-scenario",
            str(scenario),
            "--kb-reports",
            str(self.reports),
        ]
        self._since = len(self.admin.requests())
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                command + self.arguments,
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    @property
    def ramp(self) -> float:
        """Seconds of load before the window."""
        return RAMP if self.disk else 0.0

    def _scenario(self) -> str:
        if self.disk:
            return ON_DISK.format(
                window=WINDOW, ramp=RAMP, **vars(self.disk) | {"verify": str(self.disk.verify).lower()}
            )
        return SCENARIO.format(
            rates=self.rates, window=WINDOW, sla=self.sla, page=self.page, connections=self.connections
        )

    def reached(self, moment: str, rng: random.Random) -> bool:
        """Wait for a random instant of `moment`; False if the session ended before."""
        sooner, later = _SPREAD[moment]
        return self._until(_CONDITIONS[moment]) and not self._ended_within(rng.uniform(sooner, later))

    def _until(self, condition: Callable[[Session], bool]) -> bool:
        deadline = time.monotonic() + END
        while not condition(self):
            if self.process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.25)
        return True

    def _ended_within(self, seconds: float) -> bool:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def ask_for(self, method: str, word: str) -> bool:
        """Whether the session has asked the cloud for something of this kind, and not merely for the right
        to: that is refused in any case.
        """
        entries = self.admin.requests(self._since, method=method)
        return any(
            word in entry["path"]
            and not entry["path"].endswith("/tokens")
            and not 400 <= entry["status"] < 500
            for entry in entries
        )

    def points(self) -> list[dict[str, object]]:
        """The points of the record as it now lies on the disk."""
        for path in self.reports.glob("*.json"):
            return [{"status": str(point.status)} for point in load(path).points]
        return []

    def server_of(self, role: str) -> dict[str, Any]:
        """The first server of a role that runs, as Nova shows it; {} if there is none."""
        for entry in self.admin.get("/compute/v2.1/servers/detail?all_tenants=1")["servers"]:
            if f"-{role}" in entry["name"] and entry["status"] == "ACTIVE":
                return dict(entry)
        return {}

    def workers(self) -> list[int]:
        """The processes of xdist's workers."""
        return [pid for pid in _children(self.process.pid) if "readline()" in " ".join(_argv(pid)[:4])]

    def reapers(self) -> list[int]:
        """The processes that wait to clean up."""
        every = [self.process.pid, *self.workers()]
        return [pid for parent in every for pid in _children(parent) if "kb_tests.cloud.reaper" in _argv(pid)]

    def tell(self, number: signal.Signals, *, group: bool = False) -> None:
        """A signal to pytest, or to all of its process group."""
        (os.killpg if group else os.kill)(self.process.pid, number)

    def end(self) -> int | None:
        """Its exit code; None if it hung and was killed. Takes in what it said."""
        try:
            code: int | None = self.process.wait(END)
        except subprocess.TimeoutExpired:
            self.tell(signal.SIGKILL, group=True)
            self.process.wait(10)
            code = None
        self.said = (self.folder / "log").read_text(errors="replace").splitlines()
        return code

    def run_ids(self) -> Iterable[str]:
        """The runs that it left journals of."""
        return [path.parent.name for path in journal.journals(self.folder / "state" / "kb" / "runs")]

    def cleanup(self, *arguments: str) -> tuple[int, str]:
        """`kb cleanup`, as its user would call it."""
        done = subprocess.run(
            [sys.executable, "-c", _KB, "cleanup", "--cloud", self.running.cloud, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


_CONDITIONS: dict[str, Callable[[Session], bool]] = {
    "start": lambda session: True,
    "staging": lambda session: session.ask_for("POST", ""),
    "servers": lambda session: session.ask_for("POST", "/servers"),
    "load": lambda session: bool(session.plane.workers()),
    "io": lambda session: bool(session.plane.fio()),
    "end of io": lambda session: bool(session.plane.fio()),
    "second": lambda session: any(point["status"] == "judged" for point in session.points()),
    "teardown": lambda session: session.ask_for("DELETE", ""),
}
_SPREAD = {
    "start": (0.3, 2.0),
    "staging": (0.0, 1.0),
    "servers": (0.0, 2.0),
    "load": (LEAD + 0.4, LEAD + WINDOW - 1.2),
    "io": (LEAD + RAMP + 0.2, LEAD + RAMP + WINDOW - 2.0),
    "end of io": (LEAD + RAMP + WINDOW - 1.2, LEAD + RAMP + WINDOW - 0.6),
    "second": (0.0, 4.0),
    "teardown": (0.0, 1.0),
}


def _children(pid: int) -> list[int]:
    return [child for child, parent, _ in outside.processes() if parent == pid]


def _argv(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []
