"""Starting a session as a process of its own, which knows nothing of who started it.

What was confirmed is what runs: the scenarios by their digests, and how many servers they take.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from http import HTTPStatus
from pathlib import Path

from kb_tests.web import clouds
from kb_tests.web.problems import Problem
from kb_tests.web.scenarios import Scenarios
from kb_tests.web.shapes.scenarios import ScenarioText
from kb_tests.web.shapes.sessions import Accepted, StartRequest
from kb_tests.web.watched import Watched

MAX_SERVERS = 100
"""Servers of a run that is started from a browser, unless whoever started the UI said otherwise."""

MOST_SCENARIOS = 20
KEYS_KEPT = 1000
KEY_SECONDS = 86_400.0
SID = "KB_SESSION"
"""The variable by which a session is told its id."""


class Starter:
    """Starts sessions that write to `reports`, at most `max_servers` servers large."""

    def __init__(
        self, watched: Watched, scenarios: Scenarios, reports: Path, max_servers: int = MAX_SERVERS
    ) -> None:
        self._watched = watched
        self._scenarios = scenarios
        self._reports = reports
        self.max_servers = max_servers
        self._lock = threading.Lock()
        self._keys: OrderedDict[str, tuple[float, StartRequest, Accepted]] = OrderedDict()
        self._begun: list[tuple[str, str, subprocess.Popen[bytes]]] = []

    def start(self, request: StartRequest, key: str) -> Accepted:
        """Start what was asked for; the same `key` again answers with the same session. Raises Problem."""
        with self._lock:
            self._begun = [entry for entry in self._begun if entry[2].poll() is None]
            if (known := self._known(key)) is not None:
                if known[1] != request:
                    raise Problem(
                        HTTPStatus.UNPROCESSABLE_ENTITY, "This Idempotency-Key was used for another request."
                    )
                return known[2]
            shown = self._checked(request)
            accepted = self._started(request, shown)
            if key:
                self._keys[key] = time.monotonic(), request, accepted
            return accepted

    def _known(self, key: str) -> tuple[float, StartRequest, Accepted] | None:
        now = time.monotonic()
        while self._keys:
            oldest = next(iter(self._keys))
            if len(self._keys) <= KEYS_KEPT and now - self._keys[oldest][0] < KEY_SECONDS:
                break
            del self._keys[oldest]
        return self._keys.get(key) if key else None

    def _checked(self, request: StartRequest) -> list[ScenarioText]:
        """The scenarios as they are now; raises Problem where something speaks against the start."""
        if not 1 <= len(request.scenarios) <= MOST_SCENARIOS:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"A run has 1 to {MOST_SCENARIOS} scenarios.")
        if request.cloud not in {cloud.name for cloud in clouds.listed().clouds}:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "clouds.yaml has no such cloud.",
                "GET /api/v1/clouds lists those that there are.",
            )
        shown = [self._scenarios.shown(name) for name in request.scenarios]
        for scenario in shown:
            if scenario.row.fault:
                raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, scenario.row.fault)
            if request.scenarios[scenario.row.name] != scenario.digest:
                raise Problem(
                    HTTPStatus.CONFLICT,
                    f"The scenario {scenario.row.name} is not what was shown.",
                    "Look at it again.",
                )
        self._check_size(request, max(scenario.row.servers for scenario in shown))
        self._check_free(request.cloud)
        return shown

    def _check_size(self, request: StartRequest, servers: int) -> None:
        if request.servers != servers:
            raise Problem(
                HTTPStatus.CONFLICT,
                f"This takes {servers} servers at a time, and {request.servers} were confirmed.",
                "Look at what it takes again.",
            )
        if servers > self.max_servers:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"This takes {servers} servers, and {self.max_servers} may be started from here.",
                "Start `kb ui` with a larger --max-servers.",
            )

    def _check_free(self, cloud: str) -> None:
        for session in self._watched.listed().sessions:
            info = self._watched.find(session.sid).info
            if session.alive and info is not None and cloud in info.clouds:
                raise Problem(
                    HTTPStatus.CONFLICT,
                    f"Session {session.sid} loads this cloud; two loads at a time would measure each other.",
                    "Wait for its end, or stop it.",
                )
        for begun_on, sid, _ in self._begun:
            if begun_on == cloud:
                raise Problem(
                    HTTPStatus.CONFLICT,
                    f"Session {sid} on this cloud is starting.",
                    "Follow that, or stop it.",
                )

    def _started(self, request: StartRequest, shown: list[ScenarioText]) -> Accepted:
        sid = secrets.token_hex(4)
        folder = self._watched.folder / sid
        try:
            folder.mkdir(mode=0o700, parents=True)
            log = os.open(folder / "stdout.log", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Problem(
                HTTPStatus.INSUFFICIENT_STORAGE, f"{folder} cannot be made: {error.strerror}."
            ) from error
        try:
            child = subprocess.Popen(
                self._command(request, shown, folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | {SID: sid},
            )
        finally:
            os.close(log)
        self._begun.append((request.cloud, sid, child))
        self._watched.begins(sid, child)
        audit(folder, "started", request.model_dump())
        names = ", ".join(request.scenarios)
        return Accepted(sid=sid, sentence=f"{names} is starting.")

    def _command(self, request: StartRequest, shown: list[ScenarioText], folder: Path) -> list[str]:
        """The command line of pytest: nothing in it is free text of the request."""
        command = [sys.executable, "-m", "pytest", "--pyargs", "kb_tests", "-p", "no:cacheprovider"]
        command += ["--color=no", f"--kb-reports={self._reports.absolute()}"]
        command += [f"--kb-max-servers={self.max_servers}"]
        command += [f"--kb-cloud={request.cloud}"] if request.cloud else []
        for scenario in shown:
            path = self._scenarios.path(scenario.row.name)
            if not scenario.row.shipped:
                path = folder / f"{scenario.row.name}.yaml"
                path.write_text(scenario.text, encoding="utf-8")
            command.append(f"--kb-scenario={path}")
        return command


def audit(folder: Path, what: str, about: object) -> None:
    """Note beside a session's events what was asked for from here, and when."""
    line = json.dumps({"t": round(time.time(), 3), "what": what, "about": about}) + "\n"
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(folder / "audit.log", flags, 0o600)
        try:
            os.write(fd, line.encode())
        finally:
            os.close(fd)
    except OSError:
        return
