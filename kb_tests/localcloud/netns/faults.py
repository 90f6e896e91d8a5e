"""Faults on request: what the helper and the kernel are asked to do to a server, link or volume."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress

from kb_tests.localcloud.driver import DriverError
from kb_tests.localcloud.netns import firewall
from kb_tests.localcloud.netns.batch import Batch
from kb_tests.localcloud.netns.link import HelperLink
from kb_tests.localcloud.netns.ports import Port, Ports

_LOSS_UNITS = 1_000_000
_LINGERING = 3.0


class LinkFaults:
    """Rates, losses and cuts of ports. They end with the server's present boot."""

    def __init__(self, link: HelperLink, nft: Batch, ports: Ports) -> None:
        self._link = link
        self._nft = nft
        self._ports = ports
        self._tasks: set[asyncio.Task[None]] = set()

    async def cut(self, server_id: str, seconds: float) -> None:
        """Take the carrier from all ports of a server; they get it back after `seconds`."""
        names = [port.device for port in self._ports.of_server(server_id)]
        await self._link.ask("link", names=names, up=False)
        self._spawn(self._reconnect(server_id, names, seconds))

    async def _reconnect(self, server_id: str, names: list[str], seconds: float) -> None:
        await asyncio.sleep(seconds)
        plugged = {port.device for port in self._ports.of_server(server_id)}
        try:
            await self._link.ask("link", names=[name for name in names if name in plugged], up=True)
        except DriverError:
            return  # unplugged or gone meanwhile

    async def limit(self, port: Port, rate: int | None, loss: float) -> None:
        """Give a port a rate (bits a second, each way; None: none) and a loss (a share, each way)."""
        if not 0 <= loss <= 1:
            raise DriverError(f"A loss is a share between 0 and 1, not {loss}.")
        for server, name in ((None, port.device), (port.server_id, port.inner)):
            await self._link.ask(
                "command", argv=["tc", "-force", "-batch", "-"], text=_shaping(name, rate), server=server
            )
        await self._nft.add(firewall.loss(port.device, round(loss * _LOSS_UNITS), _LOSS_UNITS))

    def unplug(self, server_id: str) -> None:
        """See to it that the ports of a server that has ended go soon.

        The kernel removes them with the server's namespace, those of many servers faster than we could; but
        that lives for minutes when TCP tries to close connections whose other end does not answer.
        """
        names = [port.device for port in self._ports.of_server(server_id)]
        self._spawn(self._unplug(names))

    async def _unplug(self, names: list[str]) -> None:
        await asyncio.sleep(_LINGERING)
        with suppress(DriverError):
            for name in names:
                await self._link.ask_removal("unplug", name=name)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Forget what was to come."""
        for task in self._tasks:
            task.cancel()


def _shaping(device: str, rate: int | None) -> str:
    """Commands of tc for a hierarchical token bucket of `rate` bits a second, or for none."""
    if rate is None:
        return f"qdisc replace dev {device} root noqueue\n"
    burst = max(rate // 8 // 100, 20_000)  # bytes: 10 ms' worth, and never less than a large segment
    return (
        f"qdisc replace dev {device} root handle 1: htb default 1\n"
        f"class replace dev {device} parent 1: classid 1:1 htb rate {rate:d}bit burst {burst:d}b\n"
    )
