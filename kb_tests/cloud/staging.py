"""Staging: a layout becomes a topology on a cloud."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Mapping

from kb_tests.cloud.builder import Builder
from kb_tests.cloud.calls import Aborted
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.graph import Graph, Step, known
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.layout import Layout, mebibytes
from kb_tests.cloud.networks import ClientSide, add_client_side, add_server_side
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.preflight import Supplies, check
from kb_tests.cloud.progress import Progress, silent
from kb_tests.cloud.projects import add_projects
from kb_tests.cloud.servers import Group, add_servers
from kb_tests.cloud.topology import Access, Role, Server, StagingFacts, Topology
from kb_tests.cloud.volumes import add_volumes, attach
from kb_tests.cloud.waiting import Waiting


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
    """Create everything, and return when all servers are ACTIVE and have their volumes.

    `boot` is the user_data of each role. Setting `abort`, or a KeyboardInterrupt, ends staging:
    nothing is created after it, what is under way is finished and journaled. Staging sets `abort`
    itself when it fails. Whatever was created stays until `tear_down`.

    Raises CapacityError before anything is created, StagingError afterwards.
    """
    stop = abort or threading.Event()
    began, requests = time.monotonic(), cloud.requests
    builder = Builder(cloud, journal, until=began + options.deadline, stop=stop)
    supplies = check(builder, layout, boot, options)
    journal.bind(cloud.auth_url)

    graph = Graph()
    projects = add_projects(graph, builder, layout, supplies, options)
    flavor_id = _add_flavor(graph, builder, layout, supplies)
    clients = add_client_side(graph, builder, layout, projects[0], supplies, options)
    server_side = add_server_side(graph, builder, layout, projects, clients)
    groups = add_servers(
        graph, builder, layout, boot, projects, clients, server_side, flavor_id, supplies, options
    )
    volumes = add_volumes(graph, builder, layout, projects[0])
    graph.run(options.concurrency, stop, progress)
    if stop.is_set():
        raise Aborted("Staging was stopped.")
    waiting = Waiting(builder, groups)
    servers = waiting.run(progress)
    if layout.volume:
        bare = [servers[name] for group in groups if group.role is Role.STORAGE for name in group.names]
        ids = [step.value for step in volumes]
        equipped = attach(builder, layout.volume, projects[0], bare, ids, options, progress)
        servers |= {server.name: server for server in equipped}
    facts = StagingFacts(time.monotonic() - began, cloud.requests - requests)
    topology = _topology(journal, layout, groups, servers, _access(cloud, layout, clients, options), facts)
    notes = supplies.notes
    if waiting.replaced:
        notes += (f"{len(waiting.replaced)} of {len(servers)} servers went to ERROR and were made anew.",)
    networks = {ready.plan.name: ready.network.value for ready in (clients.ready, *server_side)}
    mtus = {name: network.mtu for name, network in networks.items() if network.mtu}
    return dataclasses.replace(topology, notes=notes, mtus=mtus)


def _add_flavor(graph: Graph, builder: Builder, layout: Layout, supplies: Supplies) -> Step[str]:
    if supplies.flavor_id:
        return known("flavor", supplies.flavor_id)

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


def _topology(
    journal: Journal,
    layout: Layout,
    groups: list[Group],
    by_name: dict[str, Server],
    access: Access,
    facts: StagingFacts,
) -> Topology:
    def of(role: Role) -> list[Server]:
        """Spread over the networks, so that the first few of a progression do not share one."""
        numbered = [
            (number, index, name)
            for index, group in enumerate(groups)
            if group.role is role
            for number, name in enumerate(group.names)
        ]
        return [by_name[name] for _, _, name in sorted(numbered)]

    servers = of(Role.SERVER) + of(Role.STORAGE)
    clients = [
        dataclasses.replace(client, peer=server.address)
        for client, server in zip(of(Role.CLIENT), of(Role.SERVER), strict=True)
    ]
    (proxy,) = of(Role.PROXY)
    return Topology(
        run_id=journal.run_id,
        scenario=layout.scenario,
        cloud=journal.header.cloud,
        proxy=proxy,
        servers=tuple(servers),
        clients=tuple(clients),
        access=access,
        staging=facts,
    )
