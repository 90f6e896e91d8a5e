"""How TCP reacts to loss and delay in the cloud: as in guests, whatever this machine chose for itself.

Most guests have cubic. A namespace may have what the machine allows to everybody, which reno always is.
With a host's bbr, which paces what it sends, a 99th percentile of 2 ms became one of 127 ms.
"""

# The helper reads this too: it does without pathlib.
# ruff: noqa: PTH123

from __future__ import annotations

import functools
import socket
from contextlib import suppress

_ALLOWED = "/proc/sys/net/ipv4/tcp_allowed_congestion_control"
_WANTED = ("cubic", "reno")


@functools.cache
def of_guests(allowed: str = _ALLOWED) -> str:
    """The algorithm that the cloud's namespaces get."""
    try:
        with open(allowed) as file:
            known = file.read().split()
    except OSError:
        known = []
    return next((name for name in _WANTED if name in known), "reno")


def choose(*sockets: socket.socket) -> None:
    """Let connections of the cloud's that end in this machine's own namespace be so too."""
    for each in sockets:
        with suppress(OSError):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, of_guests().encode())
