"""The ports of servers: their devices at the bridges, and the rules that stand for them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kb_tests.localcloud.driver import Nic, Rule
from kb_tests.localcloud.netns import firewall
from kb_tests.localcloud.netns.batch import Batch
from kb_tests.localcloud.netns.link import HelperGoneError


@dataclass(frozen=True)
class Port:
    """A plugged port: its device at the bridge, and the one in the server."""

    device: str
    inner: str
    nic: Nic
    server_id: str
    bridge: str


class Ports:
    """Every port that is plugged, and the rules of every port, plugged or not.

    A device name is used once, so that a port that is on its way out never meets its successor.
    """

    def __init__(self, nft: Batch, new_name: Callable[[], str]) -> None:
        self._nft = nft
        self._new_name = new_name
        self._ports: dict[str, Port] = {}
        self._rules: dict[str, tuple[Rule, ...] | None] = {}
        self._down: set[str] = set()
        self._guarded: set[str] = set()

    def get(self, port_id: str) -> Port | None:
        """A plugged port."""
        return self._ports.get(port_id)

    def of_server(self, server_id: str) -> Iterator[Port]:
        """The plugged ports of a server."""
        return (port for port in self._ports.values() if port.server_id == server_id)

    def at(self, network_id: str, address: str) -> Port | None:
        """The plugged port that has an address in a network."""
        for port in self._ports.values():
            if port.nic.network_id == network_id and port.nic.address == address:
                return port
        return None

    async def put_rules(self, port_id: str, rules: tuple[Rule, ...] | None, *, up: bool) -> None:
        """Replace what a port lets through, now or when it is plugged."""
        self._rules[port_id] = rules
        (self._down.discard if up else self._down.add)(port_id)
        port = self._ports.get(port_id)
        if port is not None:
            await self._guard(port)

    async def add(
        self, server_id: str, nics: tuple[Nic, ...], bridges: tuple[str, ...]
    ) -> list[dict[str, Any]]:
        """Guard new ports, each at its bridge; what the helper needs to plug them."""
        used = {port.inner for port in self.of_server(server_id)}
        free = (name for name in map("eth{}".format, itertools.count()) if name not in used)
        ports = [
            Port(self._new_name(), next(free), nic, server_id, bridge)
            for nic, bridge in zip(nics, bridges, strict=True)
        ]
        self._ports.update((port.nic.port_id, port) for port in ports)
        await asyncio.gather(*map(self._guard, ports))
        return [_plug(port) for port in ports]

    async def remove(self, *ports: Port) -> None:
        """Forget ports that are unplugged, but not their rules."""
        text = ""
        for port in ports:
            self._ports.pop(port.nic.port_id, None)
            if port.device in self._guarded:
                self._guarded.discard(port.device)
                text += firewall.unguard(port.device)
        if text:
            with suppress(HelperGoneError):
                await self._nft.add(text)

    def forget_rules(self, port_id: str) -> None:
        """A port is gone for good."""
        self._rules.pop(port_id, None)
        self._down.discard(port_id)

    async def _guard(self, port: Port) -> None:
        rules = self._rules.get(port.nic.port_id, ())
        if port.nic.port_id in self._down:
            self._guarded.add(port.device)
            await self._nft.add(firewall.shut(port.device))
        elif rules is not None:
            self._guarded.add(port.device)
            await self._nft.add(firewall.guard(port.device, port.nic.mac, port.nic.address, rules))
        elif port.device in self._guarded:
            self._guarded.discard(port.device)
            await self._nft.add(firewall.unguard(port.device))


def _plug(port: Port) -> dict[str, Any]:
    nic = port.nic
    return {
        "name": port.device,
        "device": port.inner,
        "bridge": port.bridge,
        "mtu": nic.mtu,
        "mac": nic.mac,
        "address": nic.address,
        "prefix": nic.prefix,
        "routes": [*nic.routes, *([("0.0.0.0/0", nic.gateway)] if nic.gateway else [])],
    }
