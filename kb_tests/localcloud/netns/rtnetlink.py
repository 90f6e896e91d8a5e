"""Network devices, addresses and routes by rtnetlink(7), without starting a process for each.

A `Netlink` works in the network namespace in which it was opened. Its methods queue requests;
`commit` sends them in one message, in order, and raises `OSError` for the first one refused.
"""

from __future__ import annotations

import os
import socket
import struct
from types import TracebackType

_NEWLINK, _DELLINK, _NEWADDR, _NEWROUTE, _DELROUTE = 16, 17, 20, 24, 25
_REQUEST, _ACK, _REPLACE, _EXCL, _CREATE = 0x1, 0x4, 0x100, 0x200, 0x400
_IFF_UP = 1

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_MASTER = 1, 3, 4, 10
_IFLA_LINKINFO, _IFLA_NET_NS_FD, _IFLA_INFO_KIND, _IFLA_INFO_DATA = 18, 28, 1, 2
_VETH_INFO_PEER = 1
_IFLA_BR_FORWARD_DELAY, _IFLA_BR_MCAST_SNOOPING = 1, 23
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY = 1, 4, 5
_TABLE_MAIN, _TABLE_LOCAL = 254, 255
_PROTOCOL_STATIC, _SCOPE_UNIVERSE, _SCOPE_LINK, _UNICAST = 4, 0, 253, 1


def _attribute(kind: int, value: bytes) -> bytes:
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + bytes(-length % 4)


def _text(value: str) -> bytes:
    return value.encode() + b"\0"


def _mac(value: str) -> bytes:
    return bytes.fromhex(value.replace(":", ""))


def _link_header(index: int = 0, *, up: bool = False, change: bool = False) -> bytes:
    flags, mask = (_IFF_UP if up else 0), (_IFF_UP if up or change else 0)
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, flags, mask)


class Netlink:
    """One conversation with the kernel; a context manager."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._queue: list[bytes] = []
        self._sequence = 0

    def __enter__(self) -> Netlink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.commit()
        self._socket.close()

    def _add(self, kind: int, flags: int, body: bytes) -> None:
        self._sequence += 1
        self._queue.append(
            struct.pack("=IHHII", 16 + len(body), kind, _REQUEST | _ACK | flags, self._sequence, 0) + body
        )

    def commit(self) -> None:
        """Send what was queued and wait for the kernel's answers."""
        queued, self._queue = self._queue, []
        for start in range(0, len(queued), 50):  # keeps the answers within the socket's buffer
            chunk = queued[start : start + 50]
            self._socket.send(b"".join(chunk))
            waiting = len(chunk)
            while waiting:
                waiting -= self._take_answers()

    def _take_answers(self) -> int:
        answers = self._socket.recv(65536)
        offset = count = 0
        refused = 0
        while offset < len(answers):
            (length,) = struct.unpack_from("=I", answers, offset)
            (number,) = struct.unpack_from("=i", answers, offset + 16)
            refused = refused or -number
            offset += (length + 3) & ~3
            count += 1
        if refused:
            raise OSError(refused, os.strerror(refused), "rtnetlink")
        return count

    def add_bridge(self, name: str, mtu: int) -> None:
        """A bridge that is up and learns at once (no forwarding delay)."""
        settings = _attribute(_IFLA_BR_FORWARD_DELAY, struct.pack("=I", 0))
        settings += _attribute(_IFLA_BR_MCAST_SNOOPING, b"\0")
        body = _link_header(up=True)
        body += _attribute(_IFLA_IFNAME, _text(name)) + _attribute(_IFLA_MTU, struct.pack("=I", mtu))
        body += _attribute(
            _IFLA_LINKINFO,
            _attribute(_IFLA_INFO_KIND, b"bridge") + _attribute(_IFLA_INFO_DATA, settings),
        )
        self._add(_NEWLINK, _CREATE | _EXCL, body)

    def add_veth(self, name: str, bridge: int, mtu: int, peer: str, peer_mac: str, peer_network: int) -> None:
        """A cable from port `name` of the bridge with index `bridge` to the device `peer` in the
        network namespace behind the descriptor `peer_network`. The port is up, the peer is not.
        """
        mtu_attribute = _attribute(_IFLA_MTU, struct.pack("=I", mtu))
        far_end = _link_header() + _attribute(_IFLA_IFNAME, _text(peer))
        far_end += _attribute(_IFLA_ADDRESS, _mac(peer_mac)) + mtu_attribute
        far_end += _attribute(_IFLA_NET_NS_FD, struct.pack("=I", peer_network))
        body = _link_header(up=True) + _attribute(_IFLA_IFNAME, _text(name)) + mtu_attribute
        body += _attribute(_IFLA_MASTER, struct.pack("=I", bridge))
        body += _attribute(
            _IFLA_LINKINFO,
            _attribute(_IFLA_INFO_KIND, b"veth")
            + _attribute(_IFLA_INFO_DATA, _attribute(_VETH_INFO_PEER, far_end)),
        )
        self._add(_NEWLINK, _CREATE | _EXCL, body)

    def set_up(self, index: int, *, up: bool = True) -> None:
        """Bring a device up, or down."""
        self._add(_NEWLINK, 0, _link_header(index, up=up, change=True))

    def set_master(self, index: int, bridge: int) -> None:
        """Make a device a port of a bridge."""
        self._add(_NEWLINK, 0, _link_header(index) + _attribute(_IFLA_MASTER, struct.pack("=I", bridge)))

    def move(self, index: int, network: int) -> None:
        """Take a device to the network namespace behind a descriptor; there it is down, and no bridge's."""
        self._add(_NEWLINK, 0, _link_header(index) + _attribute(_IFLA_NET_NS_FD, struct.pack("=I", network)))

    def delete(self, index: int) -> None:
        """Remove a device, and with a veth its peer."""
        self._add(_DELLINK, 0, _link_header(index))

    def add_address(self, index: int, address: str, prefix: int) -> None:
        """Give a device an IPv4 address."""
        packed = socket.inet_aton(address)
        body = struct.pack("=BBBBi", socket.AF_INET, prefix, 0, 0, index)
        body += _attribute(_IFA_LOCAL, packed) + _attribute(_IFA_ADDRESS, packed)
        self._add(_NEWADDR, _CREATE | _EXCL, body)

    def add_route(self, destination: str, index: int | None = None, gateway: str | None = None) -> None:
        """Send `destination` (a CIDR) through a gateway, or straight out of the device `index`."""
        self._add(_NEWROUTE, _CREATE | _REPLACE, _route(destination, index, gateway))

    def add_way_out(self, destination: str, gateway: str) -> None:
        """Send `destination`, a part of 127.0.0.0/8, through a gateway: the kernel keeps that network to
        itself by the table that it looks into first.
        """
        self._add(_NEWROUTE, _CREATE | _REPLACE, _route(destination, None, gateway, _TABLE_LOCAL))

    def delete_route(self, destination: str, gateway: str) -> None:
        """Take a route away."""
        self._add(_DELROUTE, 0, _route(destination, None, gateway))


def _route(destination: str, index: int | None, gateway: str | None, table: int = _TABLE_MAIN) -> bytes:
    network, _, prefix = destination.partition("/")
    scope = _SCOPE_UNIVERSE if gateway else _SCOPE_LINK
    kind = (socket.AF_INET, int(prefix or 32), 0, 0, table, _PROTOCOL_STATIC, scope, _UNICAST, 0)
    body = struct.pack("=BBBBBBBBI", *kind) + _attribute(_RTA_DST, socket.inet_aton(network))
    if gateway is not None:
        body += _attribute(_RTA_GATEWAY, socket.inet_aton(gateway))
    if index is not None:
        body += _attribute(_RTA_OIF, struct.pack("=I", index))
    return body
