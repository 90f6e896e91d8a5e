"""Servers: asked for many at a time, waited for by one list of all."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kb_tests.cloud.builder import Builder
from kb_tests.cloud.calls import Aborted
from kb_tests.cloud.graph import Graph, Step
from kb_tests.cloud.kinds import KINDS
from kb_tests.cloud.layout import Layout
from kb_tests.cloud.networks import ClientSide, Ready
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.preflight import Supplies
from kb_tests.cloud.progress import Progress
from kb_tests.cloud.projects import Project
from kb_tests.cloud.topology import Role, Server
from kb_tests.errors import StagingError

_FASTEST_POLLS = 0.3
_SLOWEST_POLLS = 5.0


@dataclass(frozen=True)
class Group:
    """Servers of one role on one network, asked for by one request; `names` in order."""

    role: Role
    network: str
    project: Project
    names: tuple[str, ...]


def add_servers(
    graph: Graph,
    builder: Builder,
    layout: Layout,
    boot: Mapping[Role, str],
    projects: dict[int, Project],
    clients: ClientSide,
    server_side: list[Ready],
    flavor_id: Step[str],
    supplies: Supplies,
    options: StageOptions,
) -> list[Group]:
    """Steps that ask for all servers: the proxy first, then as many at once as one network takes."""
    common: dict[str, Any] = {"image_id": supplies.image_id}
    if options.availability_zone:
        common["availability_zone"] = options.availability_zone
    if options.config_drive:
        common["config_drive"] = True

    def add(
        role: Role, suffix: str, network: str, tenant: int, count: int, after: list[Step[Any]], **how: Any
    ) -> Group:
        project = projects[tenant]
        names = [f"{suffix}-{number}" for number in range(1, count + 1)]

        def make() -> None:
            attributes = common | {name: make() for name, make in how.items()}
            if project.key_name:
                attributes["key_name"] = project.key_name
            if count > 1:
                attributes |= {"min_count": count, "max_count": count}
            builder.create(
                "server",
                suffix if count > 1 or role is Role.PROXY else names[0],
                on=project.compute.value,
                project=project.id.value,
                flavor_id=flavor_id.value,
                user_data=b64encode(boot[role].encode()).decode(),
                **attributes,
            )

        graph.add(f"servers {suffix}", make, [project.compute, flavor_id, *after])
        full = [suffix] if role is Role.PROXY else names
        return Group(role, network, project, tuple(map(builder.name, full)))

    groups = [
        add(
            Role.PROXY,
            "proxy",
            layout.clients.name,
            0,
            1,
            [clients.proxy_port_id, clients.ready.routed],
            networks=lambda: [{"port": clients.proxy_port_id.value}],
        )
    ]
    for ready in (*server_side, clients.ready):
        plan = ready.plan
        groups.append(
            add(
                plan.role,
                plan.name,
                plan.name,
                plan.tenant,
                plan.servers,
                [ready.routed, ready.group_id],
                networks=lambda ready=ready: [{"uuid": ready.network_id.value}],
                security_groups=lambda ready=ready: [{"name": ready.group_id.value}],
            )
        )
    return groups


def wait_for(builder: Builder, groups: Iterable[Group], progress: Progress) -> dict[str, Server]:
    """All servers by name, once they are ACTIVE and have an address.

    Raises StagingError that names servers in ERROR with Nova's reason, or, when time is up, those
    that are not ready.
    """
    group_of = {name: group for group in groups for name in group.names}
    began = time.monotonic()
    while True:
        found = {server.name: server for server in _list(builder) if server.name in group_of}
        failed = [server for server in found.values() if server.status == "ERROR"]
        if failed:
            raise StagingError(_failures(failed, len(group_of)))
        ready = {
            name: made
            for name, server in found.items()
            if server.status == "ACTIVE" and (made := _server(server, group_of[name])).address
        }
        progress("servers", len(ready), len(group_of))
        if len(ready) == len(group_of):
            return ready
        interval = min(max(_FASTEST_POLLS, (time.monotonic() - began) / 5), _SLOWEST_POLLS)
        if time.monotonic() + interval > builder.until:
            missing = sorted(set(group_of) - set(ready))
            states = [f"{name} {found[name].status if name in found else 'missing'}" for name in missing[:3]]
            raise StagingError(
                f"{len(missing)} of {len(group_of)} servers are not ready after "
                f"{time.monotonic() - began:.0f} s: {', '.join(states)}{', ...' if len(missing) > 3 else ''}."
            )
        if builder.stop.wait(interval):
            raise Aborted("Stopped while waiting for servers.")


def _list(builder: Builder) -> list[Any]:
    listing = KINDS["server"].listing
    return builder.call("listing servers", lambda: list(listing(builder.cloud, builder.journal.mark)))


def _failures(failed: list[Any], total: int) -> str:
    first = min(failed, key=lambda server: str(server.name))
    reason = " ".join(str((first.fault or {}).get("message") or "no reason given").split())
    return f"{len(failed)} of {total} servers went to ERROR, first {first.name}: {reason[:300]}"


def _server(server: Any, group: Group) -> Server:
    addresses = [
        address["addr"]
        for on_network in (server.addresses or {}).values()
        for address in on_network
        if address.get("version") == 4 and address.get("OS-EXT-IPS:type", "fixed") == "fixed"
    ]
    return Server(
        id=server.id,
        name=server.name,
        role=group.role,
        address=addresses[0] if addresses else "",
        network=group.network,
        project_id=server.project_id or group.project.id.value,
        host=server.hypervisor_hostname or server.host_id or "",
        zone=server.availability_zone or "",
    )
