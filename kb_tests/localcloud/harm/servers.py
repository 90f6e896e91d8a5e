"""What each kind of fault does to a running server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from kb_tests.localcloud.api.errors import bad_request
from kb_tests.localcloud.driver import DriverError, Way
from kb_tests.localcloud.harm.asked import Asked
from kb_tests.localcloud.harm.state import DIRECTIONS, Harm
from kb_tests.localcloud.nova.state import Server

Undo = Callable[[], Awaitable[None]]


def _note(asked: Asked, server: Server, undo: Undo, direction: str | None = None) -> Harm:
    boot = server.spec
    harm = Harm(
        of="server",
        id=server.id,
        name=server.name,
        kind=asked.kind,
        direction=direction,
        values=asked.values,
        lasts=lambda: server.spec is boot and server.vm_state == "active" and not server.deleting,
        undo=undo,
    )
    asked.begin(harm)
    return harm


async def _crash(asked: Asked, server: Server) -> None:
    """It dies."""
    await asked.driver.crash(server.id)


async def _freeze(asked: Asked, server: Server) -> None:
    """Its processes stop where they are; the clock goes on."""
    await asked.driver.freeze(server.id)
    _note(asked, server, partial(asked.driver.thaw, server.id))


async def _pause(asked: Asked, server: Server) -> None:
    """It stands still with its clocks and its network, as a guest that its hypervisor stops."""
    if not asked.seconds:
        raise bad_request("pause needs seconds.")

    async def resume() -> None:
        await asked.driver.resume(server.id)
        await _set_links(asked, server)

    await asked.driver.pause(server.id)
    _note(asked, server, resume)
    await _set_links(asked, server)


async def _cut(asked: Asked, server: Server) -> None:
    """It has no network: no carrier, or in one direction nothing that arrives."""
    if not asked.seconds:
        raise bad_request("cut needs seconds.")
    if asked.directions != DIRECTIONS:
        await _link(asked, server)
        return
    await asked.driver.cut_network(server.id, asked.seconds)
    _note(asked, server, _nothing)


async def _nothing() -> None:
    """It ends by itself."""


async def _link(asked: Asked, server: Server) -> None:
    """Its ports are so in these directions. No value, or a delay of 0, ends what was of this kind there."""
    harms, undo = asked.cloud.harms, partial(_set_links, asked, server)
    if asked.kind == "delay" and "milliseconds" not in asked.values:
        raise bad_request("delay needs milliseconds.")
    if asked.kind == "cut" or any(value or name == "rate" for name, value in asked.values.items()):
        noted = [_note(asked, server, undo, direction) for direction in asked.directions]
        try:
            await undo()
        except DriverError:
            harms.forget(*noted)
            raise
    else:
        found = (harms.find(server.id, asked.kind, direction) for direction in asked.directions)
        await harms.end(*(harm for harm in found if harm is not None))


async def _set_links(asked: Asked, server: Server) -> None:
    inward, outward = (_way(asked, server, direction) for direction in DIRECTIONS)
    for port in list(server.ports):
        await asked.driver.set_link(port, inward, outward)


def _way(asked: Asked, server: Server, direction: str) -> Way:
    """All that is wrong with a server's links in this direction."""
    find = asked.cloud.harms.find
    cut, link, delay = (find(server.id, kind, direction) for kind in ("cut", "link", "delay"))
    still = cut or find(server.id, "pause")
    values = (link.values if link else {}) | (delay.values if delay else {})
    ours = asked.cloud.settings.link_rate.bits if direction == "out" else None
    rate = values.get("rate") or ours
    return Way(
        rate=None if rate is None else int(rate),
        loss=1.0 if still else values.get("loss", 0.0),
        delay=values.get("milliseconds", 0.0) / 1000,
    )


async def _cpu(asked: Asked, server: Server) -> None:
    """It has a `share` of its flavor's vCPUs; all of it ends that."""
    share = asked.values.get("share")
    if share is None or not _LEAST_SHARE <= share <= 1:
        raise bad_request(f"cpu needs a share of {_LEAST_SHARE} to 1.")
    limit = partial(asked.driver.limit_cpu, server.id)
    await limit(share)
    _note(asked, server, partial(limit, 1.0))
    if share == 1:
        await asked.cloud.harms.end(*asked.cloud.harms.all(server.id, asked.kind))


_LEAST_SHARE = 0.01


KINDS: dict[str, tuple[Callable[[Asked, Server], Awaitable[None]], frozenset[str]]] = {
    "crash": (_crash, frozenset()),
    "freeze": (_freeze, frozenset({"seconds"})),
    "pause": (_pause, frozenset({"seconds"})),
    "cut": (_cut, frozenset({"seconds", "direction"})),
    "link": (_link, frozenset({"seconds", "direction", "rate", "loss"})),
    "cpu": (_cpu, frozenset({"seconds", "share"})),
    "delay": (_link, frozenset({"seconds", "direction", "milliseconds"})),
}
"""What does it, and the names that it takes."""
