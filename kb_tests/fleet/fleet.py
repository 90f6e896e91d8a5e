"""The fleet: agents ready, one command to all, one report from each."""

from __future__ import annotations

import math
import secrets as random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, TypeVar

from kb_tests.agent import protocol
from kb_tests.cloud.progress import Progress, Seen, unseen
from kb_tests.cloud.topology import Role, Server, Topology
from kb_tests.errors import AgentsMissingError, FleetError
from kb_tests.fleet import bundle, certificate, channel, collect
from kb_tests.fleet.http.collect import HttpGathering
from kb_tests.fleet.http.messages import HttpReport, SecondReport
from kb_tests.fleet.messages import B, ClockChange, D, Hello, LoadReport, S, Signs
from kb_tests.fleet.patience import USUAL, Patience
from kb_tests.fleet.reports import OfCommand
from kb_tests.fleet.roster import Member, Roster, Serving
from kb_tests.fleet.secrets import Secrets
from kb_tests.fleet.signs import ServerSigns, own
from kb_tests.fleet.storage.collect import Disk, StorageGathering
from kb_tests.fleet.storage.messages import DiskReport, Filling, IoSecond, IoVerifying, StorageReport
from kb_tests.fleet.tunnel import Tunnel

OnSecond = Callable[[SecondReport], None]
OnStart = Callable[[float], None]
"""Is given the moment at which a load begins, in monotonic seconds of this process."""

OnReport = Callable[[OfCommand], None]
P = TypeVar("P", bound=collect.Part)

SLOWEST_FILL = 2 << 20
"""Bytes per second at which a disk is filled at the least."""

LEAD = 0.5
"""Seconds from the command to the start, at least: agents must have read it, and their clocks, by then."""

LEAD_ROUND_TRIPS = 4
"""How many times as long as all agents took to answer their enrollment the lead is longer: the start may
meet a busier moment."""

SIGNS_LATE = 1.0
"""Seconds that the signs of servers are waited for once all generators are done."""

_POLL = 0.25
_NAMED = 5


class Fleet:
    """The agents of one topology. Not thread-safe: one command at a time."""

    def __init__(
        self, topology: Topology, control: channel.ControlChannel, patience: Patience = USUAL
    ) -> None:
        self._topology = topology
        self._patience = patience
        self._control = control
        self._roster = Roster(topology.agents)
        self._version: Mapping[str, str] = {}
        self._round_trip = 0.0
        self._running: collect.Collection[Any] | None = None
        self._on_start: OnStart | None = None
        self._signs: dict[str, Signs] = {}

    @classmethod
    @contextmanager
    def open(
        cls,
        topology: Topology,
        secrets: Secrets,
        progress: Progress,
        deadline: float,
        seen: Seen = unseen,
        patience: Patience = USUAL,
    ) -> Iterator[Fleet]:
        """Reach the proxy, wait for all agents until `deadline` (monotonic seconds), and enroll them; `seen`
        is told which servers are ready.

        Raises TunnelError when the proxy cannot be reached, AgentsMissingError when agents are missing.
        """
        tunnel = Tunnel(topology.access, secrets)
        try:
            with cls.connected(topology, tunnel.dial, secrets, progress, deadline, seen, patience) as fleet:
                yield fleet
        finally:
            tunnel.close()

    @classmethod
    @contextmanager
    def connected(
        cls,
        topology: Topology,
        dial: channel.Dial,
        secrets: Secrets,
        progress: Progress,
        deadline: float,
        seen: Seen = unseen,
        patience: Patience = USUAL,
    ) -> Iterator[Fleet]:
        """As `open`, over any way to Redis."""
        control = channel.ControlChannel(
            dial, topology.run_id, secrets.controller_password, patience.reconnect
        )
        fleet = cls(topology, control, patience)
        try:
            control.open(deadline)
            fleet._version = control.version()
            for packed in bundle.engines().values():
                control.publish(bundle.digest(packed), packed, deadline)
            fleet._wait_for_agents(progress, deadline, seen)
            yield fleet
        finally:
            control.close()

    @contextmanager
    def telling(self, on_start: OnStart) -> Iterator[None]:
        """Tell when each load begins that is run in between, as soon as the agents are told."""
        self._on_start = on_start
        try:
            yield
        finally:
            self._on_start = None

    @property
    def topology(self) -> Topology:
        """What the agents belong to, with what they see of it."""

        def seen(servers: tuple[Server, ...]) -> tuple[Server, ...]:
            return tuple(replace(one, mtu=mtus.get(one.name, one.mtu)) for one in servers)

        mtus = {name: hello.mtu for name, hello in self.hellos.items()}
        return replace(
            self._topology, servers=seen(self._topology.servers), clients=seen(self._topology.clients)
        )

    @property
    def versions(self) -> list[Mapping[str, str]]:
        """{tool: version} of each server, the proxy's first."""
        return [self._version, *(hello.versions for hello in self.hellos.values())]

    @property
    def hellos(self) -> Mapping[str, Hello]:
        """What each agent said of itself: versions, CPUs."""
        return {name: member.hello for name, member in self._roster.members.items() if member.hello}

    @property
    def signs(self) -> tuple[ServerSigns, ...]:
        """What servers' kernels counted during the last load, as far as it is their own."""
        return own(self._signs.values())

    def serve(self, pages: Sequence[int], connections: int, *, tls: bool = False) -> None:
        """Have every HTTP server ready for pages of these sizes and that many connections, with or without
        TLS.

        Raises FleetError when one cannot, AgentsMissingError when one does not answer.
        """
        wanted = frozenset(pages)
        members = [
            member
            for member in self._roster.members.values()
            if member.server.role is Role.SERVER
            and not (
                wanted <= member.serving.pages
                and connections <= member.serving.connections
                and tls == member.serving.tls
            )
        ]
        if not members:
            return
        pem = certificate.make() if tls else ""
        command = {"kind": "serve", "pages": sorted(wanted), "connections": connections, "tls": pem}
        self._ask(
            members, {member.server.name: command for member in members}, self._patience.serve, collect.Part
        )
        for member in members:
            most = max(connections, member.serving.connections)
            member.serving = Serving(member.serving.pages | wanted, most, tls)

    def run(
        self,
        command: Mapping[str, Any],
        clients: int,
        seconds: float,
        on_second: OnSecond | None = None,
    ) -> list[HttpReport]:
        """Give `command` (`kind` and its options) to the first `clients` generators, start them at one
        time, and gather what they report; `seconds` is what the command takes from its start on.

        Always returns one report for each of them, in their order: what went wrong with an agent
        stands in its `problem`. When not all of them can prepare, nothing is started. Raises
        TunnelError when the control server is gone. However it ends, no agent goes on.
        """

        def take(report: OfCommand) -> None:
            if on_second and isinstance(report, SecondReport):
                on_second(report)

        servers = self._topology.clients[:clients]
        block = float(command.get("http", {}).get("block", 1.0))
        return self._run(command, servers, seconds, take, HttpGathering, math.ceil(1 / block))

    def prepare_disks(
        self,
        target: Mapping[str, Any],
        on_filling: Callable[[Filling | DiskReport], None] | None = None,
    ) -> list[DiskReport]:
        """Have every storage server find, format, mount and fill `target`, each its own volume; what was
        filled now, nothing if all of them have done so before.

        Raises FleetError when one cannot, or not in time, AgentsMissingError when one does not answer.
        """

        def take(report: OfCommand) -> None:
            if on_filling and isinstance(report, Filling | DiskReport):
                on_filling(report)

        self._enroll()
        wanted = {member: _target_of(member.server, target) for member in self._loading(Role.STORAGE)}
        members = [member for member, own in wanted.items() if member.disk != own]
        commands: dict[str, protocol.Message] = {
            member.server.name: {"kind": "disk", "target": wanted[member]} for member in members
        }
        timeout = self._patience.fill + int(target["size"]) / SLOWEST_FILL
        parts = self._ask(members, commands, timeout, Disk, take) if commands else []
        for member in members:
            member.disk = wanted[member]
        return [part.filled for part in parts if part.filled is not None]

    def run_fio(
        self,
        options: Mapping[str, Any],
        clients: int,
        seconds: float,
        on_second: Callable[[IoSecond], None] | None = None,
        on_verifying: Callable[[IoVerifying], None] | None = None,
    ) -> list[StorageReport]:
        """As `run`, a fio job on the first `clients` storage servers."""

        def take(report: OfCommand) -> None:
            if on_second and isinstance(report, IoSecond):
                on_second(report)
            elif on_verifying and isinstance(report, IoVerifying):
                on_verifying(report)

        servers = [member.server for member in self._loading(Role.STORAGE)][:clients]
        return self._run({"kind": "fio", "fio": options}, servers, seconds, take, StorageGathering)

    def run_engine(
        self,
        engine: str,
        options: Mapping[str, Any],
        clients: int,
        seconds: float,
        gathering: type[collect.Gathering[S, B, D]],
        on_report: OnReport | None = None,
    ) -> list[LoadReport[S, B, D]]:
        """As `run`, any engine that the agents have, on the first `clients` servers that make load."""
        command = {"kind": "engine", "engine": engine, "options": options}
        return self._run(command, self._topology.loading[:clients], seconds, on_report, gathering)

    def _loading(self, role: Role) -> list[Member]:
        return [member for member in self._roster.members.values() if member.server.role is role]

    def _run(
        self,
        command: Mapping[str, Any],
        servers: Sequence[Server],
        seconds: float,
        take: OnReport | None,
        part: type[collect.Gathering[S, B, D]],
        each: int = 1,
    ) -> list[LoadReport[S, B, D]]:
        """One report from each of `servers`, in their order."""
        self._enroll()
        collection = collect.Collection(_new_id(), servers, seconds, part, each)
        clients = len(servers)
        self._running = collection
        self._signs = {}
        finished = False
        change: ClockChange | None = None
        try:
            self._control.send({**command, "id": collection.id, "clients": clients})
            self._gather(lambda: collection.unready(), time.monotonic() + self._patience.prepare, take)
            for late in collection.unready():
                late.set_problem("it did not get ready in time")
            if collection.failed():
                _mark_not_started(collection)
            else:
                lead = LEAD + LEAD_ROUND_TRIPS * self._round_trip
                before = self._control.reading()
                asked = time.monotonic()
                now = self._control.time()
                read = (asked + time.monotonic()) / 2
                self._control.send({"kind": "start", "id": collection.id, "start_at": now + lead})
                if self._on_start is not None:
                    self._on_start(read + lead)
                self._gather(
                    lambda: collection.waiting(),
                    time.monotonic() + lead + seconds + self._patience.late,
                    take,
                )
                change = before.change(self._control.reading())
                finished = not collection.waiting()
                if finished:
                    self._gather(lambda: self._unseen(servers), time.monotonic() + SIGNS_LATE, take)
            return [part.report(change) for part in collection.parts.values()]
        finally:
            self._running = None
            if not finished:
                self.abort(collection.id)

    def abort(self, command_id: str = "") -> None:
        """Stop whatever runs; says nothing of success, and never raises a FleetError."""
        with suppress(FleetError):
            self._control.close()  # an interrupt may have left an answer half read
            self._control.send({"kind": "abort", "id": command_id}, time.monotonic() + self._patience.abort)

    def quit(self) -> None:
        """End the agents."""
        self._control.send({"kind": "quit"})

    def _wait_for_agents(self, progress: Progress, deadline: float, seen: Seen = unseen) -> None:
        members = self._roster.members
        self._control.send({"kind": "hello"})
        complaints: dict[str, str] = {}
        present = -1
        refused = False
        told: set[str] = set()

        def tell() -> None:
            there = [name for name, member in members.items() if member.hello is not None]
            if fresh := [name for name in there if name not in told]:
                told.update(fresh)
                seen("ready", fresh)

        while missing := self._roster.missing():
            if len(members) - len(missing) != present:
                present = len(members) - len(missing)
                progress("agents", present, len(members))
                tell()
            if time.monotonic() >= deadline:
                raise _missing(missing, complaints)
            for raw in self._control.reports(_POLL):
                agent, _, problem = self._roster.read(raw)
                if problem:
                    complaints[agent] = problem
            if not refused and all(member.server.name in complaints for member in self._roster.missing()):
                refused, deadline = True, min(deadline, time.monotonic() + self._patience.reconsider)
        progress("agents", len(members), len(members))
        tell()
        self._enroll()

    def _enroll(self) -> None:
        """Give each agent that has none its place."""
        for raw in self._control.reports(0.001):
            self._roster.read(raw)
        loading = self._topology.clients or [member.server for member in self._loading(Role.STORAGE)]
        places = {server.name: (index, server.peer) for index, server in enumerate(loading)}
        members = [member for member in self._roster.members.values() if not member.enrolled]
        commands: dict[str, protocol.Message] = {}
        for member in members:
            index, target = places.get(member.server.name, (-1, ""))
            commands[member.server.name] = {"kind": "enroll", "index": index, "target": target}
        if commands:
            began = time.monotonic()
            self._ask(members, commands, self._patience.enroll, collect.Part)
            self._round_trip = max(self._round_trip, time.monotonic() - began)
            for member in members:
                member.enrolled = True

    def _ask(
        self,
        members: Sequence[Member],
        commands: dict[str, protocol.Message],
        timeout: float,
        part: type[P],
        on_report: OnReport | None = None,
    ) -> list[P]:
        """Send each its command, and wait until all have answered `ready`."""
        collection = collect.Collection(_new_id(), [member.server for member in members], 0, part)
        self._control.send_each(
            {name: {**message, "id": collection.id} for name, message in commands.items()}
        )
        self._running = collection
        self._gather(lambda: collection.unready(), time.monotonic() + timeout, on_report)
        self._running = None
        for late in collection.unready():
            late.set_problem(late.doing and f"it did not end in time: {late.doing}")
        for failed in collection.failed():
            raise FleetError(f"The agent of {failed.server.name} has failed: {failed.problem.rstrip('.')}.")
        if collection.unready():
            raise _missing([self._roster.members[part.server.name] for part in collection.unready()], {})
        return list(collection.parts.values())

    def _gather(
        self,
        waiting: Callable[[], Sequence[object]],
        deadline: float,
        on_report: OnReport | None,
    ) -> None:
        """Read reports until nobody is waited for or the time is over."""
        while waiting() and time.monotonic() < deadline:
            for raw in self._control.reports(_POLL):
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
                self._signs[report.agent] = report
        elif running.take(report) and on_report:
            on_report(report)

    def _unseen(self, loading: Sequence[Server]) -> list[str]:
        """Those whose signs may come yet; none where nobody has any."""
        if not self._signs:
            return []
        loaded = {server.peer for server in loading}
        expected = [*loading, *(one for one in self._topology.servers if one.address in loaded)]
        return [one.name for one in expected if one.name not in self._signs]


def _new_id() -> str:
    return random.token_hex(6)


def _target_of(server: Server, target: Mapping[str, Any]) -> dict[str, Any]:
    return {**target, "volume": server.volume.id if server.volume else ""}


def _mark_not_started(collection: collect.Collection[Any]) -> None:
    """Why the others were not started."""
    first = collection.failed()[0]
    for part in collection.parts.values():
        part.set_problem(f"it was not started, because of {first.server.name}: {first.problem}")


def _missing(members: Sequence[Member], complaints: Mapping[str, str]) -> AgentsMissingError:
    names = [member.server.name for member in members[:_NAMED]]
    names = [f"{name} ({complaints[name]})" if name in complaints else name for name in names]
    more = f" and {len(members) - _NAMED} more" if len(members) > _NAMED else ""
    if all(member.server.name in complaints for member in members):
        return AgentsMissingError(f"These agents cannot be used: {', '.join(names)}{more}.")
    return AgentsMissingError(
        f"No sign of the agent of {', '.join(names)}{more}.",
        remedy="The server's console log says how far its boot came.",
    )
