"""What is on a cloud already, used as it is: a router, a network.

Nothing of it is made, marked or removed by us. Of our own on it are ports, each with its run's mark, which go
with the run: by that a router loses again what it gained.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_address
from threading import Event
from typing import Any

from kb_tests.cloud.caller import Caller
from kb_tests.cloud.calls import understood
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.kinds import ROUTER_INTERFACES
from kb_tests.cloud.layout import Existing, Layout
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.signed_in import makes_projects
from kb_tests.errors import CapacityError


def adopt(cloud: Cloud, layout: Layout, options: StageOptions) -> Layout:
    """`layout` on the network and router that `options` name, with a way out where packages are to come in.

    On an existing network are the proxy and the clients; HTTP servers are on networks of the run's own,
    behind that network's router. On an existing router alone hangs the client network of the run's own.
    Raises CapacityError where one of them is not there, or does not suit.
    """
    for address in options.nameservers:
        if not _is_address(address):
            raise CapacityError(
                f"Nameserver {address!r} is no IP address, as which Neutron hands it to servers.",
                remedy="Give the address of one.",
            )
    layout = replace(layout, online=options.packages, nameservers=options.nameservers)
    if not (options.network or options.router):
        return layout
    if layout.outside:
        raise CapacityError(
            "An existing network or router cannot carry servers that another cloud loads.",
            remedy="Leave --kb-network and --kb-router out.",
        )
    look = _Look(
        Caller(cloud, until=time.monotonic() + cloud.patience.questions, stop=Event()), layout, options
    )
    with understood(cloud.name):
        return look.on_network() if options.network else look.on_router()


class _Look:
    """Asks a cloud for what it has already."""

    def __init__(self, caller: Caller, layout: Layout, options: StageOptions) -> None:
        self._caller = caller
        self._layout = layout
        self._options = options
        self._network: Any = caller.cloud.connection.network
        self._cloud = caller.cloud.name

    def on_router(self) -> Layout:
        router = self._named_router(self._options.router)
        wanted = [self._layout.clients.cidr]
        self._no_overlap(router, wanted)
        return replace(self._layout, existing=Existing(router=str(router.id), external=self._way_out(router)))

    def on_network(self) -> Layout:
        layout, options = self._layout, self._options
        network = self._named("network", options.network, self._list("networks"))
        if makes_projects(self._caller, layout, options) and not network.is_shared:
            raise CapacityError(
                f"Network {network.name} of cloud {self._cloud!r} is not shared: the run's own "
                "projects cannot use it.",
                remedy="Name its project in clouds.yaml, and give --kb-existing-project.",
            )
        if network.is_port_security_enabled is False:
            raise CapacityError(
                f"Network {network.name} of cloud {self._cloud!r} has no port security: no security "
                "group can keep others from the proxy and the servers.",
                remedy="Name a network that has it, or let its owner enable it.",
            )
        subnet = self._subnet(network)
        cidr = IPv4Network(subnet.cidr)
        proxy = self._free_address(network, subnet)
        router = self._router_of(network, subnet)
        if router is None and (layout.routers or options.floating_ip):
            why = "behind which HTTP servers could be" if layout.routers else "for the proxy's floating IP"
            raise CapacityError(
                f"The gateway of network {network.name} is no router of cloud {self._cloud!r} {why}.",
                remedy="Attach one, or name another network."
                if layout.routers
                else "Reach the proxy at its fixed address, by --kb-no-floating-ip.",
            )
        if len(layout.routers) > 1:
            raise CapacityError(
                f"Scenario {layout.scenario} asks for {len(layout.routers)} server routers; an existing "
                "network has but its own.",
                remedy="Use one tenant and one router, with more networks or servers behind it.",
            )
        external = ""
        if router is not None:
            self._no_overlap(router, [server.supernet for server in layout.routers])
            external = self._way_out(router)
        return replace(
            layout,
            clients=replace(layout.clients, cidr=str(cidr), gateway=str(subnet.gateway_ip or "")),
            proxy_address=proxy,
            existing=Existing(
                router=str(router.id) if router is not None else "",
                external=external,
                network=str(network.id),
                subnet=str(subnet.id),
                mtu=int(network.mtu or 0),
            ),
        )

    def _list(self, kind: str, **query: Any) -> list[Any]:
        listing = getattr(self._network, kind)
        return self._caller.call(f"listing {kind}", lambda: list(listing(**query)))

    def _named(self, kind: str, wanted: str, found: Iterable[Any]) -> Any:
        there = list(found)
        matching = [one for one in there if wanted in (one.name, one.id)]
        if len(matching) == 1:
            return matching[0]
        if matching:
            raise CapacityError(
                f"Cloud {self._cloud!r} has several {kind}s {wanted!r}.", remedy="Name one by its id."
            )
        names = ", ".join(sorted(str(one.name) for one in there if one.name)[:10])
        raise CapacityError(
            f"Cloud {self._cloud!r} has no {kind} {wanted!r}; it has {names or 'none'}.",
            remedy="Give the name or id of one.",
        )

    def _named_router(self, wanted: str) -> Any:
        return self._named("router", wanted, self._list("routers"))

    def _subnet(self, network: Any) -> Any:
        """The one from which servers get their addresses."""
        found = self._list("subnets", network_id=network.id)
        suitable = [one for one in found if one.ip_version == 4 and one.is_dhcp_enabled]
        if len(suitable) == 1:
            return suitable[0]
        raise CapacityError(
            f"Network {network.name} of cloud {self._cloud!r} has {len(suitable)} IPv4 subnets "
            "with DHCP; it takes one, so that it can be said which addresses servers get.",
            remedy="Name another network.",
        )

    def _free_address(self, network: Any, subnet: Any) -> str:
        """For the proxy: any, as somebody else may be about to take the next one."""
        taken = {
            ip.get("ip_address")
            for port in self._list("ports", network_id=network.id)
            for ip in port.fixed_ips or ()
        }
        free = [address for address in _addresses(subnet.allocation_pools or ()) if address not in taken]
        needed = self._layout.clients.servers + 1
        if len(free) < needed:
            raise CapacityError(
                f"Network {network.name} of cloud {self._cloud!r} has {len(free)} free addresses; "
                f"scenario {self._layout.scenario} needs {needed}.",
                remedy="Name a larger network, or make the scenario smaller.",
            )
        return secrets.choice(free)

    def _router_of(self, network: Any, subnet: Any) -> Any | None:
        """The router that is the subnet's gateway, if it is one of the cloud's."""
        ids = {
            str(port.device_id)
            for port in self._list("ports", network_id=network.id)
            if (port.device_owner or "").startswith(ROUTER_INTERFACES)
            and any(ip.get("ip_address") == subnet.gateway_ip for ip in port.fixed_ips or ())
        }
        found = [router for router in self._list("routers") if router.id in ids]
        if self._options.router:
            wanted = self._named_router(self._options.router)
            if wanted.id not in ids:
                raise CapacityError(
                    f"Router {wanted.name} is not the gateway of network {network.name} on cloud "
                    f"{self._cloud!r}.",
                    remedy="Leave --kb-router out: the network's own is used.",
                )
        return found[0] if found else None

    def _way_out(self, router: Any) -> str:
        """The external network behind a router, "" where the proxy needs none."""
        external = str((router.external_gateway_info or {}).get("network_id") or "")
        if not (self._options.floating_ip or self._options.packages):
            return ""
        if not external:
            why = "the proxy's floating IP" if self._options.floating_ip else "packages to come in"
            raise CapacityError(
                f"Router {router.name} of cloud {self._cloud!r} has no external gateway for {why}.",
                remedy="Set one, or reach the proxy at its fixed address, by --kb-no-floating-ip.",
            )
        wanted = self._options.external_network
        if wanted and wanted != external:
            named = self._named("external network", wanted, self._list("networks", is_router_external=True))
            if named.id != external:
                raise CapacityError(
                    f"Router {router.name} leads to another external network than {wanted!r}.",
                    remedy="Leave --kb-external-network out, or name another router.",
                )
        return external

    def _no_overlap(self, router: Any, wanted: Sequence[str]) -> None:
        """A router takes no two networks that overlap; those of another run that uses it would."""
        ids = {
            ip.get("subnet_id")
            for port in self._list("ports", device_id=router.id)
            for ip in port.fixed_ips or ()
        }
        for subnet in self._list("subnets"):
            there = subnet.id in ids and subnet.ip_version == 4
            if there and any(IPv4Network(subnet.cidr).overlaps(IPv4Network(cidr)) for cidr in wanted):
                raise CapacityError(
                    f"Router {router.name} of cloud {self._cloud!r} has a network {subnet.cidr} "
                    f"already, which overlaps with {', '.join(wanted)} of this run.",
                    remedy="Wait for the other run, or name another router.",
                )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _addresses(pools: Iterable[Any]) -> Iterable[str]:
    for pool in pools:
        for number in range(int(IPv4Address(pool["start"])), int(IPv4Address(pool["end"])) + 1):
            yield str(IPv4Address(number))
