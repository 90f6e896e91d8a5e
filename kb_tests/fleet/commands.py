"""Commands to agents, and what they say of each: one command at a time, gathered into parts."""

from __future__ import annotations

import secrets as random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from kb_tests.agent import protocol
from kb_tests.cloud.topology import Server
from kb_tests.errors import AgentsMissingError, FleetError
from kb_tests.fleet import channel, collect
from kb_tests.fleet.messages import B, ClockChange, D, Failed, Hello, LoadReport, Ready, S, Signs
from kb_tests.fleet.patience import Patience
from kb_tests.fleet.reports import OfCommand
from kb_tests.fleet.roster import Member, Roster

OnStart = Callable[[float], None]
"""Is given the moment at which a load begins, in monotonic seconds of this process."""

OnReport = Callable[[OfCommand], None]
P = TypeVar("P", bound=collect.Part)

POLL = 0.25
"""Seconds for which reports are waited for at one go."""

STARTS = 3
"""How often a load is started at most, where agents come too late to its start."""

LATEST = 5.0
"""Seconds by which a busy agent misses a start at most: one that is later has another clock, or can load
nothing, and starts with so much more ahead would cost each point minutes."""

LONGEST_LEAD = 240.0
"""Seconds: an agent takes no start that is much further ahead."""

_NAMED = 5


class Commands:
    """Gives commands to the agents of a roster, and gathers their answers. Not thread-safe."""

    def __init__(self, control: channel.ControlChannel, roster: Roster, patience: Patience) -> None:
        self.on_start: OnStart | None = None
        self.at_once = False
        """Whether a start is told of before it is known that no agent missed it."""
        self.signs: dict[str, Signs] = {}
        """What servers' kernels counted during the last load, by server."""
        self._control = control
        self._roster = roster
        self._patience = patience
        self._running: collect.Collection[Any] | None = None
        self._change: ClockChange | None = None

    def ask(
        self,
        members: Sequence[Member],
        commands: dict[str, protocol.Message],
        timeout: float,
        part: type[P],
        on_report: OnReport | None = None,
    ) -> list[P]:
        """Send each of `members` its command, and wait until all have answered `ready`.

        Raises FleetError when one cannot, AgentsMissingError when one does not answer in time.
        """
        collection = collect.Collection(_new_id(), [member.server for member in members], 0, part)
        self._control.send_each(
            {name: {**message, "id": collection.id} for name, message in commands.items()}
        )
        self._running = collection
        self._gather(collection.preparing, time.monotonic() + timeout, on_report)
        self._running = None
        for late in collection.unready():
            late.set_problem(late.doing and f"it did not end in time: {late.doing}")
        for failed in collection.failed():
            raise FleetError(f"The agent of {failed.server.name} has failed: {failed.problem.rstrip('.')}.")
        if collection.unready():
            raise agents_missing(
                [self._roster.members[part.server.name] for part in collection.unready()], {}
            )
        return list(collection.parts.values())

    def _gather(
        self,
        waiting: Callable[[], bool],
        deadline: float,
        on_report: OnReport | None,
    ) -> None:
        """Read reports until nobody is waited for or the time is over."""
        while waiting() and time.monotonic() < deadline:
            for raw in self._control.reports(POLL):
                self._take(raw, on_report)

    def _take(self, raw: bytes, on_report: OnReport | None) -> None:
        agent, report, problem = self._roster.read(raw)
        running = self._running
        if running is None:
            return
        part = running.parts.get(agent)
        if part is not None and problem:
            part.set_problem(problem)
        if report is None or isinstance(report, Hello):
            return
        if isinstance(report, Signs):
            if report.id == running.id:
                self.signs[report.agent] = report
        elif running.take(report) and on_report:
            on_report(report)

    def load(
        self,
        command: Mapping[str, Any],
        servers: Sequence[Server],
        loaded: Sequence[Server],
        seconds: float,
        take: OnReport | None,
        part: type[collect.Gathering[S, B, D]],
        lead: float,
    ) -> list[LoadReport[S, B, D]]:
        """Start what `command` names at one time, `lead` seconds after all are ready; it takes `seconds`.

        One report from each of `servers`, in their order; `loaded` are the servers that they load. When not
        all can prepare, nothing is started. Where one came too late to the start, as on a busy machine, all
        are prepared and started again, with a longer lead; but not once a report of the load was taken, or
        somebody was told of its start `at_once`. However it ends, no agent goes on.
        """
        for left in reversed(range(STARTS)):
            collection = collect.Collection(_new_id(), servers, seconds, part, part.each(command))
            late = self._load(collection, command, servers, loaded, seconds, take, lead, again=left > 0)
            if late is None:
                break
            lead = min(2 * (lead + late), LONGEST_LEAD)
        return [part.report(self._change) for part in collection.parts.values()]

    def _load(
        self,
        collection: collect.Collection[Any],
        command: Mapping[str, Any],
        servers: Sequence[Server],
        loaded: Sequence[Server],
        seconds: float,
        take: OnReport | None,
        lead: float,
        *,
        again: bool,
    ) -> float | None:
        """One start of a load. By how many seconds it was missed, if it may be started `again` therefore."""
        self._running = collection
        self.signs = {}
        self._change = None
        finished = begun = False

        def taking(report: OfCommand) -> None:
            nonlocal begun
            begun = begun or not isinstance(report, Ready | Failed)
            if take is not None:
                take(report)

        def missed() -> float:
            late = max(part.late for part in collection.parts.values())
            return late if again and not begun and not self.at_once and late <= LATEST else 0.0

        try:
            self._control.send({**command, "id": collection.id, "clients": len(servers)})
            self._gather(collection.preparing, time.monotonic() + self._patience.prepare, taking)
            for unready in collection.unready():
                unready.set_problem("it did not get ready in time")
            if collection.failed():
                _mark_not_started(collection)
                return None
            before = self._control.reading()
            asked = time.monotonic()
            now = self._control.time()
            begin = (asked + time.monotonic()) / 2 + lead
            self._control.send({"kind": "start", "id": collection.id, "start_at": now + lead})
            if self.at_once:
                self._tell(begin)
            deadline = time.monotonic() + lead + seconds + self._patience.late
            self._gather(lambda: collection.waiting() and not missed(), deadline, taking)
            if late := missed():
                return late
            if not self.at_once:
                self._tell(begin)
            self._change = before.change(self._control.reading())
            finished = not collection.waiting()
            if finished:
                expected = {server.name for server in (*servers, *loaded)}
                until = time.monotonic() + self._patience.signs
                with suppress(FleetError):  # the load itself is whole
                    self._gather(
                        lambda: bool(self.signs) and not expected <= self.signs.keys(), until, taking
                    )
            return None
        finally:
            self._running = None
            if not finished:
                self.abort(collection.id)

    def _tell(self, begin: float) -> None:
        if self.on_start is not None:
            self.on_start(begin)

    def abort(self, command_id: str = "") -> None:
        """Stop whatever runs; says nothing of success, and never raises a FleetError."""
        with suppress(FleetError):
            self._control.close()  # an interrupt may have left an answer half read
            self._control.send({"kind": "abort", "id": command_id}, time.monotonic() + self._patience.abort)


def _new_id() -> str:
    return random.token_hex(6)


def _mark_not_started(collection: collect.Collection[Any]) -> None:
    """Why the others were not started."""
    first = collection.failed()[0]
    for part in collection.parts.values():
        part.set_problem(f"it was not started, because of {first.server.name}: {first.problem}")


def agents_missing(members: Sequence[Member], complaints: Mapping[str, str]) -> AgentsMissingError:
    """What to say of agents that did not answer, or only by what `complaints` says of them by name."""
    names = [member.server.name for member in members[:_NAMED]]
    names = [f"{name} ({complaints[name]})" if name in complaints else name for name in names]
    more = f" and {len(members) - _NAMED} more" if len(members) > _NAMED else ""
    if all(member.server.name in complaints for member in members):
        return AgentsMissingError(f"These agents cannot be used: {', '.join(names)}{more}.")
    return AgentsMissingError(
        f"No sign of the agent of {', '.join(names)}{more}.",
        remedy="The server's console log says how far its boot came.",
    )
