"""What a rate made due and how long it took from then on, from fio's totals alone: where it makes so many
I/Os that fio cannot keep a line of each (see `due`, which is exact).

Of the I/Os that were completed between two totals, the first was due when so many others had been due, and
so was the last. Where that is longer ago than the totals lie apart, all of them took that long; where it is
not, they took what fio says. So a delay that begins and is made up for between two totals stays hidden; but
where fio could not answer for longer than `SOON`, nothing counts as done before it did.
"""

from __future__ import annotations

import math
from typing import Callable, Dict, List, Tuple

from . import output
from .bins import Bins, name_of
from .due import EPSILON, Due
from .output import Direction, Snapshot
from .window import Window

SOON = 0.2
"""Seconds; asked for its totals every tenth of one, fio takes no longer, unless it or the disk is held up."""

_PARTS = 64

Pairs = List[Tuple[int, int]]
Tell = Callable[[int, Tuple[Due, Due]], None]


class Backlog:
    """Tells by `tell` of each block of `window`, once all that was due in it is done, what was due.

    `rates` are I/Os per second, of reads and of writes.
    """

    def __init__(self, rates: Tuple[float, float], window: Window, tell: Tell) -> None:
        self._rates = rates
        self._window = window
        self._tell = tell
        self._told = 0
        self._epoch = 0.0
        self._done: Dict[int, Tuple[Bins, Bins]] = {}

    def take(self, old: Snapshot, new: Snapshot, epoch: float) -> None:
        """What happened between two totals, of a fio that began at `epoch` (CLOCK_MONOTONIC)."""
        if not self._window.ends:  # it becomes known ever better; but blocks have to join
            self._epoch = epoch
        for place, name in enumerate(("read", "write")):
            if self._rates[place]:
                self._add(place, getattr(old, name), getattr(new, name), old.at, new.at)
        made = (new.read.ios + new.read.failed, new.write.ios + new.write.failed)
        while self._told < len(self._window.ends) and all(
            made[place] >= self._first(place, self._told + 1) for place in (0, 1)
        ):
            self._tell_next()

    def end(self) -> None:
        """Tell of the blocks that are left."""
        while self._told < len(self._window.ends):
            self._tell_next()

    def _add(self, place: int, old: Direction, new: Direction, since: float, until: float) -> None:
        turn, end = old.ios + old.failed, new.ios + new.failed
        made = sorted(output.since(new.bins, old.bins).items())
        if until - since <= SOON:
            passed = (since + until) / 2 - self._epoch
            delay = passed - (turn + end) / 2 / self._rates[place]
            self._share_out(place, made, turn, end, delay if delay > until - since else 0.0)
            return
        step = math.ceil((end - turn) / _PARTS) or 1
        for first in range(
            turn, end, step
        ):  # a stall: they ended after it, those due first having waited longest
            last = min(end, first + step)
            some, made = _parted(made, last - first)
            delay = until - self._epoch - (first + last) / 2 / self._rates[place]
            self._share_out(place, some, first, last, delay)

    def _share_out(self, place: int, made: Pairs, turn: int, end: int, delay: float) -> None:
        """Add completed I/Os, none of which took less than `delay`, to the blocks in which they were due."""
        least = max(0, round(delay * 1e9))
        for block in range(self._told, len(self._window.ends) + 1):
            begin = self._first(place, block)
            if turn < begin:  # due before the window
                _, made = _parted(made, min(end, begin) - turn)
                turn = min(end, begin)
            open_ended = block == len(self._window.ends)
            following = end if open_ended else min(end, self._first(place, block + 1))
            if turn < following:
                some, made = _parted(made, following - turn)
                bins = self._done.setdefault(block, ({}, {}))[place]
                for name, count in some:
                    name = name_of(max(name, least))
                    bins[name] = bins.get(name, 0) + count
                turn = following
            if turn >= end:
                break

    def _first(self, place: int, block: int) -> int:
        """The turn of the first I/O that is due in a block, which comes after one that has ended."""
        edge = ([0.0, *self._window.ends])[block]
        edge = min(edge, self._window.end - self._window.begin)
        return max(0, math.ceil((self._window.begin - self._epoch + edge) * self._rates[place] - EPSILON))

    def _tell_next(self) -> None:
        found = self._done.pop(self._told, ({}, {}))
        parts = [
            Due(self._first(place, self._told + 1) - self._first(place, self._told), bins)
            for place, bins in enumerate(found)
        ]
        self._tell(self._told, (parts[0], parts[1]))
        self._told += 1


def _parted(made: Pairs, number: int) -> Tuple[Pairs, Pairs]:
    """The `number` fastest, and the others."""
    some: Pairs = []
    for at, (name, count) in enumerate(made):
        if number <= count:
            return [*some, (name, number)], [(name, count - number), *made[at + 1 :]]
        some.append((name, count))
        number -= count
    return some, []
