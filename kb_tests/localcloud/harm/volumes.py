"""What each kind of fault does to an attached volume."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from kb_tests.localcloud.cinder.state import Volume
from kb_tests.localcloud.harm.asked import Asked
from kb_tests.localcloud.harm.state import Harm


async def _slow(asked: Asked, volume: Volume) -> None:
    """At most `iops` reads and as many writes, and `bandwidth` bytes of each, a second."""
    server_id = volume.attachments[0].server_id
    limit = partial(asked.driver.limit_volume, server_id, volume.id)
    await limit(asked.whole("iops"), asked.whole("bandwidth"))
    await _note(asked, volume, partial(limit, *volume.type.limits))


async def _full(asked: Asked, volume: Volume) -> None:
    """No space after `size` bytes."""
    await asked.driver.fill_volume(volume.id, asked.whole("size"))
    await _note(asked, volume, partial(asked.driver.fill_volume, volume.id, None))


async def _note(asked: Asked, volume: Volume, undo: Callable[[], Awaitable[None]]) -> None:
    """It is in effect; without a value it is over."""
    attachment = volume.attachments[0]
    harm = Harm(
        of="volume",
        id=volume.id,
        name=volume.name or volume.id,
        kind=asked.kind,
        values=asked.values,
        lasts=lambda: attachment in volume.attachments,
        undo=undo,
    )
    asked.begin(harm)
    if not asked.values:
        await asked.cloud.harms.end(harm)


KINDS: dict[str, tuple[Callable[[Asked, Volume], Awaitable[None]], frozenset[str]]] = {
    "slow": (_slow, frozenset({"seconds", "iops", "bandwidth"})),
    "full": (_full, frozenset({"seconds", "size"})),
}
"""What does it, and the names that it takes."""
