"""A search of a test's own makes its probes by the load and the SLA that it was asked for, nothing else."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kb_tests.measure.http.measurement import HttpMeasurement
from kb_tests.scenario.http import HttpPoint, HttpScenario, http_points
from kb_tests.scenario.own import with_search
from kb_tests.session import point_runner
from kb_tests.session.http.runner import HttpRunner
from kb_tests.session.target import Target
from tests.unit.report import build

SCENARIO = {
    "name": "mine",
    "kind": "http",
    "topology": {"servers_per_network": 4},
    "load": {"rate": [100], "duration": "60s"},
    "sla": {"latency": {"p99": "50ms"}, "recovery": {"within": "20s"}},
    "hooks": [{"name": "fail over", "at": "20s", "run": ["./fail-over"]}],
}


class OneIsEnoughError(Exception):
    """One probe is enough."""


class Runner(HttpRunner):
    """One that loads nothing."""

    hooks: Any = None
    held = False

    def __init__(self, scenario: HttpScenario) -> None:
        self.target = Target("west-1", scenario, Path("mine.yaml"))
        self.scenario = scenario
        self.checks, self.search = 1, ""
        self._recorder = cast("Any", SimpleNamespace(own_id=lambda point: f"own-{point.id}", probe=None))
        self._baseline = cast("Any", SimpleNamespace(added=self._added))
        self.topology = cast("Any", SimpleNamespace(staging=SimpleNamespace(seconds=1.0)))
        self.fleet = cast("Any", None)

    def _started(self, *_: Any) -> None:
        pass

    def _tell(self, *_: Any) -> None:
        pass

    def _marked(self, _point: HttpPoint, hooks: Any) -> Any:
        type(self).hooks = tuple(hooks)
        raise OneIsEnoughError

    def _added(self, verdict: Any, *_: Any, **__: Any) -> Any:
        type(self).held = True
        return verdict


def searching() -> tuple[Runner, HttpScenario, HttpPoint]:
    scenario = HttpScenario.model_validate(SCENARIO)
    assert scenario.hooks
    asked = {"of": "rate", "from": 100, "to": 4000}
    scenario, runner = with_search(scenario, asked, {"rate": None}, "kb_http.capacity"), Runner(scenario)
    (point,) = http_points(scenario, 4)
    return runner, scenario, point


def test_no_probe_of_it_runs_the_hooks_of_the_scenario() -> None:
    runner, scenario, point = searching()
    with pytest.raises(OneIsEnoughError):
        runner.search_own(scenario, point, allow_invalid=False)
    assert Runner.hooks == ()


def test_no_probe_of_it_is_held_against_a_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    runner, scenario, point = searching()
    marked = SimpleNamespace(hooks=(), marks=lambda _cut: ())

    class Marked:
        def __enter__(self) -> Any:
            return marked

        def __exit__(self, *_: object) -> None:
            pass

    def measure(point: HttpPoint) -> HttpMeasurement:
        return build.measurement(point)

    def once(probing: Any, *_: Any) -> None:
        probing.search = "mine"
        probing.probe(point)
        raise OneIsEnoughError

    monkeypatch.setattr(runner, "_marked", lambda *_: Marked())
    monkeypatch.setattr(runner, "measure", measure)
    monkeypatch.setattr(point_runner, "run_search", once)
    with pytest.raises(OneIsEnoughError):
        runner.search_own(scenario, point, allow_invalid=False)
    assert not Runner.held
