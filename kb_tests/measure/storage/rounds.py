"""Steady state by SNIA's rule: a point is made in rounds, and the last five of them are measured as one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from kb_tests.fleet.storage.messages import IoBlock, IoSecond, StorageReport
from kb_tests.measure.steady import is_steady
from kb_tests.measure.storage.measurement import StorageMeasurement
from kb_tests.measure.storage.merge import measure
from kb_tests.scenario.storage import StoragePoint

ROUNDS = 5
"""So many rounds in a row have to be alike."""


def run_until_steady(
    point: StoragePoint, run_round: Callable[[StoragePoint], list[StorageReport]]
) -> StorageMeasurement:
    """Rounds of a fifth of the duration until the last five are alike in their I/Os per second, by SNIA's
    rule, or until `max_duration` is over; what those five measured, as one.
    """
    short = replace(point, duration=point.duration / ROUNDS)
    rounds: list[list[StorageReport]] = []
    rates: list[float] = []
    steady = False
    for number in range(max(ROUNDS, math.floor(point.max_duration / short.duration))):
        rounds.append(run_round(short if number == 0 else replace(short, ramp=1.0)))
        measured = measure(short, rounds[-1])
        rates.append(measured.iops.total)
        steady = len(rates) >= ROUNDS and is_steady(rates[-ROUNDS:])
        if steady or measured.missing or any(server.hung for server in measured.servers):
            break
    last = rounds[-ROUNDS:]
    return replace(measure(point, [joined(parts) for parts in zip(*last, strict=True)]), steady=steady)


def joined(rounds: Sequence[StorageReport]) -> StorageReport:
    """The rounds of one server as if they had been one run; the pauses between them are left out."""
    problem = next((part.problem for part in rounds if part.problem), "")
    done = [part.done for part in rounds if part.done is not None]
    if problem or len(done) < len(rounds):
        return replace(rounds[-1], problem=problem or "its final report is missing")
    begin = end = done[0].begin
    seconds: list[IoSecond] = []
    blocks: list[IoBlock] = []
    stalls: list[tuple[float, float]] = []
    for part, ended in zip(rounds, done, strict=True):
        shift = end - ended.begin
        for second in part.seconds:
            if second.begin >= ended.begin or not seconds:
                moved = {"begin": second.begin + shift, "end": second.end + shift}
                seconds.append(second.model_copy(update={**moved, "id": done[0].id}))
        for block in part.blocks:
            moved = {"begin": block.begin + shift, "end": block.end + shift}
            blocks.append(block.model_copy(update={**moved, "id": done[0].id, "index": len(blocks)}))
        stalls += [(at + shift, length) for at, length in ended.stalls]
        end = ended.end + shift
    whole = done[-1].model_copy(
        update={
            "id": done[0].id,
            "begin": begin,
            "end": end,
            "blocks": len(blocks),
            "stalls": stalls,
            "clock": sum(part.clock for part in done),
            "cpu": max(part.cpu for part in done),
            "waiting": max(part.waiting for part in done),
            "clock_change": max((part.clock_change for part in done), key=lambda change: abs(change.seconds)),
            "whole": None,
            "hung": any(part.hung for part in done),
            "complaint": next((part.complaint for part in done if part.complaint), ""),
        }
    )
    return replace(rounds[-1], seconds=tuple(seconds), blocks=tuple(blocks), done=whole)
