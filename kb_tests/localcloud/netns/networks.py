"""Bridges, routers and the cables between them and the servers: what the helper does of it.

Devices at a bridge have the names that the driver chose; every network namespace is a descriptor.
"""

# ruff: noqa: PTH110, PTH123 - as in the other modules of the helper

from __future__ import annotations

import fcntl
import os
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from kb_tests.localcloud.netns import congestion, linux
from kb_tests.localcloud.netns.rtnetlink import Netlink

OUTSIDE = "203.0.113.1"
"""Where this machine's connections through a floating IP come from, as a server sees it (RFC 5737)."""

_FLOATING = "127.77.0.0/16"
_METADATA = "169.254.169.254"
_BIND_ADDRESS_NO_PORT = 24
_SIOCGIFFLAGS, _IFF_RUNNING = 0x8913, 0x40
_ETHERNET, _IPV4, _ARP = 1, 0x0800, 0x0806
_SERVICE = 1.0
"""Seconds for a bridge to take a port into service; it takes a fraction of a millisecond."""


@dataclass
class _Router:
    """A namespace that forwards between its legs: device name to what the leg is."""

    network: int
    legs: dict[str, dict[str, Any]] = field(default_factory=dict)
    routes: set[tuple[str, str]] = field(default_factory=set)


def _sysctl(name: str, value: str) -> None:
    path = "/proc/sys/" + name
    if os.path.exists(path):
        with open(path, "w") as file:
            file.write(value)


def set_up_own_namespace() -> None:
    """Make the namespace of the bridges ready."""
    _set_up()
    _take_any_source()
    for table in ("arptables", "iptables", "ip6tables"):
        _sysctl(f"net/bridge/bridge-nf-call-{table}", "0")  # what crosses a bridge is no IP host's matter


def new_namespace() -> int:
    """A network namespace that is ready for its devices. Floating addresses are ordinary ones in it."""
    network = linux.new_network()
    with linux.inside_network(network):
        _set_up()
        _sysctl("net/ipv4/conf/all/route_localnet", "1")
    return network


def _set_up() -> None:
    """IPv4 only, loopback up."""
    _sysctl("net/ipv6/conf/all/disable_ipv6", "1")
    _sysctl("net/ipv4/tcp_congestion_control", congestion.of_guests())
    with Netlink() as netlink:
        netlink.set_up(1)


def _take_any_source() -> None:
    for name in ("all", "default"):
        _sysctl(f"net/ipv4/conf/{name}/rp_filter", "0")
        _sysctl(f"net/ipv4/conf/{name}/send_redirects", "0")


def put_network(name: str, mtu: int) -> int:
    """Make a bridge; the result is a socket that listens for its servers' metadata requests."""
    with Netlink() as netlink:
        netlink.add_bridge(name, mtu)
        netlink.commit()
        netlink.add_address(socket.if_nametoindex(name), _METADATA, 32)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((_METADATA, 80))
    listener.listen(512)
    return listener.detach()


def plug(port: dict[str, Any], device: str, network: int) -> None:
    """Lead a cable from the port's bridge to `device` in `network`, and give it its address."""
    with Netlink() as netlink:
        bridge = socket.if_nametoindex(port["bridge"])
        netlink.add_veth(port["name"], bridge, port["mtu"], device, port["mac"], network)
    with linux.inside_network(network), Netlink() as netlink:
        index = socket.if_nametoindex(device)
        netlink.add_address(index, port["address"], port["prefix"])
        netlink.set_up(index)
    _announce(port, device, network)


def _announce(port: dict[str, Any], device: str, network: int) -> None:
    """Tell a network where an address is now: others may still know it at the port that had it before.

    The kernel does so when a device comes up (arp_notify), but nobody hears it where the bridge takes the
    port into service only then. Nor does the server's first ARP request do: who has looked at an address
    within the last second takes no other place for it, but from such an announcement.
    """
    mac, address = bytes.fromhex(port["mac"].replace(":", "")), socket.inet_aton(port["address"])
    request = struct.pack("!HHBBH", _ETHERNET, _IPV4, 6, 4, 1)
    frame = b"\xff" * 6 + mac + struct.pack("!H", _ARP) + request + mac + address + bytes(6) + address
    deadline = time.monotonic() + _SERVICE
    while not _in_service(port["name"]) and time.monotonic() < deadline:
        time.sleep(0.0005)
    with linux.inside_network(network):
        voice = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    with voice:
        voice.bind((device, _ARP))
        voice.send(frame)


def _in_service(port: str) -> bool:
    """Whether the kernel has seen that both ends of a cable are up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        found = fcntl.ioctl(asked, _SIOCGIFFLAGS, struct.pack("16s16x", port.encode()))
    return bool(struct.unpack_from("=H", found, 16)[0] & _IFF_RUNNING)


def plug_server(nic: dict[str, Any], network: int) -> None:
    """`plug` into a server, with its port's routes and the one to the metadata service."""
    plug(nic, nic["device"], network)
    with linux.inside_network(network), Netlink() as netlink:
        netlink.add_route(f"{_METADATA}/32", socket.if_nametoindex(nic["device"]))
        for destination, gateway in nic["routes"]:
            netlink.add_route(destination, gateway=gateway)
            if destination == "0.0.0.0/0":
                netlink.add_way_out(_FLOATING, gateway)


def unplug(name: str) -> None:
    """Remove a bridge, or a port with what is at its other end, if it is there."""
    try:
        index = socket.if_nametoindex(name)
    except OSError:
        return
    with Netlink() as netlink:
        netlink.delete(index)


def set_link(names: list[str], *, up: bool) -> None:
    """Connect or disconnect ports: the other end sees its carrier come or go."""
    with Netlink() as netlink:
        for name in names:
            netlink.set_up(socket.if_nametoindex(name), up=up)


class Routers:
    """The cloud's routers."""

    def __init__(self) -> None:
        self._routers: dict[str, _Router] = {}

    def put(self, name: str, legs: dict[str, dict[str, Any]], routes: set[tuple[str, str]]) -> None:
        """Give a router the legs and static routes that it should have."""
        router = self._routers.get(name)
        if router is None:
            router = self._routers[name] = _Router(new_namespace())
            with linux.inside_network(router.network), Netlink() as netlink:
                _take_any_source()
                _sysctl("net/ipv4/ip_forward", "1")
                netlink.add_address(1, OUTSIDE, 32)
        for leg in [leg for leg, known in router.legs.items() if legs.get(leg) != known]:
            del router.legs[leg]
            unplug(leg)
        for leg, wanted in legs.items():
            if leg not in router.legs:
                plug(wanted, leg, router.network)
                router.legs[leg] = wanted
        with linux.inside_network(router.network), Netlink() as netlink:
            for destination, gateway in router.routes - routes:
                netlink.delete_route(destination, gateway)
                with suppress(ProcessLookupError):  # gone with its leg
                    netlink.commit()
            for destination, gateway in routes:
                netlink.add_route(destination, gateway=gateway)
        router.routes = routes

    def delete(self, name: str) -> None:
        """Remove a router."""
        router = self._routers.pop(name, None)
        if router is not None:
            for leg in router.legs:
                unplug(leg)
            os.close(router.network)

    def upstream(self, name: str, source: str) -> int:
        """A TCP socket, not yet connected, that lives in a router's namespace: its connection comes from
        `source`, a floating address or OUTSIDE.
        """
        with linux.inside_network(self._routers[name].network):
            upstream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            upstream.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
            upstream.bind((source, 0))
        return upstream.detach()

    def gateway(self, name: str, port: int) -> int:
        """A socket that listens in a router's namespace for what servers send to floating addresses."""
        with linux.inside_network(self._routers[name].network):
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("", port))
            listener.listen(1024)
        return listener.detach()
