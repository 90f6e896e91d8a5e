"""Scenario files with any fields changed: refused in sentences, or all that is made of them works."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.cloud.workloads import plan
from kb_tests.errors import KbError, ScenarioError
from kb_tests.scenario.load import load
from kb_tests.scenario.points import expand
from kb_tests.sla.feasible import feasible
from tests.unit.fuzz import examples

HTTP = """\
name: web
kind: http
topology:
  tenants: 2
  routers_per_tenant: 1
  networks_per_router: 2
  servers_per_network: 3
  flavor: {vcpus: 1, ram: 1GiB, disk: 0GiB}
  placement: {servers: [nova], clients: ["nova:a"]}
load:
  page_size: 32KiB
  connections: 10
  keep_alive: true
  rate: [500, 1000]
  clients: {start: 1, step: 2}
  warm_up: 1s
  duration: 30s
  max_duration: 60s
  timeout: 5s
sla:
  latency: {p50: 10ms, p99: 50ms}
  achieved: 90%
  errors: 5%
  staging: 120s
  confidence: 0.9
"""
STORAGE = """\
name: disk
kind: storage
topology: {servers: 4, target: volume, volume: {size: 10GiB, type: fast}, file_size: 1GiB}
load:
  profiles:
    - {name: mix, mode: randrw, rwmixread: 70, block_size: 4KiB, iodepth: 4, rate_iops: 100, numjobs: 1}
    - {name: all, mode: read, block_size: 64KiB, iodepth: 64, rate: 60MiB}
  ramp: 1s
  duration: 30s
  clients: {start: 1, step: 2}
sla:
  max_stall: 1s
  read_latency: {p99: 20ms}
  write_latency: {p99: 30ms}
  achieved: 80%
"""
NUMBERS = st.sampled_from(
    [0, 1, 2, 3, 20, 21, -1, 10**9, 10**30, 0.5, 1e-9, 1e300, float("inf"), float("nan")]
)
UNITS = st.builds(
    "{}{}".format, NUMBERS, st.sampled_from(["s", "ms", "h", "KiB", "GiB", "TiB", "%", "", " s"])
)
WORDS = st.sampled_from(
    ["", "auto", "p99", "null", "read", "randrw", "volume", "ephemeral", "../x", "a:b", "\x00"]
)
LEAVES = st.one_of(NUMBERS, UNITS, WORDS, st.none(), st.booleans(), st.text(max_size=5))
VALUES = st.one_of(LEAVES, st.lists(LEAVES, max_size=3), st.dictionaries(WORDS, LEAVES, max_size=3))


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all that is in a document."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [found for key, child in children for found in [(*path, key), *places(child, (*path, key))]]


@st.composite
def wild(draw: st.DrawFn) -> dict[str, Any]:
    """A scenario that is right but for one to three places."""
    document: dict[str, Any] = yaml.safe_load(draw(st.sampled_from([HTTP, STORAGE])))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(places(document)))
        node: Any = document
        for key in way:
            node = node[key]
        change = draw(st.sampled_from(["set", "set", "set", "remove", "add"]))
        if change == "remove":
            del node[last]
        elif change == "add" and isinstance(node, dict):
            node[draw(WORDS)] = draw(VALUES)
        else:
            node[last] = draw(VALUES)
    return document


@settings(max_examples=examples(80), deadline=None)
@given(wild())
def test_any_change_is_refused_or_makes_points_that_can_be_planned(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "wild.yaml"
    path.write_text(yaml.safe_dump(document))
    try:
        scenario = load(path)
    except ScenarioError as error:
        said = str(error)
    else:
        said = ""
        points = expand(scenario)
        assert points
        assert len({point.id for point in points}) == len(points)
        assert all(re.fullmatch(r"[\w.-]+", point.id) for point in points)
        assert all(isinstance(sentence, str) for sentence in feasible(scenario))
        with contextlib.suppress(KbError):
            plan(scenario)
    assert all(re.match(r"\S+wild.yaml(:\d+)?: ", line) for line in said.splitlines())
