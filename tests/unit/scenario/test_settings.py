"""`--kb-set`: values that a command line sets in scenarios."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.errors import ScenarioError
from kb_tests.scenario.load import load, load_all
from kb_tests.scenario.settings import parse

HTTP = """\
name: web
kind: http
load:
  rate: [1000, 500]
  clients: {start: 1}
sla:
  latency: {p99: 50ms}
"""
STORAGE = """\
name: disks
kind: storage
topology: {servers: 2, target: ephemeral}
load:
  profiles:
    - {name: random mix, mode: randrw, rwmixread: 70, iodepth: 4, rate_iops: 100}
    - {name: log, mode: write, rate_iops: 10}
sla: {max_stall: 1s}
"""


@pytest.fixture
def web(tmp_path: Path) -> Path:
    path = tmp_path / "web.yaml"
    path.write_text(HTTP)
    return path


@pytest.fixture
def disks(tmp_path: Path) -> Path:
    path = tmp_path / "disks.yaml"
    path.write_text(STORAGE)
    return path


def at(scenario: Any, *place: Any) -> Any:
    data = scenario.model_dump(mode="json")
    for key in place:
        data = data[key]
    return data


@pytest.mark.parametrize(
    ("text", "place", "value"),
    [
        ("load.rate=[500]", ("load", "rate"), [500]),
        ("load.rate[0]=20", ("load", "rate"), [20, 500]),
        ("web:load.duration=60s", ("load", "duration"), "60s"),
        ("load.warm_up=auto", ("load", "warm_up"), "auto"),
        ("load.tls=true", ("load", "tls"), True),
        ("load.clients.step=3", ("load", "clients"), {"start": 1, "step": 3, "stop_at_failure": False}),
        ("load.clients=null", ("load", "clients"), None),
        ("sla.latency.p99.9=200ms", ("sla", "latency", "p99.9"), "0.2s"),
        ("sla.latency.p99=1s", ("sla", "latency", "p99"), "1s"),
        ("sla.errors=1%", ("sla", "errors"), "1%"),
        ("topology.servers_per_network=8", ("topology", "servers_per_network"), 8),
        ("topology.flavor.ram=4GiB", ("topology", "flavor", "ram"), "4294967296B"),
        ("sla={errors: 2%}", ("sla", "errors"), "2%"),
        ("name=other-web", ("name",), "other-web"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_any_place_can_be_set(web: Path, text: str, place: tuple[Any, ...], value: Any) -> None:
    assert at(load(web, [parse("load.warm_up=1s"), parse("load.duration=30s"), parse(text)]), *place) == value


def test_an_item_is_meant_by_its_number_or_its_name(disks: Path) -> None:
    by_name = load(disks, [parse("load.profiles[random mix].iodepth=8"), parse("load.profiles[1].iodepth=2")])
    assert [profile["iodepth"] for profile in at(by_name, "load", "profiles")] == [8, 2]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("load.rat=[5]", "--kb-set load.rat=[5]: load.rat is unknown; did you mean rate? allowed here: "),
        ("load.rate=5", "--kb-set load.rate=5: load.rate: found 5; "),
        ("load.rate=[-5]", "--kb-set load.rate=[-5]: load.rate[0]: found -5; "),
        ("load.duration=60", "--kb-set load.duration=60: load.duration: found 60; a duration with its unit"),
        ("load.duration=", "--kb-set load.duration=: load.duration: found None; "),
        ("load.rate[7]=5", "--kb-set load.rate[7]=5: load.rate has no 7; it has 0 to 1: 1000, 500."),
        ("load.duration[0]=5", "--kb-set load.duration[0]=5: load.duration is no list."),
        ("sla.latency.p101=5ms", "--kb-set sla.latency.p101=5ms: sla.latency.p101"),
        ("load.rate=[5", "--kb-set load.rate=[5: '[5' is not valid YAML."),
        ("load.rate", "--kb-set load.rate: a path and a value are needed, such as load.rate=[500]."),
        ("=5", "a path and a value are needed"),
        ("load..rate=5", "a path and a value are needed"),
        ("load.=5", "a path and a value are needed"),
        ("load[=5", "a path and a value are needed"),
        ("other:load.rate=[5]", "no scenario other was named; web was."),
        ("hooks=[{at: 5s, run: [reboot]}]", "hooks run commands, and are taken from a scenario file only."),
        ("load={rate: [5], hooks: []}", "hooks run commands"),
        ("hooks[0].run=[rm]", "hooks run commands"),
        ("web:hooks=[]", "hooks run commands"),
    ],
)
def test_a_mistake_says_what_where_and_what_is_allowed(web: Path, text: str, sentence: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(web, [parse(text)])
    assert sentence in str(caught.value)


def test_what_the_file_gets_wrong_is_still_its_own(web: Path) -> None:
    web.write_text(HTTP.replace("p99: 50ms", "p99: 50"))
    with pytest.raises(ScenarioError, match=r"web\.yaml:7: sla\.latency\.p99: found 50"):
        load(web, [parse("load.rate=[5]")])


def test_of_several_scenarios_it_holds_for_those_that_have_the_path(web: Path, disks: Path) -> None:
    texts = ("load.rate=[7]", "load.duration=9s", "load.profiles[log].iodepth=2", "disks:load.ramp=1s")
    loaded = load_all([web, disks], [parse(text) for text in texts])
    assert loaded[web].overrides == texts[:2]
    assert loaded[disks].overrides == texts[1:]
    assert (
        at(loaded[web].scenario, "load", "duration") == at(loaded[disks].scenario, "load", "duration") == "9s"
    )
    for nobodys in ("load.rat=[5]", "load.profiles[nothing].iodepth=2"):
        with pytest.raises(ScenarioError, match="none of the scenarios web, disks has load"):
            load_all([web, disks], [parse(nobodys)])
    with pytest.raises(ScenarioError, match=r"disks:load\.rate=\[5\]: load\.rate is unknown"):
        load_all([web, disks], [parse("disks:load.rate=[5]")])


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_is_typed_is_a_setting_or_one_sentence(path: str, value: str) -> None:
    file = Path(__file__).parents[3] / "scenarios" / "http-east-west.yaml"
    with contextlib.suppress(ScenarioError):
        load(file, [parse(f"{path}={value}")])
