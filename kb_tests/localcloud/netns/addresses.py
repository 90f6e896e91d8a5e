"""Floating addresses that are one cloud's alone: several clouds may run on a machine at once."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address

from kb_tests.localcloud.driver import DriverError


class AddressBlock:
    """The first 127.77.n.0/24 that no other cloud on this machine has.

    What marks it as taken is an abstract unix socket: every user sees it, and it goes with its process,
    however that ends.
    """

    def __init__(self) -> None:
        for number in range(1, 255):
            self._mark = socket.socket(socket.AF_UNIX)
            try:
                self._mark.bind(f"\0kb-tests-localcloud/127.77.{number}")
            except OSError:
                self._mark.close()
                continue
            self.first = IPv4Address(f"127.77.{number}.1")
            self.last = IPv4Address(f"127.77.{number}.254")
            return
        raise DriverError("All 254 blocks of floating addresses are taken by local clouds on this machine.")

    def close(self) -> None:
        """Leave the block to others."""
        self._mark.close()
