"""What the suite says of servers that the generator loads: from the socket to the verdict."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from kb_tests.fleet.http.messages import BlockReport, Done, HttpReport, KeptSecond, SecondReport
from kb_tests.measure.http.merge import measure
from kb_tests.scenario.http import HttpPoint, HttpSla
from kb_tests.sla.http.judge import judge
from kb_tests.sla.verdict import Verdict
from tests.functional.agent.generator import events, prepared
from tests.functional.agent.wrong import PAGE, Serve, serving

SLA = HttpSla.model_validate({"latency": {"p50": "2s"}, "achieved": "50%", "errors": "1%"})
"""As generous as it may be, so that a busy machine does not decide."""


PREPARE = 5.0
"""Seconds after which a load begins with the connections that there are: some servers drop all of them."""


def point(rate: float, connections: int, duration: float, timeout: float = 1.0) -> HttpPoint:
    """A point of one generator."""
    return HttpPoint(
        id="wrong", scenario="wrong", clients=1, rate=rate, connections=connections, page_size=PAGE.size,
        keep_alive=True, warm_up=1.0, duration=duration, max_duration=duration, timeout=timeout,
    )  # fmt: skip


def verdicts(servers: Mapping[str, tuple[Serve, HttpPoint]], sla: HttpSla = SLA) -> dict[str, Verdict]:
    """All at the same time, each loaded by a generator of its own."""
    with contextlib.ExitStack() as stack:
        loads = [
            prepared(stack.enter_context(serving(serve)), prepare=PREPARE, **_options(asked))
            for serve, asked in servers.values()
        ]
        collected = events(loads, lead=1.0)
    return {
        name: judge(asked, measure(asked, [_report(said)]), sla, checks=1)
        for (name, (_, asked)), said in zip(servers.items(), collected, strict=True)
    }


def _options(asked: HttpPoint) -> dict[str, Any]:
    names = ("rate", "connections", "warm_up", "duration", "timeout")
    return {name: getattr(asked, name) for name in names} | {"page": PAGE}


def _report(said: list[tuple[str, dict[str, Any]]]) -> HttpReport:
    base = {"v": 1, "agent": "client", "seq": 1, "id": "1"}
    still = {"clock_change": {"seconds": 0.0, "error": 0.0, "elapsed": 10.0}}

    def of(kind: str, model: Any, **more: Any) -> list[Any]:
        return [
            model.model_validate_json(json.dumps({**base, "kind": kind, **body, **more}))
            for found, body in said
            if found == kind
        ]

    seconds: list[SecondReport] = of("second", SecondReport)
    blocks: list[BlockReport] = of("block", BlockReport)
    done: list[Done] = of("done", Done, **still)
    kept = tuple(KeptSecond.of(second) for second in seconds)
    problem = "" if done else str(said[-1])
    return HttpReport("client", "host", 0.0, kept, tuple(blocks), done[0] if done else None, problem)
