"""Servers, as steps of the graph: asked for as many at a time as go to one network and place."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kb_tests.cloud.builder import Builder
from kb_tests.cloud.graph import Graph, Step
from kb_tests.cloud.layout import Layout
from kb_tests.cloud.networks import ClientSide, Ready
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.preflight import Supplies
from kb_tests.cloud.projects import Project
from kb_tests.cloud.topology import Role


@dataclass(frozen=True)
class Group:
    """Servers of one role on one network and in one place, asked for by one request; `names` in order.

    `create(suffix, count)` asks for that many: under the suffix as it is, or with -1, -2, ... after it.
    """

    role: Role
    network: str
    project: Project
    names: tuple[str, ...]
    create: Callable[[str, int], None]


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
    """Steps that ask for all servers: the proxy first, then those of each network and place at once."""
    common: dict[str, Any] = {"image_id": supplies.image_id}
    if options.availability_zone:
        common["availability_zone"] = options.availability_zone
    if options.config_drive:
        common["config_drive"] = True

    def add(
        role: Role,
        suffix: str,
        network: str,
        tenant: int,
        count: int,
        after: list[Step[Any]],
        place: str = "",
        **how: Any,
    ) -> Group:
        project = projects[tenant]
        names = [f"{suffix}-{number}" for number in range(1, count + 1)]

        def create(suffix: str, count: int) -> None:
            attributes = common | {name: value() for name, value in how.items()}
            if project.key_name:
                attributes["key_name"] = project.key_name
            if place:
                attributes["availability_zone"] = place
            if count > 1:
                attributes |= {"min_count": count, "max_count": count}
            builder.create(
                "server",
                suffix,
                on=project.compute.value,
                project=project.id.value,
                flavor_id=flavor_id.value,
                user_data=b64encode(boot[role].encode()).decode(),
                **attributes,
            )

        name = suffix if count > 1 or role is Role.PROXY else names[0]
        graph.add(f"servers {suffix}", lambda: create(name, count), [project.compute, flavor_id, *after])
        full = [suffix] if role is Role.PROXY else names
        return Group(role, network, project, tuple(map(builder.name, full)), create)

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
        # In an existing network, any of them could be given the address that the proxy's port asks for.
        own_address = [clients.proxy_port_id] if ready is clients.ready else []
        for number, (place, count) in enumerate(plan.dealt, start=1):
            groups.append(
                add(
                    plan.role,
                    plan.name if len(plan.dealt) == 1 else f"{plan.name}-{number}",
                    plan.name,
                    plan.tenant,
                    count,
                    [ready.routed, ready.group_id, *own_address],
                    place,
                    networks=lambda ready=ready: [{"uuid": ready.network.value.id}],
                    security_groups=lambda ready=ready: [{"name": ready.group_id.value}],
                )
            )
    return groups
