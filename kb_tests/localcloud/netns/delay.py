"""A cable that takes time: a process that holds each frame between a server's port and its bridge.

Few kernels have netem. So the port leaves the bridge for a network namespace of its own, the end of another
cable takes its name and place (the packet filter knows ports by name), and this process carries frames
between the two, whole as the kernel has them: segmentation and checksums are left to whoever would do them
otherwise. In each direction frames keep their order, and leave no earlier than the delay after they came.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

from kb_tests.localcloud.netns import linux, networks
from kb_tests.localcloud.netns.rtnetlink import Netlink

_BRIDGE_END = "bridge"

_ETH_P_ALL, _SOL_PACKET = 3, 263
_PACKET_VNET_HDR, _PACKET_IGNORE_OUTGOING = 15, 23
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_BUFFER = 8 << 20

_LARGEST_FRAME = 10 + 18 + (1 << 16)
_HELD_AT_MOST = 20_000  # frames in one direction; more are lost, as in a real queue
_READ_AT_ONCE = 64
_DELAYS = struct.Struct("=dd")


@dataclass
class _Carrier:
    """The process of one port, how it is told of other delays, and the namespace of the port."""

    pid: int
    control: int
    network: int


class Delays:
    """The delayed ports of a cloud."""

    def __init__(self) -> None:
        self._carriers: dict[str, _Carrier] = {}

    def put(self, name: str, bridge: str, mtu: int, delays: tuple[float, float]) -> None:
        """Hold for so many seconds what goes to the server behind port `name`, and what comes from it. (0, 0)
        makes it an ordinary port again; what is held at that moment is lost.
        """
        carrier = self._carriers.get(name)
        if carrier is None and any(delays):
            self._begin(name, bridge, mtu, delays)
        elif carrier is not None and any(delays):
            os.write(carrier.control, _DELAYS.pack(*delays))
        elif carrier is not None:
            networks.unplug(name)
            home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                with linux.inside_network(carrier.network), Netlink() as netlink:
                    netlink.move(socket.if_nametoindex(name), home)
            finally:
                os.close(home)
            _join(name, bridge)
            self._forget(name)

    def _begin(self, name: str, bridge: str, mtu: int, delays: tuple[float, float]) -> None:
        network = networks.new_namespace()
        ends: list[socket.socket] = []
        try:
            with Netlink() as netlink:
                netlink.move(socket.if_nametoindex(name), network)
                index = socket.if_nametoindex(bridge)
                netlink.commit()
                netlink.add_veth(name, index, mtu, _BRIDGE_END, _ANY_MAC, network)
            with linux.inside_network(network):
                with Netlink() as netlink:
                    for end in (_BRIDGE_END, name):
                        netlink.set_up(socket.if_nametoindex(end))
                ends += [_tap(end) for end in (_BRIDGE_END, name)]
            control_read, control = os.pipe2(os.O_CLOEXEC)
            pid = _fork(ends[0], ends[1], control_read, delays)
            os.close(control_read)
        except OSError:
            os.close(network)
            raise
        finally:
            for each in ends:
                each.close()
        self._carriers[name] = _Carrier(pid, control, network)

    def remove(self, name: str) -> None:
        """A port is unplugged: let it go from its namespace too."""
        carrier = self._carriers.get(name)
        if carrier is not None:
            with linux.inside_network(carrier.network):
                networks.unplug(name)
            self._forget(name)

    def _forget(self, name: str) -> None:
        carrier = self._carriers.pop(name)
        with suppress(ProcessLookupError):
            os.kill(carrier.pid, signal.SIGKILL)
        os.close(carrier.control)
        os.close(carrier.network)

    def ended(self, pid: int) -> None:
        """A process of the cloud is gone: if it was that of a port, so is the port's server."""
        for name, carrier in list(self._carriers.items()):
            if carrier.pid == pid:
                self.remove(name)


_ANY_MAC = "02:00:00:00:00:01"
"""Of the end that only the carrying process looks at."""


def _join(name: str, bridge: str) -> None:
    with Netlink() as netlink:
        index = socket.if_nametoindex(name)
        netlink.set_master(index, socket.if_nametoindex(bridge))
        netlink.set_up(index)


def _tap(device: str) -> socket.socket:
    """A socket that takes all that comes in at a device and sends by it, with virtio's header of offloads."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    for option, value in ((_PACKET_VNET_HDR, 1), (_PACKET_IGNORE_OUTGOING, 1)):
        tap.setsockopt(_SOL_PACKET, option, value)
    for forced, option in ((_SO_RCVBUFFORCE, socket.SO_RCVBUF), (_SO_SNDBUFFORCE, socket.SO_SNDBUF)):
        tap.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        with suppress(OSError):  # needs rights over the host
            tap.setsockopt(socket.SOL_SOCKET, forced, _BUFFER)
    tap.bind((device, _ETH_P_ALL))
    return tap


def _fork(bridge: socket.socket, server: socket.socket, control: int, delays: tuple[float, float]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            given = [os.dup(fd) for fd in (bridge.fileno(), server.fileno(), control)]
            _serve(given, delays)
        finally:
            os._exit(0)
    return pid


def _serve(given: list[int], delays: tuple[float, float]) -> None:
    """Carry between these descriptors, and hold no other of the helper's."""
    for place, fd in enumerate(given):
        os.dup2(fd, 1000 + place)
    for place in range(len(given)):
        os.dup2(1000 + place, 3 + place)
    os.closerange(3 + len(given), 1 << 20)
    linux.be_punctual()
    with socket.socket(fileno=3) as bridge, socket.socket(fileno=4) as server:
        carry(bridge, server, 5, delays)


@dataclass
class _Way:
    """One direction: frames with the times at which they leave."""

    source: socket.socket
    target: socket.socket
    delay: float
    held: deque[tuple[float, bytes]] = field(default_factory=deque)

    def take(self) -> None:
        """Read what has come."""
        with suppress(BlockingIOError):
            for _ in range(_READ_AT_ONCE):
                frame = self.source.recv(_LARGEST_FRAME, socket.MSG_DONTWAIT)
                if len(self.held) < _HELD_AT_MOST:
                    self.held.append((time.monotonic() + self.delay, frame))

    def give(self) -> float | None:
        """Send what is due; the seconds until the next is, None where there is none."""
        while self.held:
            left = self.held[0][0] - time.monotonic()
            if left > 0:
                return left
            frame = self.held.popleft()[1]
            with suppress(OSError):  # a full or missing device loses it
                self.target.send(frame)
        return None


def carry(bridge: socket.socket, server: socket.socket, control: int, delays: tuple[float, float]) -> None:
    """Carry frames until a device is gone or the other end of `control`, by which other delays come."""
    ways = {bridge: _Way(bridge, server, delays[0]), server: _Way(server, bridge, delays[1])}
    while True:
        waits = [wait for way in ways.values() if (wait := way.give()) is not None]
        sources: list[socket.socket | int] = [bridge, server, control]
        readable, _, _ = select.select(sources, [], [], min(waits, default=None))
        if control in readable:
            told = os.read(control, _DELAYS.size)
            if not told:
                return
            ways[bridge].delay, ways[server].delay = _DELAYS.unpack(told)
        for source, way in ways.items():
            if source in readable:
                try:
                    way.take()
                except OSError:
                    return
