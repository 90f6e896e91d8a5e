"""The sessions of this user: a list of them, one of them, its output, its seconds."""

from __future__ import annotations

import subprocess
import threading
from http import HTTPStatus
from pathlib import Path

from kb_tests.events import sessions
from kb_tests.events.model import PointsSelected, PointStarted, Second
from kb_tests.events.reader import Follower
from kb_tests.report.words import printable
from kb_tests.web import claims
from kb_tests.web.archive import when
from kb_tests.web.points import Buckets
from kb_tests.web.problems import Problem
from kb_tests.web.runs import meaning
from kb_tests.web.shapes.sessions import SessionList, SessionLog, SessionRow
from kb_tests.web.state import Fold

LISTED = 30
"""Sessions in a list: all that live are among them."""

LOG_PART = 64 << 10
"""Bytes of output in one answer."""


class Watched:
    """Sessions in `folder`, the one of this user by default."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or sessions.root()
        self._lock = threading.Lock()
        self._folds: dict[str, Fold] = {}
        self._runs: dict[str, frozenset[str]] = {}
        self._starting: dict[str, subprocess.Popen[bytes]] = {}

    def find(self, sid: str) -> sessions.Session:
        """The session `sid`; raises Problem."""
        found = sessions.find(sid, self.folder)
        if found is None:
            raise Problem(
                HTTPStatus.NOT_FOUND, "There is no such session.", "GET /api/v1/sessions lists them."
            )
        return found

    def row(self, sid: str) -> SessionRow:
        """Where a session stands; raises Problem."""
        session = self.find(sid)
        with self._lock:
            found = self._folds.setdefault(sid, Fold(session)).row() or self._not_begun(session)
        if found is None:
            raise Problem(HTTPStatus.NOT_FOUND, "This session has not begun.", "Ask again in a second.")
        return found

    def begins(self, sid: str, process: subprocess.Popen[bytes]) -> None:
        """Session `sid` was started as `process`, and may not have said anything yet."""
        self._starting[sid] = process

    def unheard(self, session: sessions.Session) -> subprocess.Popen[bytes] | None:
        """The process of a session that was started here, as long as it runs and has said nothing."""
        process = self._starting.get(session.sid)
        if process is None or process.poll() is not None or session.info is not None:
            return None
        return process

    def lives(self, session: sessions.Session) -> bool:
        """Whether there may be more to come of a session."""
        return session.alive or self.unheard(session) is not None or bool(claims.claimed(session))

    def _not_begun(self, session: sessions.Session) -> SessionRow | None:
        """A session whose process was started by a `kb ui`, this one or another, and has said nothing yet."""
        process = self._starting.get(session.sid)
        clouds = claims.claimed(session)
        if process is None and not clouds:
            return None
        code = process.poll() if process is not None else None
        told = "Starting." if code is None else "It did not begin: its output says why."
        return SessionRow(
            sid=session.sid,
            state="starting" if code is None else "broken_off",
            alive=code is None,
            finishing=False,
            outcome="" if code is None else "lost",
            sentence=told,
            started=when(session.folder.stat().st_mtime),
            ended=None,
            exit_code=code,
            exit_meaning=meaning(code),
            started_by="ui",
            version="",
            arguments=(),
            clouds=clouds,
            testing_cloud="",
            scenarios=(),
            runs={},
            marks="",
            problems=(),
            leaks=(),
        )

    def listed(self) -> SessionList:
        """The newest, and all that live."""
        every = sessions.every(self.folder)
        shown = [session for place, session in enumerate(every) if place < LISTED or session.alive]
        with self._lock:
            self._folds = {session.sid: self._folds.get(session.sid) or Fold(session) for session in shown}
            rows = [self._folds[session.sid].row() or self._not_begun(session) for session in shown]
        return SessionList(sessions=tuple(row for row in rows if row is not None))

    def runs_alive(self) -> frozenset[str]:
        """The runs of all sessions that live."""
        return frozenset(run for row in self.listed().sessions if row.alive for run in row.runs.values())

    def output(self, sid: str, offset: int) -> SessionLog:
        """Output of a session that was started here, from byte `offset` on."""
        path = self.find(sid).folder / "stdout.log"
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                file.seek(offset)
                part = file.read(LOG_PART)
        except OSError as error:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                "This session's output is not kept: it went to the shell that started it.",
            ) from error
        text = "\n".join(map(printable, part.decode("utf-8", "replace").split("\n")))
        return SessionLog(offset=offset, next=offset + len(part), size=size, text=text)

    def buckets(self, run: str, point: str, attempt: int) -> Buckets:
        """The latency buckets of a finished point's seconds; empty where its session's events are gone.

        Of several looks, those of the last, as in the record.
        """
        for session in sessions.every(self.folder):
            if run not in self._runs_of(session):
                continue
            attempts: list[dict[int, tuple[tuple[int, int], ...]]] = []
            for read in Follower(session).rest():
                event = read.line.event
                if isinstance(event, PointStarted) and event.point == point:
                    if event.look > 1 and attempts:
                        attempts[-1] = {}
                    else:
                        attempts.append({})
                elif isinstance(event, Second) and event.point == point and attempts:
                    attempts[-1][event.index] = event.buckets
            return attempts[attempt - 1] if attempt <= len(attempts) else {}
        return {}

    def _runs_of(self, session: sessions.Session) -> frozenset[str]:
        """The runs that a session's first lines name; remembered once they are there."""
        known = self._runs.get(session.sid)
        if known is None:
            chosen = next(
                (
                    read.line.event
                    for read in Follower(session).poll()
                    if isinstance(read.line.event, PointsSelected)
                ),
                None,
            )
            if chosen is None:
                return frozenset()
            known = self._runs[session.sid] = frozenset(chosen.runs.values())
        return known
