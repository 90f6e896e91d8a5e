"""Where a session stands, folded from its events; what it costs to know grows with nothing but new lines."""

from __future__ import annotations

from typing import Literal

from kb_tests.events import finishing, sessions
from kb_tests.events.model import (
    Leaked,
    Phase,
    PointSeen,
    PointsSelected,
    PointStarted,
    Problem,
    Second,
    SessionEnded,
    StagedServers,
    Stopping,
    Teardown,
)
from kb_tests.events.reader import Follower, Read
from kb_tests.history.summary import LEAKED, capped
from kb_tests.report.words import printable
from kb_tests.scenario.units import counted
from kb_tests.web.archive import when
from kb_tests.web.audit import asked_to_stop
from kb_tests.web.runs import meaning
from kb_tests.web.shapes.sessions import SessionRow

State = Literal["starting", "staging", "running", "stopping", "removing", "ended", "broken_off"]

MARKS = {"pass": "p", "fail": "f", "inconclusive": "i", "invalid": "x", "running": "r", "": "."}
_WORST = ("fail", "invalid", "lost", "error", "inconclusive", "not_run", "measured", "pass")
_JUDGED = frozenset({"pass", "fail", "inconclusive", "invalid"})
_MOST_TOLD = 20


class Fold:
    """One session, as far as its files were read; ask `row` as often as you like."""

    def __init__(self, session: sessions.Session) -> None:
        self.session = session
        self._follower = Follower(session)
        self.points: dict[tuple[str, str], str] = {}
        self.runs: dict[str, str] = {}
        self._state: State = "starting"
        self._stops = False
        self._doing = ""
        self._ended: float | None = None
        self._exit_code: int | None = None
        self._problems: list[str] = []
        self._leaks: list[str] = []

    def row(self) -> SessionRow | None:
        """Where it stands now; None while nothing can be told of it."""
        alive = self.session.alive
        for read in self._follower.rest():
            self._take(read)
        info = self.session.info
        if info is None:
            return None
        if alive and not self._stops and asked_to_stop(self.session.folder):
            self._stop()  # it may not have had the time to say so
        state: State = self._state
        if not alive and state != "ended":
            state = "broken_off"
        return SessionRow(
            sid=self.session.sid,
            state=state,
            alive=alive,
            finishing=alive and finishing.requested(self.session.folder),
            outcome=self._outcome(state),
            sentence=self._sentence(state),
            started=when(info.started),
            ended=when(self._ended) if self._ended else None,
            exit_code=self._exit_code,
            exit_meaning=self._meaning(),
            started_by=info.started_by,
            version=info.version,
            arguments=tuple(map(printable, info.arguments)),
            clouds=tuple(dict.fromkeys(cloud for cloud, _ in self.points)) or info.clouds,
            testing_cloud=info.testing_cloud,
            scenarios=info.scenarios,
            runs=self.runs,
            marks=self._marks(over=state in ("ended", "broken_off")),
            problems=tuple(self._problems),
            leaks=tuple(self._leaks),
        )

    def _take(self, read: Read) -> None:
        event = read.line.event
        match event:
            case PointsSelected():
                for point in event.points:
                    self.points.setdefault((point.cloud, point.id), "")
                self.runs.update(event.runs)
            case Phase():
                self._now("staging", f"{event.phase}, {event.done} of {event.total}")
            case StagedServers():
                self._now("staging", f"{event.scenario} is staged, {counted(len(event.servers), 'server')}")
            case PointStarted():
                self.points[self._key(event.cloud, event.search or event.point)] = "running"
                look = f", look {event.look} of {event.looks}" if event.look > 1 else ""
                self._now("running", f"{event.point}{look}")
            case Second():
                self._now("running", f"{event.point}, second {event.index + 1}")
            case PointSeen():
                self.points[self._key(event.cloud, event.point)] = event.outcome or event.status
            case Problem():
                self._problems = [*self._problems, printable(event.sentence)][-_MOST_TOLD:]
            case Leaked():
                self._leaks = [*self._leaks, *map(printable, event.resources)][-_MOST_TOLD:]
            case Stopping():
                self._stop()
            case Teardown():
                gone = f"{event.done} of {event.total} resources are gone"
                if self._stops or not {"", "running"} & {*self.points.values()}:
                    self._now("removing", gone)
                else:  # of one topology or cloud; others are to come
                    self._now("running", f"a topology is removed, {gone}")
            case SessionEnded() if read.process == sessions.MAIN:
                self._state, self._ended, self._exit_code = "ended", read.line.t, event.exit_code
            case _:
                pass

    def _marks(self, *, over: bool) -> str:
        """A letter a point; nothing runs or is to come in a session that is `over`."""
        return "".join(
            "-" if over and outcome in ("", "running") else MARKS.get(outcome, "-")
            for outcome in self.points.values()
        )

    def _key(self, cloud: str, point: str) -> tuple[str, str]:
        """The selected point that an event is about: the embedded cloud has a name only in the selection."""
        exact = cloud, point
        if exact in self.points or cloud:
            return exact
        return next((key for key in self.points if key[1] == point), exact)

    def _stop(self) -> None:
        self._stops = True
        if self._state != "removing":
            self._now("stopping", "asked to stop")

    def _now(self, state: State, doing: str) -> None:
        if self._state == "ended" or (self._stops and state not in ("removing", "stopping")):
            return
        self._state, self._doing = state, printable(doing)

    def _meaning(self) -> str:
        return meaning(self._exit_code, judged=not _JUDGED.isdisjoint(self.points.values()))

    def _outcome(self, state: State) -> str:
        if self._leaks or self._exit_code == LEAKED:
            return "leaked"
        if state == "broken_off":
            return "lost"
        found = {outcome for outcome in self.points.values() if outcome not in ("", "running")}
        if state == "ended" and self._exit_code == 2:
            return "interrupted"
        word = next((word for word in _WORST if word in found), "")
        if state != "ended":
            return word
        return capped(word or "empty", self._exit_code).replace("empty", "not_run")

    def _sentence(self, state: State) -> str:
        every = list(self.points.values())
        if state in ("ended", "broken_off"):  # what had no word yet has none
            every = ["not_run" if outcome in ("", "running") else outcome for outcome in every]
        done = [outcome for outcome in every if outcome not in ("", "running", "measured")]
        passed, measured = done.count("pass"), every.count("measured")
        so_far = ""
        if {*done} - {"not_run"}:
            so_far = f"{passed} of {counted(len(done), 'point passes', 'points pass')}."
        elif measured:
            so_far = f"{counted(measured, 'point')} measured."
        if state == "ended":
            told = self._meaning() or "the session ended"
            return f"{told[0].upper()}{told[1:]}. {so_far}".strip()
        if state == "broken_off":
            return f"It ended without a word: its process is gone. {so_far}".strip()
        words = {"starting": "Starting", "staging": "Staging", "running": "Running", "stopping": "Stopping"}
        doing = f"{words.get(state, 'Removing')}: {self._doing}" if self._doing else words.get(state, state)
        return f"{doing}. {so_far}".strip()
