"""What the queues of this server's network interfaces dropped.

/proc has no file of it, so the kernel is asked for all queueing disciplines (rtnetlink(7), linux/rtnetlink.h,
linux/gen_stats.h). What one drops that is below another is counted by the one at the root, too: the roots
are the total.
"""

from __future__ import annotations

import struct

try:
    import _socket as socket  # as in tcp.py: `socket` is dear
except ImportError:  # another interpreter than CPython
    import socket  # type: ignore[no-redef]

TYPE_CHECKING = False  # `typing` would be a tenth of an idle agent's memory
if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_TC = struct.Struct("=BxHiIII")  # family, interface, handle, parent, info
_ATTRIBUTE = struct.Struct("=HH")
_QUEUE = struct.Struct("=III")  # packets and bytes that wait, packets dropped
_ERROR, _DONE, _QDISC, _ASK_QDISCS = 2, 3, 36, 38
_ALL = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_ROOT = 0xFFFFFFFF
_STATS2, _STATS_QUEUE = 7, 3
_KIND_BITS = 0x3FFF
_LOOPBACK = 1  # its number in every network namespace
_LARGEST = 1 << 16
_MOST = 1000


class Queues:
    """The kernel's answers on the network namespace that the process is in."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._asked = 0

    def dropped(self) -> int:
        """Packets that all queues together dropped, without those of `lo`; raises OSError or ValueError."""
        if self._socket is None:
            self._socket = socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0
            )
        self._asked += 1
        body = _TC.pack(0, 0, 0, 0, 0, 0)
        self._socket.send(_HEADER.pack(_HEADER.size + len(body), _ASK_QDISCS, _ALL, self._asked, 0) + body)
        return sum(drops(message) for message in self._answers())

    def _answers(self) -> Iterator[bytes]:
        assert self._socket is not None
        for _ in range(_MOST):
            for kind, sequence, body in messages(self._socket.recv(_LARGEST)):
                if sequence != self._asked:
                    continue
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    raise ValueError("the kernel tells nothing of queues")
                if kind == _QDISC:
                    yield body
        raise ValueError("there is no end of queues")

    def close(self) -> None:
        """Close what was opened."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Type, sequence number and body of each message; ValueError for what is none."""
    place = 0
    while place + _HEADER.size <= len(data):
        length, kind, _, sequence, _ = _HEADER.unpack_from(data, place)
        if not _HEADER.size <= length <= len(data) - place:
            raise ValueError("a message without its end")
        yield kind, sequence, data[place + _HEADER.size : place + length]
        place += _aligned(length)


def drops(body: bytes) -> int:
    """What one queueing discipline dropped, if it is at the root of an interface but `lo`, else 0."""
    if len(body) < _TC.size:
        raise ValueError("no queueing discipline")
    _, _, interface, _, parent, _ = _TC.unpack_from(body)
    if parent != _ROOT or interface == _LOOPBACK:
        return 0
    for kind, value in _attributes(body[_TC.size :]):
        if kind == _STATS2:
            for inner, numbers in _attributes(value):
                if inner == _STATS_QUEUE and len(numbers) >= _QUEUE.size:
                    return int(_QUEUE.unpack_from(numbers)[2])
    return 0


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, place)
        if not _ATTRIBUTE.size <= length <= len(data) - place:
            raise ValueError("an attribute without its end")
        yield kind & _KIND_BITS, data[place + _ATTRIBUTE.size : place + length]
        place += _aligned(length)


def _aligned(length: int) -> int:
    return (length + 3) & ~3
