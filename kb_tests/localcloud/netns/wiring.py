"""Networks as bridges, and the routers between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kb_tests.localcloud.driver import DriverError, Nic, RouterSpec
from kb_tests.localcloud.netns.gateway import Gateways
from kb_tests.localcloud.netns.link import HelperLink
from kb_tests.localcloud.netns.metadata import MetadataService


@dataclass
class _Network:
    bridge: str
    mtu: int


class Wiring:
    """What is between servers. `numbers` make names of devices; metadata is served in each network, and each
    router's gateway forwards.
    """

    def __init__(
        self, link: HelperLink, metadata: MetadataService, gateways: Gateways, numbers: Iterator[int]
    ) -> None:
        self._link = link
        self._metadata = metadata
        self._gateways = gateways
        self._numbers = numbers
        self._networks: dict[str, _Network] = {}
        self._routers: dict[str, tuple[str, RouterSpec]] = {}
        self._leg_devices: dict[tuple[str, str], str] = {}

    def bridge(self, network_id: str) -> str:
        """The device of a network; raises DriverError where there is none."""
        return self._network(network_id).bridge

    async def put_network(self, network_id: str, mtu: int) -> None:
        """Make a bridge, if there is none."""
        if network_id in self._networks:
            return
        network = self._networks[network_id] = _Network(f"b{next(self._numbers)}", mtu)
        try:
            (listener,) = await self._link.ask("network", name=network.bridge, mtu=mtu)
        except DriverError:
            del self._networks[network_id]
            raise
        await self._metadata.listen(network_id, listener)

    async def delete_network(self, network_id: str) -> None:
        """Remove a bridge."""
        network = self._networks.pop(network_id, None)
        if network is not None:
            self._metadata.forget(network_id)
            await self._link.ask_removal("unplug", name=network.bridge)

    async def put_router(self, router: RouterSpec) -> None:
        """Give a router the legs and routes it should have."""
        known = self._routers.get(router.id)
        name = known[0] if known else f"r{next(self._numbers)}"
        self._routers[router.id] = (name, router)
        legs = []
        for leg in router.legs:
            network = self._network(leg.network_id)
            key = (router.id, leg.port_id)
            if key not in self._leg_devices:
                self._leg_devices[key] = f"l{next(self._numbers)}"
            legs.append(
                {
                    "name": self._leg_devices[key],
                    "bridge": network.bridge,
                    "mtu": network.mtu,
                    "mac": leg.mac,
                    "address": leg.address,
                    "prefix": leg.prefix,
                }
            )
        await self._link.ask("router", name=name, legs=legs, routes=list(router.routes))
        await self._gateways.put(name, router.gateway)

    async def delete_router(self, router_id: str) -> None:
        """Remove a router."""
        name, _ = self._routers.pop(router_id, (None, None))
        for key in [key for key in self._leg_devices if key[0] == router_id]:
            del self._leg_devices[key]
        if name is not None:
            self._gateways.forget(name)
            await self._link.ask_removal("router-delete", name=name)

    def router_of(self, nic: Nic) -> str:
        """The router that is the gateway of this port, else any with a leg in its network."""
        found = None
        for name, router in self._routers.values():
            for leg in router.legs:
                if leg.network_id == nic.network_id:
                    if leg.address == nic.gateway:
                        return name
                    found = name
        if found is None:
            raise DriverError(f"No router has a leg in network {nic.network_id}.")
        return found

    def _network(self, network_id: str) -> _Network:
        try:
            return self._networks[network_id]
        except KeyError:
            raise DriverError(f"There is no network {network_id}.") from None
