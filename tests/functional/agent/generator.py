"""Runs the generator from a test and collects all that it says."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from kb_tests.agent.http.engine import HttpLoad
from kb_tests.agent.http.worker import PATIENCE
from kb_tests.agent.page import Page
from kb_tests.measure.histogram import Histogram

HTTP: dict[str, Any] = {
    "rate": 500,
    "connections": 20,
    "path": "/",
    "size": 100,
    "keep_alive": True,
    "warm_up": 0.2,
    "duration": 1,
    "timeout": 20,
    "block": 1,
    "tls": False,
}


class Result(NamedTuple):
    """All events of a load that was done."""

    seconds: list[dict[str, Any]]
    blocks: list[dict[str, Any]]
    done: dict[str, Any]

    @property
    def counts(self) -> dict[str, Any]:
        return dict(self.done["counts"])

    @property
    def response(self) -> Histogram:
        return Histogram.merged(Histogram.decode(block["response"]) for block in self.blocks)

    @property
    def service(self) -> Histogram:
        return Histogram.merged(Histogram.decode(block["service"]) for block in self.blocks)


PAGE = Page(100, b"x")
"""What `server.Answer` gives."""


def prepared(
    port: int,
    workers: int = 1,
    page: Page = PAGE,
    patience: float = PATIENCE,
    prepare: float = 60.0,
    **options: Any,
) -> HttpLoad:
    """A load whose connections are open, or that has had `prepare` seconds for that; `page` is what it takes
    for a good answer.
    """
    wanted = HTTP | {"port": port, "size": page.size} | options
    load = HttpLoad("127.0.0.1", wanted, workers, page, patience)
    load.prepare(time.monotonic() + prepare)
    return load


def events(
    loads: Sequence[HttpLoad], at: dict[float, Callable[[], object]] | None = None, lead: float = 0.05
) -> list[list[tuple[str, dict[str, Any]]]]:
    """Start the loads together, in `lead` seconds, and collect their events to the end; `at` acts so many
    seconds later.
    """
    begin = time.monotonic() + lead
    for load in loads:
        load.start(begin)
    collected: list[list[tuple[str, dict[str, Any]]]] = [[] for _ in loads]
    actions = sorted((at or {}).items())
    try:
        while not all(found and found[-1][0] in ("done", "failed") for found in collected):
            assert time.monotonic() < begin + 300
            wait = max(0.0, begin + actions[0][0] - time.monotonic()) if actions else 1.0
            select.select(loads, [], [], min(1.0, wait))
            if actions and time.monotonic() >= begin + actions[0][0]:
                actions.pop(0)[1]()
            for load, found in zip(loads, collected, strict=True):
                found += load.events()
    finally:
        for load in loads:
            load.abort()
    return collected


def run(loads: Sequence[HttpLoad], at: dict[float, Callable[[], object]] | None = None) -> Result:
    """The loads' result, as of one; what must always hold is checked."""
    parts: dict[str, list[dict[str, Any]]] = {"second": [], "block": [], "done": []}
    for collected in events(loads, at):
        for kind, body in collected:
            assert kind != "failed", body
            parts[kind].append(body)
    for counts in [body["counts"] for body in parts["block"] + parts["done"]]:
        ended = counts["completed"] + counts["unsent"] + counts["inflight"] + sum(counts["errors"].values())
        assert counts["due"] == ended
    for key in ("due", "sent", "completed"):
        assert sum(block["counts"][key] for block in parts["block"]) == sum(
            done["counts"][key] for done in parts["done"]
        )
    return Result(parts["second"], parts["block"], parts["done"][0])
