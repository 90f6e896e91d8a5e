"""What a record keeps for comparing runs: a sample by batches of time, however many agents there were.

Batches are as long as the time blocks that agents report (1, 2, 4 or 8 s): their number grows with the
window, and they add up to longer ones. Of every batch there are, over all agents, how many were due, how many
of these took longer than each limit or were not done well, and the times of all that were; and of every agent
the counts.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.latency import Latency
from kb_tests.report.measured import Column, Encoded, Part, Text
from kb_tests.sla.verdict import Verdict

Count = Annotated[int, Field(ge=0)]
Counts = tuple[Count, ...]

ERRORS = "errors"
"""The name among limits for what was not done well at all: slower than any time."""


class SampleRecord(Part):
    """Requests, reads or writes, by batch.

    `slower` counts those of `due` that took longer than the limit of that name in `limits` (seconds; infinite
    for "errors"), or were not done well. `times` are how long those took that were, as histograms.
    `agents_due` and `agents_slower` have a row for each agent.
    """

    limits: dict[Text, float]
    due: Counts
    slower: dict[Text, Counts]
    times: tuple[Encoded, ...]
    agents_due: tuple[Counts, ...]
    agents_slower: dict[Text, tuple[Counts, ...]]


class BatchesRecord(Part):
    """The batches of a point: each of `seconds`, the last perhaps shorter, beginning `at`.

    `samples` are called "requests" of an HTTP point, "reads" and "writes" of a storage point. Their rows are
    in the order of `agents`.
    """

    seconds: float
    at: Column
    agents: tuple[Text, ...]
    samples: dict[Text, SampleRecord]


@dataclass(frozen=True)
class Piece:
    """One sample in one time block of one agent."""

    agent: str
    at: float
    latency: Latency


def limits_of(verdict: Verdict) -> dict[str, float]:
    """The limits on times that a verdict judged, in seconds, by the names of their checks."""
    return {
        check.name: check.limit
        for check in verdict.checks
        if check.unit == "s" and check.name.rpartition(" p")[0] and math.isfinite(check.limit)
    }


def batched(
    lengths: Iterable[float],
    samples: Mapping[str, tuple[Sequence[Piece], Mapping[str, float]]],
) -> BatchesRecord | None:
    """The batches of a point whose time blocks were of `lengths`; None without any.

    `samples` has the pieces of each and the limits that are of it.
    """
    common = Counter(round(length, 2) for length in lengths).most_common(1)
    if not common or not common[0][0] > 0:
        return None
    seconds = common[0][0]
    every = [piece for pieces, _ in samples.values() for piece in pieces]
    agents = list(dict.fromkeys(piece.agent for piece in every))
    number = 1 + max((_batch(piece, seconds) for piece in every), default=-1)
    return BatchesRecord(
        seconds=seconds,
        at=tuple(round(index * seconds, 2) for index in range(number)),
        agents=tuple(agents),
        samples={
            name: _sample(pieces, limits, seconds, number, agents)
            for name, (pieces, limits) in samples.items()
        },
    )


def _batch(piece: Piece, seconds: float) -> int:
    """Which batch a piece is of: servers that a stall held up begin a little late."""
    return max(0, math.floor((piece.at + 0.5) / seconds))


def _sample(
    pieces: Sequence[Piece], limits: Mapping[str, float], seconds: float, number: int, agents: Sequence[str]
) -> SampleRecord:
    limits = {**limits, ERRORS: math.inf}
    places = {agent: place for place, agent in enumerate(agents)}
    due = [[0] * number for _ in agents]
    slower = {name: [[0] * number for _ in agents] for name in limits}
    times: defaultdict[int, list[Histogram]] = defaultdict(list)
    for piece in pieces:
        place, batch = places[piece.agent], _batch(piece, seconds)
        due[place][batch] += piece.latency.count
        times[batch].append(piece.latency.times)
        for name, limit in limits.items():
            slower[name][place][batch] += piece.latency.slower(limit)
    return SampleRecord(
        limits=limits,
        due=_sums(due, number),
        slower={name: _sums(rows, number) for name, rows in slower.items()},
        times=tuple(Histogram.merged(times[batch]).encode() for batch in range(number)),
        agents_due=tuple(map(tuple, due)),
        agents_slower={name: tuple(map(tuple, rows)) for name, rows in slower.items()},
    )


def _sums(rows: Sequence[Sequence[int]], number: int) -> Counts:
    return tuple(sum(column) for column in zip(*rows, strict=True)) if rows else (0,) * number
