"""A plugin for sessions without a cloud: nothing is staged, every measurement and its verdict are made up.

What becomes of each load is read from the file that KB_OUTCOMES names, a line each: an outcome of a verdict,
or "lags" or "loses" (a generator), which only tests of one's own see; "pass" once there is no more. "stage"
lets a staging fail instead, "mistake" lets it be refused. What happens is written to the file KB_LOG, a line
each: "staged RUN CLOUD", "removed RUN CLOUD", "begin CLOUD", "end CLOUD".
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kb_tests.cloud import connect, states
from kb_tests.errors import CapacityError, StagingError
from kb_tests.measure.http.measurement import HttpMeasurement
from kb_tests.scenario.http import HttpPoint
from kb_tests.session import mistakes, staging
from kb_tests.session.http.runner import HttpRunner
from kb_tests.session.keys import SELECTION, STAGED, STAGINGS
from kb_tests.session.sentences import one_sentence
from kb_tests.sla.verdict import Outcome, Verdict
from kb_tests.sla.workloads import WORKLOADS
from tests.unit.report import build

BUSY = 0.05
"""Seconds that a load takes."""


def _log(line: str) -> None:
    with Path(os.environ["KB_LOG"]).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(f"{line}\n")


def _outcome(of: str) -> str:
    """The next outcome, if it is one `of` "stage" or of "load"."""
    with Path(os.environ["KB_OUTCOMES"]).open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = file.read()
        first, _, rest = text.partition("\n")
        if (first in ("stage", "mistake")) != (of == "stage"):
            return "pass"
        file.seek(0)
        file.truncate()
        file.write(rest)
    return first or "pass"


@contextmanager
def _staged(config: Any, _cloud: Any, target: Any) -> Iterator[Any]:
    run_id = config.stash[STAGINGS].next(config.stash[SELECTION].targets.index(target))
    (Path(os.environ["KB_LOG"]).parent / run_id).mkdir()  # as with a journal, there is one of a name
    with one_sentence(config, target.cloud, target.scenario.name):
        match _outcome("stage"):
            case "stage":
                raise StagingError(f"{run_id} cannot be staged.")
            case "mistake":
                raise CapacityError("There is no such image.")
    config.stash[STAGED] = True
    _log(f"staged {run_id} {target.cloud}")
    try:
        yield (
            replace(build.topology(1), run_id=run_id),
            SimpleNamespace(versions=[], signs=(), telling=lambda *_, **__: nullcontext()),
        )
    finally:
        _log(f"removed {run_id} {target.cloud}")


_last = "pass"


def _measure(self: HttpRunner, point: HttpPoint) -> HttpMeasurement:
    global _last
    _log(f"begin {self._cloud}")
    time.sleep(BUSY)
    _log(f"end {self._cloud}")
    _last = _outcome("load")
    found = build.measurement(point, spread=0.1)
    if _last == "lags":
        found = replace(found, agents=tuple(replace(agent, lag_p99=1.0) for agent in found.agents))
    if _last == "loses":
        found = replace(found, agents=(), missing={agent.agent: "it fell silent" for agent in found.agents})
    return found


def _judge(*_: Any, look: int, **_more: Any) -> Verdict:
    outcome = Outcome(_last)
    limit = build.check("latency p99", 0.04, 0.05, outcome=Outcome.PASS if outcome == "invalid" else outcome)
    verdict = build.verdict([limit], ["A generator starved."] if outcome == "invalid" else [])
    return replace(verdict, looks=look)


def _connect(name: str, *_: object, **__: object) -> SimpleNamespace:
    return SimpleNamespace(name=name, clouds_yaml=None, close=lambda: None)


_patch = pytest.MonkeyPatch()


def pytest_configure() -> None:
    """From here on there is no cloud."""
    _patch.setattr(connect, "connect", _connect)
    _patch.setattr(mistakes, "refuse", lambda *_: None)
    _patch.setattr(states, "down", lambda *_: [])
    _patch.setattr(staging, "_staged", _staged)
    _patch.setattr(HttpRunner, "measure", _measure)
    _patch.setitem(WORKLOADS, "http", replace(WORKLOADS["http"], judge=_judge))


def pytest_unconfigure() -> None:
    """The session may have been one within a process that has others."""
    _patch.undo()
