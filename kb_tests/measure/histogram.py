"""HdrHistogram (V2 encoding, 3 significant digits) with times in seconds at its face.

Source: https://github.com/HdrHistogram/HdrHistogram, "V2 compressed encoding".

Slot i < 2048 holds the value i; from there on each power of two is cut into 1024 slots, so that a slot
is never wider than 0.1 % of its values. Only the slots in use are kept: the blocks of a thousand agents
fit into memory, and what an agent sends is decoded here, never by code that trusts it.
"""

from __future__ import annotations

import base64
import itertools
import math
import struct
import zlib
from binascii import a2b_base64
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

LOWEST = 1
HIGHEST = 3_600_000_000
DIGITS = 3
MICROSECOND = 1e-6

_HALF = 1024
_SLOTS = 23 * _HALF
_MOST = 1 << 40
_OUTER = struct.Struct(">II")
_INNER = struct.Struct(">IIIIQQd")
_COOKIE_OUTER = 0x1C849314
_COOKIE_INNER = 0x1C849313
_LONGEST_WORD = 8
_LONGEST = _INNER.size + _SLOTS * _LONGEST_WORD

Counts = npt.NDArray[np.int64]
_NONE: Counts = np.empty(0, np.int64)


def _edges() -> tuple[Counts, Counts]:
    """The lowest and the highest value of each slot, in microseconds."""
    slot = np.arange(_SLOTS, dtype=np.int64)
    shift = np.maximum(slot // _HALF - 1, 0)
    position = np.where(slot < 2 * _HALF, slot, slot % _HALF + _HALF).astype(np.int64)
    low: Counts = position << shift
    high: Counts = ((position + 1) << shift) - 1
    return low, high


_LOW, _HIGH = _edges()


def _slots_up_to(value: float) -> int:
    """How many slots hold no time above `value` microseconds."""
    if not value >= 0:
        return 0
    whole = int(min(value, _HIGH[-1]))
    shift = max(whole.bit_length() - 11, 0)
    slot = shift * _HALF + (whole >> shift)
    return slot + 1 if whole == _HIGH[slot] else slot


class Histogram:
    """Response times, held in whole microseconds from 0 to a little over 1 h, exact to 0.1 %.

    `slots` are the slots in use, ascending, `counts` how many values each holds.
    """

    __slots__ = ("_cumulative", "counts", "slots")

    def __init__(self, slots: npt.ArrayLike = (), counts: npt.ArrayLike = ()) -> None:
        self.slots: npt.NDArray[np.uint16] = np.asarray(slots, np.uint16)
        self.counts: Counts = np.asarray(counts, np.int64)
        self._cumulative: Counts | None = None

    @property
    def cumulative(self) -> Counts:
        """How many values lie in each of the slots in use or below."""
        if self._cumulative is None:
            self._cumulative = np.cumsum(self.counts)
        return self._cumulative

    @classmethod
    def of(cls, seconds: npt.ArrayLike, counts: npt.ArrayLike = 1) -> Histogram:
        """The histogram of `seconds`, each counted `counts` times; raises ValueError out of range."""
        values = np.rint(np.asarray(seconds, np.float64).ravel() / MICROSECOND)
        if not np.all((values >= 0) & (values <= _HIGH[-1])):
            raise ValueError("a time is negative or longer than an hour")
        slots = np.searchsorted(_HIGH, values.astype(np.int64))
        total = np.zeros(_SLOTS, np.int64)
        np.add.at(total, slots, np.broadcast_to(np.asarray(counts, np.int64).ravel(), slots.shape))
        used = np.flatnonzero(total)
        return cls(used, total[used])

    @classmethod
    def decode(cls, encoded: str | bytes) -> Histogram:
        """Read one base64 V2 histogram; raises ValueError for anything else."""
        (found,) = cls.decode_all([encoded])
        return found

    @classmethod
    def decode_all(cls, encoded: Sequence[str | bytes]) -> list[Histogram]:
        """Read base64 V2 histograms, all in one pass: a point of a thousand agents has tens of thousands.

        Raises ValueError if any is none.
        """
        return [cls(*part) for part in _unpack([_words(one) for one in encoded])]

    @classmethod
    def merged(cls, parts: Iterable[Histogram]) -> Histogram:
        """The loss-less sum of `parts`."""
        some = [part for part in parts if part.slots.size]
        if not some:
            return cls()
        # Most use few of all slots, and a point of a thousand agents merges 60,000.
        first = min(part.slots[0] for part in some)
        total = np.zeros(int(max(part.slots[-1] for part in some) - first) + 1, np.int64)
        for part in some:
            total[part.slots - first] += part.counts
        used = np.flatnonzero(total)
        return cls(used + first, total[used])

    def without(self, count: int, at_least: float) -> Histogram:
        """It with `count` values less: the shortest of `at_least` seconds or more; where too few are
        that long, the longest of the others go, too.
        """
        if not count:
            return self
        left = self.counts.copy()
        first = int(np.searchsorted(_HIGH[self.slots] * MICROSECOND, at_least))
        for part in (left[first:], left[:first][::-1]):  # views: what is taken from them is taken from left
            taken = np.clip(count - (np.cumsum(part) - part), 0, part)
            part -= taken
            count -= int(taken.sum())
        used = np.flatnonzero(left)
        return Histogram(self.slots[used], left[used])

    def encode(self) -> str:
        """The base64 V2 form, for records."""
        gaps = np.diff(self.slots.astype(np.int64), prepend=-1) - 1
        pairs = np.stack((-gaps, self.counts.astype(np.int64)), axis=1).ravel()
        words = _pack(pairs[pairs != 0])
        inner = _INNER.pack(_COOKIE_INNER, len(words), 0, DIGITS, LOWEST, HIGHEST, 1.0) + words
        packed = zlib.compress(inner)
        return base64.b64encode(_OUTER.pack(_COOKIE_OUTER, len(packed)) + packed).decode("ascii")

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Histogram)
            and np.array_equal(self.slots, other.slots)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]  # equal by content, as a list is

    def __repr__(self) -> str:
        return f"<Histogram of {self.count} values, p50 {self.percentile(50):.6g} s, max {self.max:.6g} s>"

    @property
    def count(self) -> int:
        """How many values it holds."""
        return int(self.counts.sum())

    @property
    def min(self) -> float:
        """The shortest time in seconds; NaN if empty."""
        return float(_LOW[self.slots[0]]) * MICROSECOND if self.count else math.nan

    @property
    def max(self) -> float:
        """The longest time in seconds; NaN if empty."""
        return float(_HIGH[self.slots[-1]]) * MICROSECOND if self.count else math.nan

    @property
    def mean(self) -> float:
        """The mean in seconds, each value taken as the middle of its slot; NaN if empty."""
        if not self.count:
            return math.nan
        middles = (_LOW[self.slots] + _HIGH[self.slots]) / 2
        return float(np.dot(middles, self.counts)) / self.count * MICROSECOND

    def percentile(self, percent: float) -> float:
        """The value in seconds that `percent` (0 to 100) of the values do not exceed; NaN if empty.

        As in HdrHistogram it is the highest value of its slot, so that it is never too low.
        """
        if not self.count:
            return math.nan
        return self.at_rank(max(1, math.ceil(round(self.count * percent / 100, 6))))

    def percentiles(self, percents: Sequence[float]) -> list[float]:
        """`percentile` of each."""
        return [self.percentile(percent) for percent in percents]

    def at_rank(self, rank: int) -> float:
        """The `rank`-th shortest time in seconds, from 1; infinite beyond the last."""
        place = int(self.cumulative.searchsorted(rank))
        return float(_HIGH[self.slots[place]]) * MICROSECOND if place < self.slots.size else math.inf

    def count_at_most(self, limit: float) -> int:
        """How many values are certainly not above `limit` seconds.

        Dual to `percentile`: `percentile(p) <= limit` exactly if at least p % are counted here.
        """
        below = _slots_up_to(limit / MICROSECOND * (1 + 1e-12))
        place = int(self.slots.searchsorted(np.uint16(below)))
        return int(self.cumulative[place - 1]) if place else 0

    def share_above(self, limit: float) -> float:
        """The share (0 to 1) of the values above `limit` seconds; NaN if empty."""
        return 1 - self.count_at_most(limit) / self.count if self.count else math.nan

    def distribution(self) -> tuple[list[float], list[int]]:
        """For charts: ascending times in seconds, and how many values do not exceed each."""
        return (_HIGH[self.slots] * MICROSECOND).tolist(), self.cumulative.tolist()


class Stacked:
    """Some dozens of histograms that are asked the same question over and over, at once."""

    def __init__(self, parts: Sequence[Histogram]) -> None:
        used = [part.slots for part in parts]
        self._slots: npt.NDArray[np.uint16] = np.unique(np.concatenate([np.empty(0, np.uint16), *used]))
        counts = np.zeros((len(parts), self._slots.size + 1), np.int64)
        for row, part in enumerate(parts):
            counts[row, np.searchsorted(self._slots, part.slots) + 1] = part.counts
        self._cumulative = counts.cumsum(axis=1)

    def count_at_most(self, limit: float) -> Counts:
        """`Histogram.count_at_most` of each."""
        below = _slots_up_to(limit / MICROSECOND * (1 + 1e-12))
        found: Counts = self._cumulative[:, int(self._slots.searchsorted(np.uint16(below)))]
        return found


def _words(encoded: str | bytes) -> bytes:
    """What is inside of one base64 V2 histogram; raises ValueError."""
    try:
        raw = a2b_base64(encoded, strict_mode=True)
        cookie, length = _OUTER.unpack_from(raw)
        unpacker = zlib.decompressobj()
        inner = unpacker.decompress(raw[_OUTER.size :], _LONGEST)
        inner_cookie, inner_length, offset, digits, lowest, _, _ = _INNER.unpack_from(inner)
    except (ValueError, struct.error, zlib.error) as error:
        raise ValueError(f"no V2 histogram: {error}") from error
    words = inner[_INNER.size :]
    if cookie != _COOKIE_OUTER or inner_cookie != _COOKIE_INNER:
        raise ValueError("no V2 histogram: wrong cookie")
    if length != len(raw) - _OUTER.size or inner_length != len(words):
        raise ValueError("no V2 histogram: its length is not the one it states")
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("no V2 histogram: too long, cut off, or something behind it")
    if (digits, lowest, offset) != (DIGITS, LOWEST, 0):
        raise ValueError(f"a histogram of {digits} digits from {lowest}, shifted by {offset}, is not ours")
    if words and words[-1] >= 0x80:
        raise ValueError("no V2 histogram: a count is cut off or too large")
    return words


def _unpack(parts: Sequence[bytes]) -> Iterator[tuple[npt.NDArray[np.int64], Counts]]:
    """Slots in use and their counts, of the ZigZag LEB128 words of each part, which end with a whole word;
    raises ValueError.

    A positive word counts one slot, a negative one skips that many, 0 is one empty slot.
    """
    full = [part for part in parts if part]
    if not full:
        yield from ((_NONE, _NONE) for _ in parts)
        return
    words = np.frombuffer(b"".join(full), np.uint8)
    ends = np.flatnonzero(words < 0x80)
    lengths = np.diff(ends, prepend=-1)
    longest = int(lengths.max())
    if longest > _LONGEST_WORD:
        raise ValueError("no V2 histogram: a count is cut off or too large")
    zigzag = words[ends].astype(np.int64)
    for earlier in range(1, longest):  # most words are of one byte
        at = np.flatnonzero(lengths > earlier)
        zigzag[at] = zigzag[at] << 7 | words[ends[at] - earlier] & 0x7F
    values = (zigzag >> 1) ^ -(zigzag & 1)
    first = np.searchsorted(ends, np.cumsum([0, *map(len, full[:-1])]))  # each part's first word
    steps = np.where(values < 0, -values, 1)
    if steps.max() > _SLOTS or np.add.reduceat(steps, first).max() > _SLOTS:
        raise ValueError("no V2 histogram: it holds times far above an hour")
    used = values > 0
    if np.add.reduceat(np.where(used, values, 0), first, dtype=np.float64).max() > _MOST:
        raise ValueError("no V2 histogram: its counts are beyond measure")
    before = np.cumsum(steps) - steps
    before -= np.repeat(before[first], np.diff(first, append=values.size))
    slots, counts = before[used], values[used]
    bounds = np.cumsum([0, *np.add.reduceat(used.astype(np.int64), first)]).tolist()
    pieces = iter(itertools.pairwise(bounds))
    for part in parts:
        begin, end = next(pieces) if part else (0, 0)
        yield slots[begin:end], counts[begin:end]


def _pack(values: Counts) -> bytes:
    """ZigZag LEB128 words of `values`; the inverse of what `_unpack` reads."""
    zigzag = (values << 1) ^ (values >> 63)
    lengths = np.ones(values.size, np.int64)
    for shift in range(7, 63, 7):
        lengths += zigzag >> shift > 0
    starts = np.cumsum(lengths) - lengths
    words = np.empty(int(lengths.sum()), np.uint8)
    for place in range(int(np.max(lengths, initial=0))):
        here = lengths > place
        more = (lengths[here] > place + 1).astype(np.int64) << 7
        words[starts[here] + place] = zigzag[here] >> (7 * place) & 0x7F | more
    return words.tobytes()
