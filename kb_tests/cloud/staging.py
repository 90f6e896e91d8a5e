"""Staging: a layout becomes a topology on a cloud."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from kb_tests.cloud import floating, interfaces
from kb_tests.cloud.account import Account
from kb_tests.cloud.builder import Builder
from kb_tests.cloud.calls import Aborted, understood
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.graph import Graph, Step, known
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.layout import Layout, mebibytes
from kb_tests.cloud.networks import ClientSide, add_client_side, add_server_side
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.preflight import Supplies, check, check_size
from kb_tests.cloud.progress import Progress, Seen, silent, unseen
from kb_tests.cloud.projects import add_projects
from kb_tests.cloud.servers import Group, add_servers
from kb_tests.cloud.topology import Access, Role, Server, StagingFacts, Topology, paired
from kb_tests.cloud.volumes import add_volumes, attach
from kb_tests.cloud.waiting import Waiting
from kb_tests.errors import CloudAccessError


@dataclass(frozen=True)
class Site:
    """One cloud's part of a run: what is staged there, with the user_data of each role."""

    cloud: Cloud
    layout: Layout
    boot: Mapping[Role, str]
    journal: Journal


def stage(
    cloud: Cloud,
    layout: Layout,
    boot: Mapping[Role, str],
    journal: Journal,
    options: StageOptions,
    progress: Progress = silent,
    *,
    abort: threading.Event | None = None,
) -> Topology:
    """`stage_all` on one cloud."""
    (topology,) = stage_all([Site(cloud, layout, boot, journal)], options, progress, abort=abort)
    return topology


def stage_all(
    sites: Sequence[Site],
    options: StageOptions,
    progress: Progress = silent,
    *,
    abort: threading.Event | None = None,
    seen: Seen = unseen,
) -> tuple[Topology, ...]:
    """Create everything, on all clouds at once, and return when all servers are ACTIVE and have their
    volumes and floating IPs. The clients of the last site load the servers of the first.

    Setting `abort`, or a KeyboardInterrupt, ends staging: nothing is created after it, what is under
    way is finished and journaled. Staging sets `abort` itself when it fails. Whatever was created
    stays until `tear_down`. `seen` is told what becomes of the servers.

    Raises CloudAccessError or CapacityError before anything is created, StagingError afterwards.
    """
    check_size((site.layout for site in sites), options)
    _check_apart([site.cloud.account for site in sites])
    with understood(" and ".join(site.cloud.name for site in sites)):
        return _staged(sites, options, progress, abort or threading.Event(), seen)


def _staged(
    sites: Sequence[Site], options: StageOptions, progress: Progress, stop: threading.Event, seen: Seen
) -> tuple[Topology, ...]:
    until = time.monotonic() + options.deadline
    stages = [
        _Stage(site, options, Builder(site.cloud, site.journal, until=until, stop=stop)) for site in sites
    ]
    for site in sites:
        site.journal.bind(site.cloud.account)
    graph = Graph()
    *others, last = stages
    last.add(graph)
    for other in others:
        other.add(graph, visitors=last.add_visitors(graph))
    graph.run(options.concurrency, stop, progress)
    if stop.is_set():
        raise Aborted("Staging was stopped.")
    staged = [each.topology(progress, seen) for each in stages]
    if staged[-1].clients:
        clients = paired(staged[-1].clients, staged[0].servers)
        staged[-1] = dataclasses.replace(staged[-1], clients=clients)
    return tuple(staged)


def _check_apart(accounts: Sequence[Account]) -> None:
    """CloudAccessError where two of them are one place."""
    for one, other in combinations(accounts, 2):
        if one.is_at(other):
            raise CloudAccessError(
                f"Clouds {one.entry!r} and {other.entry!r} are one: both are {other}.",
                remedy="Name another cloud, or another region of it, with --kb-testing-cloud.",
            )


class _Stage:
    """The staging of one site; made once all that it needs is there."""

    def __init__(self, site: Site, options: StageOptions, builder: Builder) -> None:
        self._began, self._requests = time.monotonic(), site.cloud.requests
        self._site = site
        self._options = options
        self._builder = builder
        self._supplies = check(builder, site.layout, site.boot, options)
        self._layout = self._supplies.fitted(site.layout)

    def add(self, graph: Graph, visitors: Step[list[str]] | None = None) -> None:
        """Steps for all of it; `visitors` are the CIDRs from which servers are loaded from outside."""
        layout, builder, supplies, options = self._layout, self._builder, self._supplies, self._options
        self._projects = add_projects(graph, builder, layout, supplies, options)
        flavor_id = _add_flavor(graph, builder, layout, supplies)
        self._clients = add_client_side(graph, builder, layout, self._projects[0], supplies, options)
        self._servers = add_server_side(
            graph, builder, layout, self._projects, self._clients, supplies, visitors
        )
        self._groups = add_servers(
            graph,
            builder,
            layout,
            self._site.boot,
            self._projects,
            self._clients,
            self._servers,
            flavor_id,
            supplies,
            options,
        )
        self._volumes = add_volumes(graph, builder, layout, self._projects[0], supplies.volume_zones)

    def add_visitors(self, graph: Graph) -> Step[list[str]]:
        """A step that says where other clouds see our clients come from, as CIDRs."""
        return floating.add_visitors(graph, self._builder, self._clients)

    def topology(self, progress: Progress, seen: Seen) -> Topology:
        """What was staged, once it is ready; clients have no peers yet."""
        site, layout, builder, options = self._site, self._layout, self._builder, self._options
        waiting = Waiting(builder, self._groups, self._began)
        servers = waiting.run(progress, seen)
        equipped: list[Server] = []
        if layout.volume:
            names = [name for group in self._groups if group.role is Role.STORAGE for name in group.names]
            bare, ids = [servers[name] for name in names], [step.value for step in self._volumes]
            equipped = attach(builder, layout.volume, self._projects[0], bare, ids, options, progress)
        if layout.outside:
            equipped = floating.attach(
                builder, self._servers, self._projects, servers.values(), self._supplies, options, progress
            )
        servers |= {server.name: server for server in equipped}
        notes = self._supplies.notes
        if waiting.replaced:
            notes += (f"{len(waiting.replaced)} of {len(servers)} servers went to ERROR and were made anew.",)
        if told := interfaces.note(builder):
            notes += (told,)
        every = (self._clients.ready, *self._servers)
        networks = {ready.plan.name: ready.network.value for ready in every}
        (proxy,) = _of(Role.PROXY, self._groups, servers)
        return Topology(
            run_id=site.journal.run_id,
            scenario=layout.scenario,
            cloud=site.journal.header.cloud,
            region=site.cloud.region,
            proxy=proxy,
            servers=_of(Role.SERVER, self._groups, servers) + _of(Role.STORAGE, self._groups, servers),
            clients=_of(Role.CLIENT, self._groups, servers),
            access=_access(site.cloud, layout, self._clients, options),
            staging=StagingFacts(time.monotonic() - self._began, site.cloud.requests - self._requests),
            notes=notes,
            mtus={name: network.mtu for name, network in networks.items() if network.mtu},
            routers={ready.plan.name: ready.router_id.value for ready in every},
            image=options.image,
            flavor=options.flavor,
        )


def _of(role: Role, groups: list[Group], by_name: dict[str, Server]) -> tuple[Server, ...]:
    """Spread over the networks, so that the first few of a progression do not share one."""
    numbered = [
        (number, index, name)
        for index, group in enumerate(groups)
        if group.role is role
        for number, name in enumerate(group.names)
    ]
    return tuple(by_name[name] for _, _, name in sorted(numbered))


def _add_flavor(graph: Graph, builder: Builder, layout: Layout, supplies: Supplies) -> Step[str]:
    if supplies.flavor:
        return known("flavor", supplies.flavor.id)

    def make() -> str:
        flavor = builder.create(
            "flavor",
            "flavor",
            vcpus=layout.flavor.vcpus,
            ram=mebibytes(layout.flavor.ram),
            disk=supplies.disk,
        )
        return str(flavor.id)

    return graph.add("flavor", make)


def _access(cloud: Cloud, layout: Layout, clients: ClientSide, options: StageOptions) -> Access:
    return Access(
        host=clients.floating_ip.value if clients.floating_ip else layout.proxy_address,
        port=options.ssh_port or cloud.ssh_port,
        redis_host=layout.proxy_address,
        redis_port=options.redis_port,
        proxy_command=options.proxy_command,
    )
