"""Networks, subnets, routers, security groups and the proxy's addresses, as steps of the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from kb_tests.cloud import group_rules
from kb_tests.cloud.builder import Builder
from kb_tests.cloud.connect import SSH_PORT
from kb_tests.cloud.graph import Graph, Step, known
from kb_tests.cloud.interfaces import add_interface
from kb_tests.cloud.layout import Layout, NetworkPlan, RouterPlan
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.preflight import Supplies
from kb_tests.cloud.projects import Project

HTTP_PORT = 80

Rule = tuple[int, str]
"""A TCP port, and the CIDR that may reach it."""


@dataclass(frozen=True)
class Network:
    """A network: its id, and its MTU in bytes, 0 where Neutron does not say."""

    id: str
    mtu: int


@dataclass(frozen=True)
class Ready:
    """A network that servers can be put on, once it and its way out, a router, are made."""

    plan: NetworkPlan
    network: Step[Network]
    group_id: Step[str]
    routed: Step[Any]
    router_id: Step[str]


@dataclass(frozen=True)
class ClientSide:
    """The client network, and what the proxy needs there; `floating_ip` is its address or None."""

    ready: Ready
    subnet_id: Step[str]
    router_id: Step[str]
    proxy_port_id: Step[str]
    floating_ip: Step[str] | None


def add_client_side(
    graph: Graph,
    builder: Builder,
    layout: Layout,
    project: Project,
    supplies: Supplies,
    options: StageOptions,
) -> ClientSide:
    """Steps for the client network, its router with the external gateway, and the proxy's port."""
    plan, existing = layout.clients, layout.existing
    if existing.network:
        network = known("network", Network(existing.network, existing.mtu))
        subnet_id = known("subnet", existing.subnet)
    else:
        network = _add_network(graph, builder, plan, project)
        subnet_id = _add_subnet(graph, builder, layout, plan, project, network, layout.host_routes)
    proxy_rules = [(SSH_PORT, group_rules.ANYWHERE)]
    proxy_rules += [(options.redis_port, cidr) for cidr in layout.run_subnets]
    proxy_group = _add_group(graph, builder, "proxy", lambda: proxy_rules, project)
    group = _add_group(graph, builder, plan.name, lambda: [(SSH_PORT, plan.cidr)], project)

    def make_router() -> str:
        gateway = {"network_id": supplies.external_network_id}
        extra: dict[str, Any] = {"external_gateway_info": gateway} if supplies.external_network_id else {}
        return str(builder.create("router", plan.name, **project.scope, **extra).id)

    what = f"client network {plan.name}"
    router_id = known("router", existing.router)
    if existing.network:
        routed = known("routed", None)
    elif existing.router:
        leg_id = _add_leg(graph, builder, plan.name, project, network, subnet_id, plan.gateway)
        routed = add_interface(graph, builder, what, router_id, port=leg_id)
    else:
        router_id = graph.add("router client", make_router, [project.network_ready])
        routed = add_interface(graph, builder, what, router_id, subnet=subnet_id)

    def make_proxy_port() -> str:
        port = builder.create(
            "port",
            "proxy",
            network_id=network.value.id,
            fixed_ips=[{"subnet_id": subnet_id.value, "ip_address": layout.proxy_address}],
            security_groups=[proxy_group.value],
            **project.scope,
        )
        return str(port.id)

    proxy_port_id = graph.add("port proxy", make_proxy_port, [subnet_id, proxy_group])

    def make_floating_ip() -> str:
        floating = builder.create(
            "floating_ip",
            "proxy",
            floating_network_id=supplies.external_network_id,
            port_id=proxy_port_id.value,
            **project.scope,
        )
        return str(floating.floating_ip_address)

    floating_ip = (
        graph.add("floating IP", make_floating_ip, [proxy_port_id, routed]) if options.floating_ip else None
    )
    ready = Ready(plan, network, group, routed, router_id)
    return ClientSide(ready, subnet_id, router_id, proxy_port_id, floating_ip)


def add_server_side(
    graph: Graph,
    builder: Builder,
    layout: Layout,
    projects: dict[int, Project],
    clients: ClientSide,
    supplies: Supplies,
    visitors: Step[list[str]] | None = None,
) -> list[Ready]:
    """Steps for every server router with its leg in the client network, and the networks behind it, each
    with a security group of its own. HTTP is open to the clients, or to the CIDRs of `visitors`, those of
    clients on another cloud.
    """
    cidr = layout.clients.cidr
    comers = visitors or known("clients", [cidr])

    def rules() -> list[Rule]:
        return [(SSH_PORT, cidr), *((HTTP_PORT, comer) for comer in comers.value)]

    def add_group(plan: NetworkPlan) -> Step[str]:
        return _add_group(graph, builder, plan.name, rules, projects[plan.tenant], after=[comers])

    outside = supplies.external_network_id if layout.ways_out else ""
    return [
        ready
        for router in layout.routers
        for ready in _add_router(
            graph, builder, layout, router, projects[router.tenant], clients, add_group, outside
        )
    ]


def _add_router(
    graph: Graph,
    builder: Builder,
    layout: Layout,
    router: RouterPlan,
    project: Project,
    clients: ClientSide,
    add_group: Callable[[NetworkPlan], Step[str]],
    outside: str,
) -> list[Ready]:
    def make_router() -> str:
        extra: dict[str, Any] = {"external_gateway_info": {"network_id": outside}} if outside else {}
        return str(builder.create("router", router.name, **project.scope, **extra).id)

    on_existing = bool(layout.existing.network)
    if on_existing:
        router_id = known("router", layout.existing.router)
        leg = known("leg", None)
    else:
        router_id = graph.add(f"router {router.name}", make_router, [project.network_ready])
        client_network = clients.ready.network
        leg_id = _add_leg(graph, builder, router.name, project, client_network, clients.subnet_id, router.leg)
        leg = add_interface(graph, builder, f"leg of {router.name}", router_id, port=leg_id)
    networks = []
    for plan in router.networks:
        network = _add_network(graph, builder, plan, project)
        subnet_id = _add_subnet(graph, builder, layout, plan, project, network)
        what = f"network {plan.name}"
        if on_existing:
            gateway = _add_leg(graph, builder, plan.name, project, network, subnet_id, plan.gateway)
            interface = add_interface(graph, builder, what, router_id, port=gateway)
        else:
            interface = add_interface(graph, builder, what, router_id, subnet=subnet_id)
        routed = graph.add(f"routed {plan.name}", lambda: None, [leg, interface])
        networks.append(Ready(plan, network, add_group(plan), routed, router_id))
    return networks


def _add_leg(
    graph: Graph,
    builder: Builder,
    name: str,
    project: Project,
    network: Step[Network],
    subnet_id: Step[str],
    address: str,
) -> Step[str]:
    """A port that becomes a router's: it has the run's mark, which interfaces made of a subnet lack."""

    def make() -> str:
        leg = builder.create(
            "port",
            f"leg-{name}",
            network_id=network.value.id,
            fixed_ips=[{"subnet_id": subnet_id.value, "ip_address": address}],
            security_groups=[],
            **project.scope,
        )
        return str(leg.id)

    return graph.add(f"leg {name}", make, [project.network_ready, network, subnet_id])


def _add_network(graph: Graph, builder: Builder, plan: NetworkPlan, project: Project) -> Step[Network]:
    def make() -> Network:
        made = builder.create("network", plan.name, **project.scope)
        return Network(str(made.id), int(made.mtu or 0))

    return graph.add(f"network {plan.name}", make, [project.network_ready])


def _add_subnet(
    graph: Graph,
    builder: Builder,
    layout: Layout,
    plan: NetworkPlan,
    project: Project,
    network: Step[Network],
    routes: tuple[tuple[str, str], ...] = (),
) -> Step[str]:
    def make() -> str:
        extra: dict[str, Any] = {}
        if layout.nameservers:
            extra["dns_nameservers"] = list(layout.nameservers)
        if routes:
            extra["host_routes"] = [{"destination": to, "nexthop": via} for to, via in routes]
        subnet = builder.create(
            "subnet",
            plan.name,
            network_id=network.value.id,
            ip_version=4,
            cidr=plan.cidr,
            gateway_ip=plan.gateway,
            allocation_pools=[{"start": plan.first, "end": plan.last}],
            **project.scope,
            **extra,
        )
        return str(subnet.id)

    return graph.add(f"subnet {plan.name}", make, [network])


def _add_group(
    graph: Graph,
    builder: Builder,
    suffix: str,
    wanted_rules: Callable[[], list[Rule]],
    project: Project,
    after: Iterable[Step[Any]] = (),
) -> Step[str]:
    def make() -> str:
        wanted = [group_rules.EGRESS, *(group_rules.ingress(port, cidr) for port, cidr in wanted_rules())]
        group = builder.create("security_group", suffix, **project.scope)
        network = builder.cloud.connection.network

        def post_missing(there: Iterable[Any]) -> None:
            made = {group_rules.meaning(rule) for rule in there}
            missing = [rule for rule in wanted if group_rules.meaning(rule) not in made]
            if missing:
                network.create_security_group_rules(
                    [{"security_group_id": group.id} | rule | project.scope for rule in missing]
                )

        def look() -> None:
            post_missing(network.security_group_rules(security_group_id=group.id))

        def first() -> None:
            """Neutron told what a new group has already, by the templates of its operator."""
            told = group.security_group_rules
            post_missing(told) if isinstance(told, list) else look()

        builder.call(f"the rules of {group.name}", _first_then(first, look))
        return str(group.id)

    return graph.add(f"security group {suffix}", make, [project.network_ready, *after])


def _first_then(first: Callable[[], None], again: Callable[[], None]) -> Callable[[], None]:
    """A call that is `first` once and `again` ever after: what may have worked is looked at before."""
    calls = iter([first])
    return lambda: next(calls, again)()
