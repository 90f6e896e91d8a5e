"""Stopping a session as Ctrl-C does in its terminal: an interrupt for each of its processes, and no kill."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from kb_tests.events import finishing, sessions
from kb_tests.events.model import SessionStarted
from kb_tests.events.reader import Follower
from kb_tests.web.audit import STOPPED_EARLY, asked_to_stop, audit
from kb_tests.web.problems import Problem
from kb_tests.web.shapes.sessions import Accepted, SessionRow, StopRequest
from kb_tests.web.watched import Watched

_ONE_AT_A_TIME = threading.Lock()

_SLACK = 2.0
"""Seconds by which the clock that processes are started by may differ from the one of events."""


def stop(watched: Watched, sid: str, request: StopRequest) -> Accepted:
    """Interrupt a session; raises Problem where it has ended, or is not asked to stop yet."""
    session = watched.find(sid)
    if (process := watched.unheard(session)) is not None:
        process.send_signal(signal.SIGINT)  # it has made nothing yet
        audit(session.folder, STOPPED_EARLY, {"processes": 1})
        return Accepted(sid=sid, sentence="It stops before it began.")
    row = watched.row(sid)
    if not session.alive:
        if row.alive:  # another `kb ui` started it
            raise Problem(HTTPStatus.CONFLICT, f"Session {sid} has not begun.", "Stop it in a second.")
        raise Problem(HTTPStatus.CONFLICT, f"Session {sid} has ended.")
    if request.level == "finish_point":
        return _finishing(session, row)
    ending = row.state in ("stopping", "removing")
    if request.level == "leave_to_reaper" and not ending:
        raise Problem(
            HTTPStatus.CONFLICT,
            "Only a session that is stopping can leave the rest to the background.",
            "Stop it first.",
        )
    with _ONE_AT_A_TIME:  # a second interrupt would leave the rest to the background
        if request.level == "now" and (ending or asked_to_stop(session.folder)):
            return Accepted(sid=sid, sentence="It is stopping already.")
        return _interrupted(session, request)


def _interrupted(session: sessions.Session, request: StopRequest) -> Accepted:
    sid = session.sid
    reached = sum(_interrupt(pid, begun) for pid, begun in processes(session))
    if not reached:
        raise Problem(
            HTTPStatus.CONFLICT, f"No process of session {sid} was found.", "Press Ctrl-C where it runs."
        )
    audit(session.folder, f"stop: {request.level}", {"processes": reached})
    leaves = request.level == "leave_to_reaper"
    told = "It leaves the rest to the background." if leaves else "It stops, and removes what it made."
    return Accepted(sid=sid, sentence=told)


def _finishing(session: sessions.Session, row: SessionRow) -> Accepted:
    if row.state in ("stopping", "removing"):
        raise Problem(HTTPStatus.CONFLICT, f"Session {session.sid} is stopping already.")
    finishing.request(session)
    audit(session.folder, "stop: finish_point", {})
    told = "It ends after the point that runs, which is judged as any other."
    return Accepted(sid=session.sid, sentence=told)


def processes(session: sessions.Session) -> Iterator[tuple[int, float]]:
    """(process id, Unix time at which it ran) of pytest and of xdist's workers, as they said themselves."""
    told = {
        read.process: (read.line.event.pid, read.line.t)
        for read in Follower(session).rest()
        if isinstance(read.line.event, SessionStarted)
    }
    info = session.info
    if info is not None and sessions.MAIN not in told:
        told[sessions.MAIN] = info.pid, info.started
    yield from told.values()


def _interrupt(pid: int, ran_at: float) -> bool:
    """Whether the process that had `pid` then was reached; a later one of that number is left alone."""
    if pid <= 1:
        return False
    with contextlib.suppress(OSError, ValueError):
        fd = os.pidfd_open(pid)
        try:
            if _begun(pid) > ran_at + _SLACK:
                return False
            signal.pidfd_send_signal(fd, signal.SIGINT)
            return True
        finally:
            os.close(fd)
    return False


def _begun(pid: int) -> float:
    """The Unix time at which a process began; raises OSError or ValueError."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    booted = next(
        int(line.split()[1])
        for line in Path("/proc/stat").read_text().splitlines()
        if line.startswith("btime ")
    )
    return booted + int(fields[19]) / os.sysconf("SC_CLK_TCK")
