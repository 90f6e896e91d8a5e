"""Starting a session as a process of its own, which knows nothing of who started it.

What was confirmed is what runs: the plan by its digest.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Set
from http import HTTPStatus
from pathlib import Path

from kb_tests.events import sessions
from kb_tests.web import claims
from kb_tests.web.audit import audit
from kb_tests.web.loaded import loaded_by
from kb_tests.web.planning import Planned, Planner
from kb_tests.web.problems import Problem
from kb_tests.web.shapes.plans import StartRequest
from kb_tests.web.shapes.sessions import Accepted
from kb_tests.web.watched import Watched

MAX_SERVERS = 100
"""Servers of a run that is started from a browser, unless whoever started the UI said otherwise."""

MAX_MINUTES = 120.0
"""Minutes that it may load for at most."""

KEYS_KEPT = 1000
KEY_SECONDS = 86_400.0
SID = "KB_SESSION"
"""The variable by which a session is told its id."""

_LONGEST_AUDIT = 1 << 20


class Starter:
    """Starts sessions that write to `reports`, as `planner` plans them."""

    def __init__(self, watched: Watched, planner: Planner, reports: Path) -> None:
        self._watched = watched
        self._planner = planner
        self._reports = reports
        self._lock = threading.Lock()
        self._keys: OrderedDict[str, tuple[float, str, Accepted]] = OrderedDict(_keys_of(watched.folder))

    def start(self, request: StartRequest, key: str) -> Accepted:
        """Start what was asked for; the same `key` again answers with the same session. Raises Problem."""
        hidden = hashlib.sha256(key.encode()).hexdigest() if key else ""
        with self._lock, claims.turn(self._watched.folder):
            if (known := self._known(hidden)) is not None:
                if known[1] != _asked(request):
                    raise Problem(
                        HTTPStatus.UNPROCESSABLE_ENTITY, "This Idempotency-Key was used for another request."
                    )
                return known[2]
            planned = self._checked(request)
            accepted = self._started(request, planned, hidden)
            if key:
                self._keys[hidden] = time.time(), _asked(request), accepted
            return accepted

    def _known(self, key: str) -> tuple[float, str, Accepted] | None:
        now = time.time()
        while self._keys:
            oldest = next(iter(self._keys))
            if len(self._keys) <= KEYS_KEPT and now - self._keys[oldest][0] < KEY_SECONDS:
                break
            del self._keys[oldest]
        return self._keys.get(key) if key else None

    def _checked(self, request: StartRequest) -> Planned:
        """The plan as it is now; raises Problem where something speaks against the start."""
        planned = self._planner.planned(request)
        if not hmac.compare_digest(planned.plan.digest, request.digest.encode("utf-8", "replace").decode()):
            raise Problem(
                HTTPStatus.CONFLICT, "What would run is not what was shown.", "Look at the plan again."
            )
        if planned.plan.refusals:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, planned.plan.refusals[0])
        self._check_free({request.cloud, request.testing_cloud or request.cloud})
        return planned

    def _check_free(self, clouds: Set[str]) -> None:
        """Whether nothing loads one of these clouds, or is about to, under whatever entry of clouds.yaml."""
        for sid in loaded_by(self._watched.folder, clouds).values():
            raise Problem(
                HTTPStatus.CONFLICT,
                f"Session {sid} loads this cloud; two loads at a time would measure each other.",
                "Wait for its end, or stop it.",
            )

    def _started(self, request: StartRequest, planned: Planned, key: str) -> Accepted:
        sid = secrets.token_hex(4)
        folder = self._watched.folder / sid
        clouds = dict.fromkeys((request.cloud, request.testing_cloud or request.cloud))
        with contextlib.ExitStack() as opened:
            try:
                folder.mkdir(mode=0o700, parents=True)
                held = claims.claim(folder, clouds)
                opened.callback(os.close, held)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                log = os.open(folder / "stdout.log", flags, 0o600)
                opened.callback(os.close, log)
            except OSError as error:
                raise Problem(
                    HTTPStatus.INSUFFICIENT_STORAGE, f"{folder} cannot be made: {error.strerror}."
                ) from error
            child = subprocess.Popen(
                self._command(request, planned, folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(held,),
                env=os.environ | {SID: sid},
            )
        self._watched.begins(sid, child)
        audit(folder, "started", request.model_dump(), key=key)
        return Accepted(sid=sid, sentence=f"{', '.join(request.scenarios)} is starting.")

    def _command(self, request: StartRequest, planned: Planned, folder: Path) -> list[str]:
        """The command line of pytest: nothing in it is free text of the request."""
        command = [sys.executable, "-P", "-m", "pytest", "--pyargs", "kb_tests", "-p", "no:cacheprovider"]
        command += ["--color=no", f"--kb-reports={self._reports.absolute()}"]
        command += [f"--junitxml={folder / 'junit.xml'}"]
        command += [f"--kb-max-servers={self._planner.limits.servers}"]
        paths = []
        for source in planned.sources:
            path = source.place.path
            if source.place.origin != "shipped":
                path = folder / f"{source.name}.yaml"
                path.write_text(source.text, encoding="utf-8")
            paths.append(path)
        return [*command, *self._planner.arguments(request, paths)]


def _asked(request: StartRequest) -> str:
    """What tells one request from another: all of it, since its digest is what the caller says."""
    return hashlib.sha256(request.model_dump_json().encode("utf-8", "replace")).hexdigest()


def _keys_of(folder: Path) -> Iterator[tuple[str, tuple[float, str, Accepted]]]:
    """The keys that sessions of the last day were started with, by whichever UI, the oldest first."""
    found = []
    for session in sessions.every(folder):
        try:
            with (session.folder / "audit.log").open("rb") as file:
                first = json.loads(file.readline(_LONGEST_AUDIT))
            began, key = float(first["t"]), str(first["key"])
            asked = _asked(StartRequest.model_validate_json(json.dumps(first["about"])))
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if key and time.time() - began < KEY_SECONDS:
            sentence = "It was started before, with the same key."
            found.append((key, (began, asked, Accepted(sid=session.sid, sentence=sentence))))
    yield from sorted(found, key=lambda each: each[1][0])
