"""Faults on request: what the helper and the kernel are asked to do to a server, link or volume."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress

from kb_tests.localcloud.driver import DriverError, Way
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
        self._delayed: set[str] = set()
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

    async def set(self, port: Port, inward: Way, outward: Way) -> None:
        """Let a port's cable be so towards its server, and so from it."""
        for way in (inward, outward):
            if not 0 <= way.loss <= 1:
                raise DriverError(f"A loss is a share between 0 and 1, not {way.loss}.")
        delays = (inward.delay, outward.delay)
        if any(delays) or port.device in self._delayed:
            await self._link.ask(
                "delay", name=port.device, bridge=port.bridge, mtu=port.nic.mtu, delays=delays
            )
            self._delayed.add(port.device)
        for server, name, way in ((None, port.device, inward), (port.server_id, port.inner, outward)):
            await self._link.ask(
                "command", argv=["tc", "-force", "-batch", "-"], text=_shaping(name, way.rate), server=server
            )
        inwards, outwards = (round(way.loss * _LOSS_UNITS) for way in (inward, outward))
        await self._nft.add(firewall.loss(port.device, inwards, outwards, _LOSS_UNITS))

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
    none = f"qdisc replace dev {device} root noqueue\n"  # an htb cannot be replaced by another one
    if rate is None:
        return none
    burst = max(rate // 8 // 100, 20_000)  # bytes: 10 ms' worth, and never less than a large segment
    return (
        f"{none}qdisc replace dev {device} root handle 1: htb default 1\n"
        f"class replace dev {device} parent 1: classid 1:1 htb rate {rate:d}bit burst {burst:d}b\n"
    )
