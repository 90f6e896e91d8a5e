"""A storage point that ran in rounds, as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kb_tests.fleet.storage.messages import IoBlock, KeptIoSecond, StorageReport


def joined(rounds: Sequence[StorageReport]) -> StorageReport:
    """The rounds of one server as if they had been one run; the pauses between them are left out."""
    problem = next((part.problem for part in rounds if part.problem), "")
    done = [part.done for part in rounds if part.done is not None]
    if problem or len(done) < len(rounds):
        return replace(rounds[-1], problem=problem or "its final report is missing")
    begin = end = done[0].begin
    seconds: list[KeptIoSecond] = []
    blocks: list[IoBlock] = []
    stalls: list[tuple[float, float]] = []
    for part, ended in zip(rounds, done, strict=True):
        shift = end - ended.begin
        for second in part.seconds:
            if second.begin >= ended.begin or not seconds:
                seconds.append(
                    replace(second, id=done[0].id, begin=second.begin + shift, end=second.end + shift)
                )
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
