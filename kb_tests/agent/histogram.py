"""HdrHistogram recording and V2 encoding: whole microseconds, 1 us to 1 h, 3 significant digits.

A histogram is a plain `{index: count}` mapping, so that the hot loop can record into it without a call::

    if us >= SUB_BUCKETS:
        shift = us.bit_length() - 11
        us = (shift << 10) + (us >> shift)
    counts[us] += 1

Source: https://github.com/HdrHistogram/HdrHistogram, "V2 compressed encoding".
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from typing import Iterable, Mapping, MutableMapping

LOWEST = 1
HIGHEST = 3_600_000_000
DIGITS = 3
SUB_BUCKETS = 2048  # the power of two that holds 2 * 10**DIGITS

_COOKIE = 0x1C849303 | 0x10  # 0x10: counts are ZigZag LEB128 words
_COMPRESSED_COOKIE = 0x1C849304 | 0x10


def index(us: int) -> int:
    """The counter of a time: 0.1 % wide above SUB_BUCKETS microseconds, 1 us below."""
    if us < SUB_BUCKETS:
        return us
    shift = us.bit_length() - 11
    return (shift << 10) + (us >> shift)


def lowest(index: int) -> int:
    """The shortest time, in microseconds, that this counter holds."""
    if index < SUB_BUCKETS:
        return index
    shift = (index >> 10) - 1
    return (index - (shift << 10)) << shift


def highest(index: int) -> int:
    """The longest time, in microseconds, that this counter holds."""
    return lowest(index + 1) - 1


def record(counts: MutableMapping[int, int], seconds: float) -> bool:
    """Count one time; True if it lay beyond the range and was counted as HIGHEST."""
    us = int(seconds * 1e6)
    saturated = us > HIGHEST
    at = index(HIGHEST if saturated else max(us, 0))
    counts[at] = counts.get(at, 0) + 1
    return saturated


def add(total: MutableMapping[int, int], part: Iterable[int]) -> None:
    """Add a histogram that came as `flat`."""
    words = iter(part)
    for at, n in zip(words, words):  # noqa: B905 - Python 3.9 has no strict
        total[at] = total.get(at, 0) + n


def flat(counts: Mapping[int, int]) -> list[int]:
    """`[index, count, index, count, ...]`, the form between processes."""
    return [word for pair in counts.items() for word in pair]


def percentile(counts: Mapping[int, int], percent: float) -> float:
    """The time in seconds that `percent` of the counted ones do not exceed; 0.0 if there are none."""
    rank = max(1, math.ceil(sum(counts.values()) * percent / 100))
    for at in sorted(counts):
        rank -= counts[at]
        if rank <= 0:
            return highest(at) / 1e6
    return 0.0


def coarse(counts: Mapping[int, int]) -> list[list[int]]:
    """`[[i, n], ...]`: bucket i holds times in [2**(i/4), 2**((i+1)/4)) microseconds."""
    buckets: dict[int, int] = {}
    for at, n in counts.items():
        i = int(4 * math.log2(lowest(at) or 1))
        buckets[i] = buckets.get(i, 0) + n
    return [[i, buckets[i]] for i in sorted(buckets)]


def encode(counts: Mapping[int, int]) -> str:
    """The base64 V2 form that every HdrHistogram implementation reads."""
    payload = bytearray()
    next_at = 0
    for at in sorted(counts):
        if at > next_at:
            _put(payload, next_at - at)  # a run of zeros is their negative number
        _put(payload, counts[at])
        next_at = at + 1
    plain = struct.pack(">iiiiqqd", _COOKIE, len(payload), 0, DIGITS, LOWEST, HIGHEST, 1.0) + payload
    packed = zlib.compress(plain)
    return base64.b64encode(struct.pack(">ii", _COMPRESSED_COOKIE, len(packed)) + packed).decode("ascii")


def _put(payload: bytearray, value: int) -> None:
    word = value << 1 if value >= 0 else (-value << 1) - 1
    while word > 0x7F:
        payload.append(word & 0x7F | 0x80)
        word >>= 7
    payload.append(word)
