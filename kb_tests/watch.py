"""`kb watch`: follow a session from another shell, while it runs or afterwards."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from datetime import datetime

from kb_tests.errors import WatchError
from kb_tests.events import lines, markers, sessions
from kb_tests.events.model import (
    Filed,
    Leaked,
    Log,
    LookEnded,
    Marker,
    Phase,
    PointSeen,
    PointsSelected,
    PointStarted,
    Problem,
    Second,
    ServersSeen,
    SessionEnded,
    SessionStarted,
    StagedServers,
    Stopping,
    Teardown,
)
from kb_tests.events.reader import Follower, Read
from kb_tests.measure.coarse import bucket_percentile
from kb_tests.report import words
from kb_tests.scenario.units import counted

POLL = 0.25
"""Seconds between two looks at the files."""

NO_LAST_WORDS = (
    "the session is gone without a last word: it was killed, or had nowhere to write; `kb runs` shows what"
    " its record has, `kb cleanup` removes what may be left on the cloud"
)
"""What to say where a session's events end without its end."""

_LAST_WORDS = 2.0


def choose(sid: str) -> sessions.Session:
    """The session `sid`; without one the newest that lives, else the newest. Raises WatchError."""
    if sid:
        found = sessions.find(sid)
        if found is None:
            known = ", ".join(session.sid for session in sessions.every()[:10]) or "none"
            raise WatchError(f"There is no session {sid} in {sessions.root()}; there are: {known}.")
        return found
    every = sessions.every()
    if not every:
        raise WatchError(
            f"No session has run yet: {sessions.root()} is empty. Start one, such as `pytest kb_tests`."
        )
    return next((session for session in every if session.alive), every[0])


def mark(sid: str, text: str) -> sessions.Session:
    """Note `text` in the running session `sid`, or the newest one; raises WatchError."""
    session = choose(sid)
    if not session.alive:
        raise WatchError(f"Session {session.sid} has ended; a marker belongs into one that runs.")
    markers.note(session, text)
    return session


def follow(session: sessions.Session, *, replay: bool = False) -> Iterator[Read]:
    """What happens in `session` until it ends, from its beginning; with `replay` at the pace of then."""
    follower = Follower(session)
    before: float | None = None
    ended_at = math.inf
    while True:
        alive = session.alive
        found = follower.poll()
        for read in found:
            if replay and before is not None:
                time.sleep(min(5.0, max(0.0, read.line.t - before)))
            before = read.line.t
            yield read
            if ends(read):
                return
        if found:
            continue
        if not alive:
            # Its last lines may be on their way to the disk.
            ended_at = min(ended_at, time.monotonic())
            if replay or time.monotonic() - ended_at > _LAST_WORDS:
                return
        time.sleep(POLL)


def ends(read: Read) -> bool:
    """Whether it is the last that a session tells."""
    return isinstance(read.line.event, SessionEnded) and read.process == sessions.MAIN


def as_json(read: Read) -> str:
    """A line for programs: as in its file, with the `process` that wrote it."""
    line = read.line
    body = json.loads(lines.encode(line.n, line.t, line.event, line.dropped) or b"{}")
    return json.dumps(body | {"process": read.process}, ensure_ascii=False, separators=(",", ":"))


class Text:
    """Lines for people; of the steps of a phase only one a second, and the last."""

    def __init__(self) -> None:
        self._shown: dict[tuple[str, str, str], float] = {}

    def __call__(self, read: Read) -> str:
        """The line; empty for what says nothing to people, or too little."""
        event = read.line.event
        if isinstance(event, Phase | Teardown):
            key = (read.process, event.cloud, event.phase)
            last = event.done >= event.total
            if not last and read.line.t - self._shown.get(key, -math.inf) < 1.0:
                return ""
            self._shown[key] = read.line.t
        return as_text(read)


def as_text(read: Read) -> str:
    """A line for people; empty for what says nothing to them."""
    text = words.printable(_text(read))
    if not text:
        return ""
    clock = datetime.fromtimestamp(read.line.t).astimezone().strftime("%H:%M:%S")
    left_out = f" ({counted(read.line.dropped, 'event')} left out before)" if read.line.dropped else ""
    where = f"{read.line.event.cloud}: " if read.line.event.cloud else ""
    return f"{clock}  {where}{text}{left_out}"


def _text(read: Read) -> str:
    event: Filed = read.line.event
    match event:
        case SessionStarted():
            what = ", ".join(event.scenarios) or "no scenario"
            return f"{event.process}: kb_tests {event.version}, pid {event.pid}: {what}"
        case PointsSelected():
            return f"{counted(len(event.points), 'point')} selected"
        case Phase():
            return f"{event.phase} {event.done}/{event.total}" if event.total else event.phase
        case Teardown():
            return f"{event.phase or 'teardown'} {event.done}/{event.total}"
        case ServersSeen():
            one = len(event.names) == 1
            return f"{event.state}: {event.names[0] if one else f'{len(event.names)} servers'}"
        case StagedServers():
            return f"{event.scenario}: staged, {counted(len(event.servers), 'server')}"
        case PointStarted():
            look = f", look {event.look} of {event.looks}" if event.looks > 1 else ""
            rate = f"{words.number(event.offered)} {event.unit}" if event.offered else "as fast as it goes"
            return (
                f"{event.point}: {rate} for {event.duration:g}s from {counted(event.agents, 'agent')}{look}"
            )
        case Second():
            return _second(event)
        case LookEnded():
            reasons = f": {'; '.join(event.reasons)}" if event.reasons else ""
            return f"{event.point}: look {event.look} of {event.looks}: {event.outcome}{reasons}"
        case PointSeen():
            told = event.reason or event.told
            return f"{event.point}: {event.outcome or event.status}{f': {told}' if told else ''}"
        case Marker():
            return f"marker: {event.text}"
        case Problem():
            return f"problem: {event.sentence}"
        case Leaked():
            return f"leaked: {'; '.join(event.resources)}"
        case Stopping():
            return f"stopping {event.text}".rstrip()
        case Log():
            return event.text
        case SessionEnded():
            return f"{read.process} ended" + ("" if event.exit_code is None else f": {event.exit_code}")
        case _:
            return ""


def _second(second: Second) -> str:
    p99 = bucket_percentile(dict(second.buckets), 99)
    parts = [
        f"{second.index + 1}s",
        f"{words.number(second.completed / second.length)}/s",
        f"p99 {words.duration(p99)}" if math.isfinite(p99) else "",
        f"{second.failed:,} failed" if second.failed else "",
        f"{second.agents} of {second.expected} agents, without {', '.join(second.missing)}"
        if second.missing
        else "",
    ]
    return f"{second.point}: {', '.join(filter(None, parts))}"
