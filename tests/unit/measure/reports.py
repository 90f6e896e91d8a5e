"""Agents' reports of a small run, whole and in order, to be spoilt by the tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kb_tests.fleet.http.messages import (
    BlockReport,
    Done,
    HttpReport,
    KeptSecond,
    SecondReport,
    WireConnections,
    WireCounts,
)
from kb_tests.fleet.messages import ClockChange
from kb_tests.measure.histogram import Histogram
from kb_tests.scenario.http import HttpPoint, HttpSla

POINT = HttpPoint(
    id="small-clients-2-rate-500",
    scenario="small",
    clients=2,
    rate=500,
    connections=50,
    page_size=32 << 10,
    keep_alive=True,
    warm_up=1.0,
    duration=5.0,
    max_duration=5.0,
    timeout=5.0,
)
SLA = HttpSla.model_validate({"latency": {"p50": "5ms", "p99": "50ms"}, "achieved": "95%", "errors": "1%"})


KEPT = WireConnections.model_validate(
    {"asked": 50, "open": 50, "least": 50, "reopened": 0, "refused": 0, "unavailable": 0}
)
STEADY = ClockChange(seconds=0.0, error=0.001, elapsed=8.0)


def wire(due: int, errors: dict[str, int] | None = None, unsent: int = 0, inflight: int = 0) -> WireCounts:
    errors = errors or {}
    completed = due - sum(errors.values()) - unsent - inflight
    return WireCounts.model_validate(
        {
            "due": due,
            "sent": due - unsent,
            "completed": completed,
            "unsent": unsent,
            "inflight": inflight,
            "bytes": completed * 32768,
            "errors": errors,
        }
    )


def times(count: int, median: float = 0.001, seed: int = 1) -> np.ndarray:
    return median * np.random.default_rng(seed).lognormal(0, 0.5, count)


def added(parts: Sequence[WireCounts]) -> WireCounts:
    keys = sorted({key for part in parts for key in part.errors})
    return WireCounts.model_validate(
        {
            name: sum(getattr(part, name) for part in parts)
            for name in ("due", "sent", "completed", "unsent", "inflight", "bytes")
        }
        | {"errors": {key: sum(part.errors.get(key, 0) for part in parts) for key in keys}}
    )


def report(
    name: str,
    point: HttpPoint = POINT,
    median: float = 0.001,
    counts: Sequence[WireCounts] | None = None,
    seed: int = 1,
) -> HttpReport:
    """One generator's report; `counts` of each second's block, else all went well."""
    seconds = int(point.duration)
    counts = counts or [wire(int(point.rate))] * seconds
    blocks, series = [], []
    for index, part in enumerate(counts):
        response = Histogram.of(times(part.completed, median, seed + index)).encode()
        base: dict[str, Any] = {"v": 1, "agent": name, "seq": index, "id": "1"}
        blocks.append(
            BlockReport(
                kind="block", index=index, begin=float(index), seconds=1.0, counts=part,
                response=response, service=response, **base,
            )
        )  # fmt: skip
        series.append(
            SecondReport(
                kind="second", index=index, counts=part, open=50, buckets=[(40, part.completed)], **base
            )
        )
    warm = SecondReport(
        kind="second", index=-1, counts=wire(100), open=50, buckets=[(40, 100)], v=1, agent=name, seq=90,
        id="1",
    )  # fmt: skip
    done = Done.model_validate(
        {
            "kind": "done", "v": 1, "agent": name, "seq": 99, "id": "1", "counts": added(counts),
            "skew": 0.001, "lag_p99": 0.0002, "lag_max": 0.004, "cpu": 0.3, "saturated": False, "tls": "",
            "workers": 1, "clock_change": STEADY, "connections": KEPT,
        }
    )  # fmt: skip
    return HttpReport(
        agent=name, host="rack-1", clock_error=0.0004, seconds=kept([warm, *series]), blocks=tuple(blocks),
        done=done, problem="",
    )  # fmt: skip


def linked(reports: list[HttpReport], open_: Sequence[int] = (), **changes: int) -> list[HttpReport]:
    """The same reports, with the first agent's connections changed: those open in each second, and in all."""
    first = reports[0]
    assert first.done is not None
    connections = first.done.connections.model_copy(update=changes)
    seconds = tuple(
        replace(second, open=open_[second.index]) if 0 <= second.index < len(open_) else second
        for second in first.seconds
    )
    return [replace(one, seconds=seconds) for one in facts(reports, connections=connections)[:1]] + reports[
        1:
    ]


def kept(reports: Sequence[SecondReport]) -> tuple[KeptSecond, ...]:
    return tuple(KeptSecond.of(report) for report in reports)


def fleet(point: HttpPoint = POINT, **changes: Any) -> list[HttpReport]:
    """Whole reports of all generators of `point`."""
    return [
        report(f"kb-client-{number}", point, seed=100 * number, **changes)
        for number in range(1, point.clients + 1)
    ]


def facts(reports: list[HttpReport], **changes: Any) -> list[HttpReport]:
    """The same reports, with the first agent's final report changed."""
    first = reports[0]
    assert first.done is not None
    return [replace(first, done=first.done.model_copy(update=changes)), *reports[1:]]
