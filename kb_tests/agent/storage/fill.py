"""Writing the target before anything is read from it: blocks never written read as zeros, at no cost."""

from __future__ import annotations

import time
from typing import Callable, Dict, NamedTuple

from . import fio, output, target
from .options import StorageError, Target
from .wait import Waiter

_BLOCK = 1 << 20

FILLED: Dict[str, int] = {}
"""What this agent has filled: bytes by volume. It is kept by the agent itself, not by its children."""


class Filling(NamedTuple):
    """What was filled (nothing, 0 bytes, if it was full already), and how long it took in seconds."""

    path: str
    raw: str
    bytes: int
    seconds: float


def fill(place: target.Place, wanted: Target, wait: Waiter, tell: Callable[[int, float], None]) -> Filling:
    """Fill `place` unless it is full; `tell` gets bytes and seconds about every second.

    Raises StorageError.
    """
    if not missing(place, wanted.size):
        return Filling(place.path, place.raw, 0, 0.0)
    begin = time.monotonic()
    stream = output.Stream()
    written = 0

    def take(printed: bytes) -> None:
        nonlocal written
        for document in stream.feed(printed):
            written = int(document["jobs"][0]["write"]["io_bytes"])
            tell(written, time.monotonic() - begin)

    arguments = [
        fio.program(),
        "--name=fill",
        "--filename=" + place.path.replace(":", "\\:"),
        f"--size={wanted.size}",
        "--rw=write",
        f"--bs={_BLOCK}",
        "--iodepth=8",
        "--ioengine=libaio",
        "--direct=1",
        "--fallocate=none",
        "--refill_buffers",
        "--end_fsync=1",
        "--eta=never",
        "--status-interval=1",
        "--output-format=json",
    ]
    try:
        complaint, code = fio.to_the_end(arguments, wait, take)
    except (IndexError, KeyError, TypeError, ValueError, output.OutputError) as error:
        raise StorageError(f"fio's output has an unknown shape: {error!r:.200}.") from error
    if code or written != wanted.size:
        why = complaint or f"fio ended with {code} after {written} of {wanted.size} bytes"
        raise StorageError(f"{place.path} could not be filled: {why}.")
    if place.raw:
        FILLED[place.raw] = max(wanted.size, FILLED.get(place.raw, 0))
    reason = missing(place, wanted.size)
    if reason:
        raise StorageError(f"{place.path} was filled, and still {reason}.")
    return Filling(place.path, place.raw, wanted.size, time.monotonic() - begin)


def missing(place: target.Place, size: int) -> str:
    """Why its first `size` bytes cannot be measured, "" if they can: all of them have to be written."""
    if place.raw:
        filled = FILLED.get(place.raw, 0)
        return "" if filled >= size else f"only {filled} of {size} bytes were written before"
    try:
        at = target.hole(place.path, size)
    except FileNotFoundError:
        return "the file is not there"
    except OSError as error:
        return f"the file cannot be read: {error.strerror}"
    return "" if at is None else f"nothing was ever written at byte {at} of {size}"
