"""Floating IPs for HTTP servers that are loaded from another cloud, and who may come to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from functools import partial
from ipaddress import IPv4Address
from typing import Any

from kb_tests.cloud.builder import Builder
from kb_tests.cloud.calls import Aborted
from kb_tests.cloud.graph import Graph, Step, known
from kb_tests.cloud.networks import ClientSide, Ready
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.preflight import Supplies
from kb_tests.cloud.progress import Progress
from kb_tests.cloud.projects import Project
from kb_tests.cloud.topology import Server
from kb_tests.errors import StagingError


def add_visitors(graph: Graph, builder: Builder, clients: ClientSide) -> Step[list[str]]:
    """A step that says, as CIDRs, where the generators' connections come from as other clouds see it: what
    clouds.yaml says of that, else the outer address of their router, which translates theirs.
    """
    if builder.cloud.egress:
        return known("egress", list(builder.cloud.egress))

    def look() -> list[str]:
        network = builder.cloud.connection.network
        router = builder.call(
            "looking for the outer address of a router", lambda: network.get_router(clients.router_id.value)
        )
        info: dict[str, Any] = router.external_gateway_info or {}
        addresses = [str(each.get("ip_address")) for each in info.get("external_fixed_ips") or ()]
        found = [f"{address}/32" for address in addresses if _is_ipv4(address)]
        if not found:
            raise StagingError(
                f"Cloud {builder.cloud.name!r} does not tell the outer address of router {router.name}, by "
                "which other clouds would know its traffic generators.",
                remedy="Say by kb_egress in its entry in clouds.yaml from which addresses they come.",
            )
        return found

    return graph.add("outer address", look, [clients.router_id])


def attach(
    builder: Builder,
    networks: Sequence[Ready],
    projects: dict[int, Project],
    servers: Iterable[Server],
    supplies: Supplies,
    options: StageOptions,
    progress: Progress,
) -> list[Server]:
    """Those of the servers that are on these networks, each with a floating IP of its own."""
    names = {ready.plan.name for ready in networks}
    by_id = {server.id: server for server in servers if server.network in names}
    graph = Graph()
    steps: dict[str, Step[str]] = {}

    def make(server: Server, port_id: str, project: Project) -> str:
        made = builder.create(
            "floating_ip",
            server.name.removeprefix(builder.name("")),
            floating_network_id=supplies.external_network_id,
            port_id=port_id,
            **project.scope,
        )
        return str(made.floating_ip_address)

    for ready in networks:
        for port in builder.call("listing the ports of servers", partial(_ports, builder, ready)):
            server = by_id.get(port.device_id)
            if server is not None:
                how = partial(make, server, str(port.id), projects[ready.plan.tenant])
                steps[server.id] = graph.add(f"floating IP {server.name}", how)
    for server in by_id.values():
        if server.id not in steps:
            raise StagingError(f"Cloud {builder.cloud.name!r} lists no port of server {server.name}.")
    graph.run(options.concurrency, builder.stop, progress, "floating IPs")
    if builder.stop.is_set():
        raise Aborted("Stopped while servers got their floating IPs.")
    return [dataclasses.replace(by_id[id_], floating_ip=step.value) for id_, step in steps.items()]


def _ports(builder: Builder, ready: Ready) -> list[Any]:
    return list(builder.cloud.connection.network.ports(network_id=ready.network.value.id))


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
