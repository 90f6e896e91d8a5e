"""The fleet: agents ready, one command to all, one report from each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from kb_tests.agent import protocol
from kb_tests.cloud.progress import Progress, Seen, unseen
from kb_tests.cloud.topology import Role, Server, Topology
from kb_tests.fleet import bundle, certificate, channel, collect
from kb_tests.fleet.commands import POLL, Commands, OnReport, OnStart, agents_missing
from kb_tests.fleet.messages import B, D, Hello, LoadReport, S
from kb_tests.fleet.patience import USUAL, Patience
from kb_tests.fleet.reports import OfCommand
from kb_tests.fleet.roster import Member, Roster, Serving
from kb_tests.fleet.secrets import Secrets
from kb_tests.fleet.signs import ServerSigns, own
from kb_tests.fleet.storage.collect import Disk
from kb_tests.fleet.storage.messages import DiskReport, Filling
from kb_tests.fleet.tunnel import Tunnel

T = TypeVar("T")
SLOWEST_FILL = 2 << 20
"""Bytes per second at which a disk is filled at the least."""

LEAD = 0.5
"""Seconds from the command to the start, at least: agents must have read it, and their clocks, by then."""

LEAD_ROUND_TRIPS = 4
"""How many times as long as all agents took to answer their enrollment the lead is longer: the start may
meet a busier moment."""


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
        self._commands = Commands(control, self._roster, patience)
        self._turned: tuple[int, int] = (0, 0)

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
    def telling(self, on_start: OnStart, *, at_once: bool = False) -> Iterator[None]:
        """Tell when each load that is run in between began, once it is over; or `at_once`, as soon as the
        agents are told, after which a start that one of them misses is not tried again.
        """
        self._commands.on_start, self._commands.at_once = on_start, at_once
        try:
            yield
        finally:
            self._commands.on_start, self._commands.at_once = None, False

    @contextmanager
    def rotated(self, clients: int, by: int) -> Iterator[None]:
        """Have the first `clients` generators each load the server of the one `by` places further on."""
        self._turn((clients, by))
        try:
            yield
        finally:
            self._turn((0, 0))

    def turned(self, own: Sequence[T]) -> list[T]:
        """What each loading server loads just now, of what each loads usually: other ones while `rotated`."""
        clients, by = self._turned
        return [*own[by:clients], *own[:by], *own[clients:]] if by else [*own]

    def _turn(self, turned: tuple[int, int]) -> None:
        """The next load has all generators enrolled anew."""
        self._turned = turned
        for server in self._topology.clients:
            self._roster.members[server.name].enrolled = False

    def _peers(self) -> list[str]:
        """The address that each loading server loads."""
        loading = self._topology.clients or [member.server for member in self._loading(Role.STORAGE)]
        return self.turned([server.peer for server in loading])

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
        return own(self._commands.signs.values())

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
        self._commands.ask(
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
        gathering: type[collect.Gathering[S, B, D]],
        on_report: OnReport | None = None,
    ) -> list[LoadReport[S, B, D]]:
        """Give `command` (`kind` and its options) to the first `clients` servers that make load, start them
        at one time, and gather what they report as `gathering` does; `seconds` is what the command takes from
        its start on. `on_report` is given each report as it comes.

        Always returns one report for each of them, in their order: what went wrong with an agent
        stands in its `problem`. When not all of them can prepare, nothing is started. Raises
        TunnelError when the control server is gone. However it ends, no agent goes on.
        """
        self._enroll()
        servers = self._topology.loading[:clients]
        lead = LEAD + LEAD_ROUND_TRIPS * self._round_trip
        addresses = {server.peer for server in servers}
        loaded = [server for server in self._topology.servers if server.address in addresses]
        return self._commands.load(command, servers, loaded, seconds, on_report, gathering, lead)

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
        parts = self._commands.ask(members, commands, timeout, Disk, take) if commands else []
        for member in members:
            member.disk = wanted[member]
        return [part.filled for part in parts if part.filled is not None]

    def _loading(self, role: Role) -> list[Member]:
        return [member for member in self._roster.members.values() if member.server.role is role]

    def abort(self) -> None:
        """Stop whatever runs; says nothing of success, and never raises a FleetError."""
        self._commands.abort()

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
                raise agents_missing(missing, complaints)
            for raw in self._control.reports(POLL):
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
        places = {
            server.name: (index, peer)
            for index, (server, peer) in enumerate(zip(loading, self._peers(), strict=True))
        }
        members = [member for member in self._roster.members.values() if not member.enrolled]
        commands: dict[str, protocol.Message] = {}
        for member in members:
            index, target = places.get(member.server.name, (-1, ""))
            commands[member.server.name] = {"kind": "enroll", "index": index, "target": target}
        if commands:
            began = time.monotonic()
            self._commands.ask(members, commands, self._patience.enroll, collect.Part)
            self._round_trip = max(self._round_trip, time.monotonic() - began)
            for member in members:
                member.enrolled = True


def _target_of(server: Server, target: Mapping[str, Any]) -> dict[str, Any]:
    return {**target, "volume": server.volume.id if server.volume else ""}
