"""Runs the hooks of a point: an operator's commands, each at its second of the measured window.

They run as whoever started the session, with that user's environment but for what is ours, no input, and no
shell. Each is a process group of its own, which ends at the hook's timeout, or with the point; if the session
is killed, by its guard (`hook_guard`).
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kb_tests.cloud.topology import Role, Server, Topology
from kb_tests.errors import ScenarioError
from kb_tests.report import words
from kb_tests.report.marks import HookRecord
from kb_tests.scenario.hooks import Hook, fill, server_of
from kb_tests.session.hook_guard import GRACE, Guard

if TYPE_CHECKING:
    from kb_tests.cloud.connect import Cloud
    from kb_tests.scenario.base import Scenario

KEPT = 2000
"""Bytes of the end of a hook's output that are kept."""

_POLL = 0.05
_CHUNK = 1 << 16
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,254}")
"""What a name or an address that comes from the cloud may be: no option, no path, no text."""

_OURS = ("KB_", "PYTEST_")
"""Beginnings of environment variables that are no hook's business."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Setting:
    """Where a point's hooks run: placeholders' values by name, and the environment."""

    values: Callable[[str], str]
    environment: Mapping[str, str]


def check_programs(scenario: Scenario) -> None:
    """ScenarioError where the command of a hook is not there: better now than in the middle of a load."""
    for hook in scenario.hooks:
        if shutil.which(hook.run[0], path=_path()) is None:
            raise ScenarioError(
                f"Scenario {scenario.name}, hook {hook.title}: there is no command {hook.run[0]}.",
                remedy="Install it, or name it by its whole path.",
            )


def setting(cloud: Cloud, topology: Topology, scenario: str, point: str) -> Setting:
    """What hooks of `point` may name: see `scenario.hooks`. OS_CLOUD is the cloud under test."""
    plain = {"run": topology.run_id, "cloud": cloud.name, "scenario": scenario, "point": point}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    ours = {"PATH": _path(), "OS_CLOUD": cloud.name} | {f"KB_{key.upper()}": plain[key] for key in plain}
    if cloud.clouds_yaml is not None:
        ours["OS_CLIENT_CONFIG_FILE"] = str(cloud.clouds_yaml)

    def value_of(name: str) -> str:
        if name in plain:
            return plain[name]
        found = server_of(name)
        assert found is not None, name  # the scenario was checked
        role, number, what = found
        servers = topology.clients if role == Role.CLIENT else topology.servers
        value = _of_server(servers[number - 1], what, topology)
        if _PLAIN.fullmatch(value) is None:
            raise ValueError(
                f"{{{name}}} is {value!r} on this cloud" if value else f"{{{name}}} is not known"
            )
        return value

    return Setting(value_of, kept | ours)


def _of_server(server: Server, what: str, topology: Topology) -> str:
    values = {
        "id": server.id,
        "name": server.name,
        "address": server.address,
        "host": server.host,
        "zone": server.zone,
        "project": server.project_id,
        "router": topology.routers.get(server.network, ""),
        "volume": server.volume.id if server.volume else "",
    }
    return values[what]


def _path() -> str:
    """Where commands are found: at last beside this Python, whose environment may not be active."""
    return os.pathsep.join(
        filter(None, (os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)))
    )


class Running:
    """One hook of a point that runs, in a thread of its own: a slow one delays no other.

    `origin` is where the window begins, in monotonic seconds; `guard` ends it if this process is killed.
    """

    def __init__(self, hook: Hook, where: Setting, origin: float, tell: Tell, guard: Guard) -> None:
        self._hook = hook
        self._where = where
        self._origin = origin
        self._tell = tell
        self._guard = guard
        self._over = threading.Event()
        self._began: float | None = None
        self._took: float | None = None
        self._code: int | None = None
        self._outcome: Literal["done", "failed", "timed_out", "cut_off", "not_started"] = "not_started"
        self._problem = ""
        self._tail = b""
        self._thread = threading.Thread(target=self._run, name=f"kb-hook-{hook.title}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Have it end soon, and all that it started."""
        self._over.set()

    def end(self) -> HookRecord:
        """End it, if it still runs, and all that it started; what became of it."""
        self._over.set()
        self._thread.join(GRACE + 10.0)
        text = self._problem or self._tail.decode("utf-8", "replace")
        lines = [words.printable(line).rstrip() for line in text.splitlines()]
        return HookRecord(
            name=self._hook.title,
            at=self._hook.at,
            began=self._began,
            seconds=self._took,
            outcome=self._outcome,
            exit_code=self._code,
            output="\n".join(line for line in lines if line),
        )

    def _run(self) -> None:
        if self._over.wait(max(0.0, self._origin + self._hook.at - time.monotonic())):
            return
        begin = time.monotonic()
        self._began = round(begin - self._origin, 3)
        self._outcome = "failed"
        self._tell(f"hook {self._hook.title} begins")
        try:
            command = [self._hook.run[0], *(fill(each, self._where.values) for each in self._hook.run[1:])]
            command[0] = shutil.which(command[0], path=self._where.environment["PATH"]) or command[0]
            process = subprocess.Popen(
                command,
                env=dict(self._where.environment) | self._guard.mark,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self._problem = f"it could not be started: {getattr(error, 'strerror', None) or error}"
            self._tell(f"hook {self._hook.title}: {self._problem}")
            return
        self._guard.begun(process.pid)
        try:
            self._follow(process, begin)
        finally:
            _end(process)
            self._guard.ended(process.pid)
            process.poll()
            if process.stdout is not None:
                process.stdout.close()

    def _follow(self, process: subprocess.Popen[bytes], begin: float) -> None:
        """Read what it says until it ends, its time is over, or the point is; then until the point is over,
        since what it started may go on.
        """
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        while (ended := _exit_code(process)) is None and not self._over.is_set():
            if time.monotonic() - begin > self._hook.timeout:
                self._outcome = "timed_out"
                break
            self._read(process.stdout.fileno())
        self._took = round(time.monotonic() - begin, 3)
        self._code = _exit_code(process) if ended is None else ended
        if self._code is not None:
            self._outcome = "done" if self._code == 0 else "failed"
        elif self._outcome != "timed_out":
            self._outcome = "cut_off"
        self._read(process.stdout.fileno(), 0.0)
        self._tell(f"hook {self._hook.title} {_ending(self._outcome, self._code)} after {self._took:.1f} s")
        while self._outcome == "done" and not self._over.wait(_POLL):
            self._read(process.stdout.fileno(), 0.0)

    def _read(self, descriptor: int, patience: float = _POLL) -> None:
        if not select.select([descriptor], [], [], patience)[0]:
            return
        with contextlib.suppress(BlockingIOError):
            chunk = os.read(descriptor, _CHUNK)
            self._tail = (self._tail + chunk)[-KEPT:]
            if not chunk:
                self._over.wait(patience)  # its output is closed: nothing to wait for there


def _ending(outcome: str, code: int | None) -> str:
    return {
        "timed_out": "was ended at its timeout",
        "cut_off": "was ended with the point",
    }.get(outcome, f"ended with exit code {code}")


def _exit_code(process: subprocess.Popen[bytes]) -> int | None:
    """The exit code of a process that has ended, which stays to be reaped: as long as it does, its group's id
    is nobody else's. None while it runs.
    """
    found = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if found is None:
        return None
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def _end(process: subprocess.Popen[bytes]) -> None:
    """End all of its group, first asked, then not; its leader stays to be reaped."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        until = time.monotonic() + GRACE
        while (_exit_code(process) is None or _members(process.pid)) and time.monotonic() < until:
            time.sleep(_POLL)


def _members(group: int) -> list[int]:
    """Processes of a group beside its leader, those aside that only wait to be reaped."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, owner = path.read_text("utf-8", "replace").rpartition(")")[2].split()[:3]
            if int(owner) == group and state not in "ZX" and int(path.parent.name) != group:
                found.append(int(path.parent.name))
    return found


class Hooks:
    """The hooks of one point, from the moment when its load begins to its end."""

    def __init__(self, hooks: Sequence[Hook], where: Setting, tell: Tell) -> None:
        self._hooks = hooks
        self._where = where
        self._tell = tell
        self._running: list[Running] = []
        self._problem = ""
        self.guard: Guard | None = None

    def start(self, origin: float) -> None:
        """The window begins at `origin`, in monotonic seconds."""
        if not self._hooks:
            return
        try:
            self.guard = Guard()
        except OSError as error:
            self._problem = f"what guards it could not be started: {error.strerror or error}"
            return
        self._running = [Running(hook, self._where, origin, self._tell, self.guard) for hook in self._hooks]

    def end(self) -> tuple[HookRecord, ...]:
        """The point is over: end what still runs; what became of each, in the order of the scenario."""
        if not self._running:
            return tuple(
                HookRecord(
                    name=hook.title,
                    at=hook.at,
                    outcome="failed" if self._problem else "not_started",
                    output=self._problem,
                )
                for hook in self._hooks
            )
        for one in self._running:
            one.stop()
        ended, self._running = [one.end() for one in self._running], []
        if self.guard is not None:
            self.guard.release()
        return tuple(ended)
