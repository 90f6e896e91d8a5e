"""Storage reports as agents send them, made of total latencies that a test chooses."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from kb_tests.fleet.storage.messages import IoBlock, IoDone, IoSecond, KeptIoSecond, StorageReport
from kb_tests.measure.storage import fio
from kb_tests.scenario.storage import StoragePoint

POINT = StoragePoint(
    id="disk-clients-1-random-read",
    scenario="disk",
    clients=1,
    profile="random read",
    mode="randread",
    block_size=4096,
    iodepth=4,
    numjobs=1,
    reads=1.0,
    rate=100.0,
    unit="iops",
    extra=(),
    ramp=2.0,
    duration=30.0,
    max_duration=30.0,
    steady=False,
)


def name_of(seconds: float) -> int:
    """fio's name, in nanoseconds, for the bin of a time."""
    index = int(fio._LOW.searchsorted(round(seconds * 1e9), side="right")) - 1
    return int(fio._NAMES[index])


def binned(times: Iterable[float]) -> list[list[int]]:
    """The wire form of the times' bins."""
    return [[name, count] for name, count in sorted(Counter(map(name_of, times)).items())]


def part(times: Sequence[float], size: int = 4096, **extra: Any) -> dict[str, Any]:
    return {"ios": len(times), "bytes": len(times) * size, **extra}


def due(
    index: int,
    reads: Sequence[float],
    writes: Sequence[float] = (),
    lost: tuple[int, int] = (0, 0),
) -> dict[str, Any]:
    """What was due in a block: the response times of what was done, and how many were not."""
    parts = {
        name: {"due": len(times) + missed, "bins": binned(times)}
        for name, times, missed in zip(("read", "write"), (reads, writes), lost, strict=True)
    }
    return {"v": 1, "agent": "storage-0", "seq": 3, "kind": "io_due", "id": "c1", "index": index, **parts}


def block(
    index: int,
    begin: float,
    end: float,
    reads: Sequence[float],
    writes: Sequence[float] = (),
    lost: tuple[int, int] = (0, 0),
    **changes: Any,
) -> IoBlock:
    """A block in which all was done when it was due, unless `changes` tell otherwise, but for `lost` reads
    and writes, which were never made; failed I/Os are reads, if there are any.
    """
    errors = changes.get("errors", 0)
    failed = (errors, 0) if reads or not writes else (0, errors)
    undone = (failed[0] + lost[0], failed[1] + lost[1])
    return IoBlock.model_validate_json(
        json.dumps(
            {
                "v": 1,
                "agent": "storage-0",
                "seq": 2,
                "kind": "io_block",
                "id": "c1",
                "index": index,
                "begin": begin,
                "end": end,
                "errors": 0,
                "read": part(reads, bins=binned(reads), failed=failed[0]),
                "write": part(writes, bins=binned(writes), failed=failed[1]),
                "due": due(index, reads, writes, undone),
                **changes,
            }
        )
    )


def second(
    index: int, reads: int, writes: int = 0, begin: float | None = None, end: float | None = None
) -> KeptIoSecond:
    return KeptIoSecond.of(sent(index, reads, writes, begin, end))


def sent(
    index: int, reads: int, writes: int = 0, begin: float | None = None, end: float | None = None
) -> IoSecond:
    """A second as it comes from a server."""
    return IoSecond.model_validate(
        {
            "v": 1,
            "agent": "storage-0",
            "seq": 2,
            "kind": "io_second",
            "id": "c1",
            "index": index,
            "begin": float(index) if begin is None else begin,
            "end": index + 1.0 if end is None else end,
            "errors": 0,
            "read": {"ios": reads, "bytes": reads * 4096, "buckets": [(32, reads)] if reads else []},
            "write": {"ios": writes, "bytes": writes * 4096, "buckets": [(32, writes)] if writes else []},
        }
    )


def done(**changes: Any) -> IoDone:
    return IoDone.model_validate(
        {
            "v": 1,
            "agent": "storage-0",
            "seq": 9,
            "kind": "io_done",
            "id": "c1",
            "begin": 0.0,
            "end": 30.0,
            "blocks": 10,
            "stalls": [],
            "stall_error": 0.01,
            "hung": False,
            "clock": 0.0,
            "cpu": 0.1,
            "waiting": 0.02,
            "complaint": "",
            "clock_change": {"seconds": 0.0, "error": 0.001, "elapsed": 40.0},
            **changes,
        }
    )


def report(
    made: Iterable[IoBlock],
    agent: str = "storage-0",
    seconds: tuple[KeptIoSecond, ...] | None = None,
    **changes: Any,
) -> StorageReport:
    """A whole report of these blocks; its seconds are as even as they, `changes` go to its final message."""
    blocks = tuple(made)
    each = [(sum(getattr(one, part).ios for one in blocks)) // 30 for part in ("read", "write")]
    if seconds is None:
        seconds = tuple(second(index, *each) for index in range(30))
    return StorageReport(
        agent=agent,
        host="h1",
        clock_error=0.001,
        seconds=seconds,
        blocks=blocks,
        done=done(**{"blocks": len(blocks), **changes}),
        problem="",
    )


def steady_blocks(latency: float = 0.001, each: int = 300) -> list[IoBlock]:
    """30 s at 100 I/Os a second, ten blocks; what is less than that was never made."""
    lost = (max(0, 300 - each), 0)
    return [block(index, 3.0 * index, 3.0 * index + 3, [latency] * each, lost=lost) for index in range(10)]


def frozen_blocks() -> list[IoBlock]:
    """As `steady_blocks`, but that nothing ended for 2 s from 9.5 s on, and fio made up for it at once.

    4 I/Os were under way then, sent 10 ms apart; the other 196 were sent in a burst afterwards.
    """
    blocks = steady_blocks()
    times = [0.001] * 296 + [2.0, 1.99, 1.98, 1.97]
    waited = [2.0 - 0.01 * number for number in range(200)]
    blocks[3] = block(3, 9.0, 12.0, times, due=due(3, [0.001] * 100 + waited))
    return blocks


def point(**changes: Any) -> StoragePoint:
    return dataclasses.replace(POINT, **changes)
