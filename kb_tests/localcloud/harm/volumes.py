"""What each kind of fault does to an attached volume. A kind without values is over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from kb_tests.localcloud.api.errors import bad_request
from kb_tests.localcloud.cinder.state import Volume
from kb_tests.localcloud.driver import DriverError, VolumeFaults
from kb_tests.localcloud.harm.asked import Asked
from kb_tests.localcloud.harm.state import Harm

_LEAST_PART = 4096


async def _slow(asked: Asked, volume: Volume) -> None:
    """At most `iops` reads and as many writes, and `bandwidth` bytes of each, a second."""
    limit = partial(asked.driver.limit_volume, volume.attachments[0].server_id, volume.id)
    iops, bandwidth = volume.type.limits
    await limit(asked.whole("iops") or iops, asked.whole("bandwidth") or bandwidth)
    await _note(asked, volume, partial(limit, iops, bandwidth))


async def _full(asked: Asked, volume: Volume) -> None:
    """No space after `size` bytes."""
    await asked.driver.fill_volume(volume.id, asked.whole("size"))
    await _note(asked, volume, partial(asked.driver.fill_volume, volume.id, None))


async def _wrong(asked: Asked, volume: Volume) -> None:
    """Late, false or failed answers, of a volume whose type has `kb:faulty`."""
    apply = partial(_set, asked, volume)
    harm = await _note(asked, volume, apply)
    try:
        await apply()
    except DriverError:
        asked.cloud.harms.forget(harm)
        raise


async def _set(asked: Asked, volume: Volume) -> None:
    """Let all of it be so that is in effect now."""
    values: dict[str, float] = {}
    for kind in ("late", "lie", "fail"):
        if harm := asked.cloud.harms.find(volume.id, kind):
            values |= harm.values
    faults = VolumeFaults(
        latency=values.get("milliseconds", 0.0) / 1000,
        sync=values.get("fsync", 0.0) / 1000,
        lost=values.get("lost", 0.0),
        changed=values.get("changed", 0.0),
        failed=values.get("share", 0.0),
    )
    await asked.driver.set_volume(volume.id, faults)


async def _corrupt(asked: Asked, volume: Volume) -> None:
    """One byte of each `every` is changed where it lies, once."""
    every = asked.whole("every")
    if every is None or every < _LEAST_PART:
        raise bad_request(f"corrupt needs every, of {_LEAST_PART} bytes at least.")
    await asked.driver.corrupt_volume(volume.id, every)


async def _note(asked: Asked, volume: Volume, undo: Callable[[], Awaitable[None]]) -> Harm:
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
    return harm


KINDS: dict[str, tuple[Callable[[Asked, Volume], Awaitable[object]], frozenset[str]]] = {
    "slow": (_slow, frozenset({"seconds", "iops", "bandwidth"})),
    "full": (_full, frozenset({"seconds", "size"})),
    "late": (_wrong, frozenset({"seconds", "milliseconds", "fsync"})),
    "lie": (_wrong, frozenset({"seconds", "lost", "changed"})),
    "fail": (_wrong, frozenset({"seconds", "share"})),
    "corrupt": (_corrupt, frozenset({"every"})),
}
"""What does it, and the names that it takes."""
