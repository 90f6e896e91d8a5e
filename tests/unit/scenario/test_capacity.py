"""A search of a capacity in a scenario's file: what it means, and what is refused there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kb_tests.errors import ScenarioError
from kb_tests.scenario.capacity import probed
from kb_tests.scenario.http import HttpScenario
from kb_tests.scenario.load import load
from kb_tests.scenario.points import expand
from kb_tests.scenario.storage import StoragePoint, StorageScenario
from kb_tests.sla.capacity import foreseen
from kb_tests.sla.feasible import feasible
from kb_tests.sla.workloads import WORKLOADS

HTTP = """\
name: far
kind: http
topology: {servers_per_network: 4}
load:
  connections: 100
  capacity: {of: rate, from: 200, to: 20000}
sla:
  latency: {p99: 50ms}
  errors: 0.1%
"""
STORAGE = """\
name: deep
kind: storage
topology: {servers: 2, target: volume, volume: {size: 10GiB}}
load:
  profiles: [{name: random read, mode: randread}]
  capacity: {of: rate_iops, from: 50, to: 5000}
sla:
  read_latency: {p99: 20ms}
"""


def read(folder: Path, text: str) -> HttpScenario | StorageScenario:
    path = folder / "far.yaml"
    path.write_text(text)
    found = load(path)
    assert isinstance(found, HttpScenario | StorageScenario)
    return found


def mistake(folder: Path, text: str) -> str:
    with pytest.raises(ScenarioError) as wrong:
        read(folder, text)
    return str(wrong.value)


def test_a_search_is_one_point_a_scale_that_begins_where_it_does(tmp_path: Path) -> None:
    scenario = read(tmp_path, HTTP)
    (point,) = expand(scenario)
    assert point.id == "far-clients-4-capacity"
    assert (point.search, point.offered, point.duration, point.max_duration) == ("rate", 800, 30, 1800)
    two = HTTP.replace("  connections", "  clients: {start: 2, step: 2}\n  connections")
    assert [one.id for one in expand(read(tmp_path, two))] == [
        "far-clients-2-capacity",
        "far-clients-4-capacity",
    ]


def test_a_probe_is_a_point_of_its_own(tmp_path: Path) -> None:
    (search,) = expand(read(tmp_path, HTTP))
    probe = probed(search, 312.5, 5, 3)
    assert (probe.id, probe.offered, probe.duration) == ("far-clients-4-capacity-3-rate-312.5", 1250, 5)
    assert probe.search == ""


def test_clients_are_searched_on_servers_for_the_most(tmp_path: Path) -> None:
    text = HTTP.replace(
        "{of: rate, from: 200, to: 20000}", "{of: clients, from: 1, to: 4}\n  rate: [100, 300]"
    )
    one, two = expand(read(tmp_path, text))
    assert (one.id, one.clients, two.id) == ("far-rate-100-capacity", 1, "far-rate-300-capacity")
    assert probed(two, 3, 30, 1).clients == 3


def test_storage_searches_iops_or_how_many_are_under_way(tmp_path: Path) -> None:
    (point,) = expand(read(tmp_path, STORAGE))
    assert (point.id, point.offered) == ("deep-clients-2-random-read-capacity", 100)
    deep = STORAGE.replace("rate_iops, from: 50, to: 5000", "iodepth, from: 1, to: 256")
    (point,) = expand(read(tmp_path, deep.replace("read_latency", "read_service_time")))
    probe = probed(point, 16, 30, 1)
    assert isinstance(probe, StoragePoint)
    assert (point.offered, probe.iodepth, probe.rate) == (0, 16, 0)


def test_a_scenario_with_a_search_is_read_again_as_it_was_dumped(tmp_path: Path) -> None:
    for text in (HTTP, STORAGE):
        scenario = read(tmp_path, text)
        dumped = scenario.model_dump(mode="json", exclude_none=True, exclude_unset=True)
        assert dumped["load"]["capacity"]["from"] in (50, 200)
        assert type(scenario).model_validate(dumped) == scenario


def test_a_first_load_that_shows_nothing_is_found_out(tmp_path: Path) -> None:
    assert feasible(read(tmp_path, HTTP)) == []
    (said,) = feasible(read(tmp_path, HTTP.replace("from: 200", "from: 5").replace("  errors: 0.1%\n", "")))
    assert "begins with 600 requests in a probe of 30s, and latency p99 takes at least" in said
    times = re.search(r"begin ([\d.]+) times as high", said)
    assert times
    enough = HTTP.replace("from: 200", f"from: {5 * float(times[1]):g}").replace("  errors: 0.1%\n", "")
    assert feasible(read(tmp_path, enough)) == []


@pytest.mark.parametrize("text", [HTTP, STORAGE])
def test_of_a_search_it_is_told_what_its_budget_holds_and_not_when_a_point_would_be_decided(
    tmp_path: Path, text: str
) -> None:
    scenario = read(tmp_path, text)
    assert list(WORKLOADS[scenario.kind].deciding(scenario)) == []
    (told,) = foreseen.sentences(scenario)
    assert re.search(r"the budget of 30min then holds \d\d probes of 30s", told)
    (told,) = foreseen.sentences(read(tmp_path, text.replace("{of", "{budget: 3min, of")))
    assert "a capacity above that is not found" in told


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (
            "60s",
            "within the budget of 60s the ramp comes from 200 to 390.6 requests/s each, and not to 20,000",
        ),
        (
            "4min",
            "comes to 20,000 requests/s each in 220s, if none of its loads breaks; the budget of 240s then",
        ),
        ("4min", "holds 0 probes of 30s, and a search takes 5 to 20 as a rule: give it a larger budget."),
    ],
)
def test_how_far_a_ramp_comes_is_foreseen(tmp_path: Path, budget: str, expected: str) -> None:
    """A short probe is 10 s, warm-up included; the budget has to hold a long one after it."""
    (told,) = foreseen.sentences(read(tmp_path, HTTP.replace("{of", f"{{budget: {budget}, of")))
    assert expected in told


def test_probes_in_which_a_queue_goes_unnoticed_are_refused(tmp_path: Path) -> None:
    short = HTTP.replace("to: 20000", "to: 20000, probe: 5s").replace("errors: 0.1%", "errors: 5%")
    assert feasible(read(tmp_path, short)) == []
    (said,) = feasible(read(tmp_path, short.replace("50ms", "500ms")))
    assert "in windows of 5s a queue that grows for ever may seem to keep the SLA up to 5 % above" in said
    assert feasible(read(tmp_path, short.replace("50ms", "500ms").replace("5s}", "5s, width: 20%}"))) == []
    deep = STORAGE.replace("rate_iops, from: 50, to: 5000", "iodepth, from: 1, to: 256")
    assert feasible(read(tmp_path, deep.replace("read_latency", "read_service_time"))) == []


def test_a_gate_that_the_last_load_could_not_show_to_be_kept_for_long_is_refused(tmp_path: Path) -> None:
    """In 30 s after 5 of warm-up a queue reaches 50 ms from 0.14 % above what is served."""
    gate = HTTP.replace("errors: 0.1%", "capacity: {at_least: 80000}")
    (said,) = feasible(read(tmp_path, gate))
    assert "windows of 30s that keep 80,000 show 79,884.9 to be kept for long, and 80,000 are asked" in said
    assert "search to 20,029 at least" in said
    assert feasible(read(tmp_path, gate.replace("to: 20000", "to: 20029"))) == []


def test_without_a_search_one_point_at_the_least_decides(tmp_path: Path) -> None:
    text = HTTP.replace("  capacity: {of: rate, from: 200, to: 20000}\n", "")
    (point,) = expand(read(tmp_path, text + "  capacity: {at_least: 4000}\n"))
    assert (point.id, point.offered, point.search) == ("far-clients-4-rate-1000", 4000, "")
    text = STORAGE.replace("  capacity: {of: rate_iops, from: 50, to: 5000}\n", "")
    (point,) = expand(read(tmp_path, text + "  capacity: {at_least: 1000}\n"))
    assert (point.id, point.offered) == ("deep-clients-2-random-read", 1000)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("from: 200", "from: 0", "far.yaml:6: load.capacity.from: found 0; input should be greater than 0"),
        ("from: 200", "from: -1", "greater than 0"),
        ("from: 200", "from: .nan", "load.capacity.from"),
        ("to: 20000", "to: .inf", "load.capacity.to"),
        ("to: 20000", "to: 1.0e+300", "less than or equal to 100000000"),
        ("from: 200", "from: 20000", "from has to be below to"),
        ("of: rate", "of: rates", "far.yaml:6: load.capacity.of: found 'rates'"),
        ("of: rate", "of: rate_iops", "load.capacity.of"),
        ("from: 200", "form: 200", "load.capacity.form is unknown; did you mean from?"),
        ("to: 20000", "to: 20000, width: 0%", "a width from 0.5% to 50% is allowed here"),
        ("to: 20000", "to: 20000, step: 0%", "a step from 1% to 100% is allowed here"),
        ("to: 20000", "to: 20000, probe: 1s", "a probe from 5s to 1h is allowed here"),
        (
            "to: 20000",
            "to: 20000, budget: 50s",
            "budget has to hold two probes of 30s at least, and holds 50s",
        ),
        ("to: 20000", "to: 20000, budget: 48h", "24h at most"),
        ("connections: 100", "rate: [5]", "rate has no meaning beside a search of it"),
        ("connections: 100", "duration: 20s", "load.duration has no meaning beside load.capacity"),
        ("connections: 100", "max_duration: 90s", "load.max_duration has no meaning beside load.capacity"),
        ("connections: 100", "warm_up: auto", "load.warm_up: auto"),
        (
            "connections: 100",
            "clients: {start: 1, step: 1, stop_at_failure: true}",
            "load.clients.stop_at_failure has no meaning beside load.capacity",
        ),
        ("errors: 0.1%", "errors: 0%", "far.yaml:9: sla.errors speaks of the sample alone"),
        ("p99: 50ms", "p99: 50ms, p100: 1s", "sla.latency.p100 speaks of the sample alone"),
        (
            "errors: 0.1%",
            "capacity: {at_least: 90000}",
            "far.yaml:9: sla.capacity.at_least is 90000, and the",
        ),
        ("errors: 0.1%", "capacity: {at_least: 500}", "goes from 800 to 80000 of all 4 together"),
        ("errors: 0.1%", "capacity: {at_least: 0}", "greater than 0"),
        ("errors: 0.1%", "baseline: {max_slower: 10%}", "sla.baseline has no meaning beside load.capacity"),
        ("errors: 0.1%", "recovery: 15s", "cannot stand beside load.capacity"),
        (
            "sla:",
            "hooks: [{at: 8s, run: [touch]}]\nsla:",
            "hooks cannot stand beside load.capacity, which runs as many loads as it takes",
        ),
        (
            "{of: rate, from: 200, to: 20000}",
            "{of: clients, from: 1, to: 9}\n  rate: [5]",
            "has 4 servers for",
        ),
        ("{of: rate, from: 200, to: 20000}", "{of: clients, from: 1, to: 4}\n  rate: [0]", "for rate 0"),
        ("{of: rate, from: 200, to: 20000}", "{of: clients, from: 1, to: 4}", "load.rate is missing"),
        ("{of: rate, from: 200, to: 20000}", "{of: clients, from: 1.5, to: 4}\n  rate: [5]", "whole numbers"),
    ],
)
def test_what_a_search_cannot_do_is_refused_by_line(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert old in HTTP
    assert expected in mistake(tmp_path, HTTP.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("mode: randread", "mode: randread, rate_iops: 7", "rate_iops of profile random read has no meaning"),
        ("mode: randread", "mode: randread, rate: 1MiB", "name rate or rate_iops, not both"),
        ("read_latency: {p99: 20ms}", "read_latency: {p99: 20ms}\n  errors: 0%", "sla.errors speaks of the"),
        ("read_latency: {p99: 20ms}", "read_latency: {p99: 20ms}\n  max_stall: 2s", "sla.max_stall speaks"),
        (
            "from: 50, to: 5000",
            "from: 50, to: 5000}\n  steady: true\n  max_duration: 90s\n  x: {",
            "load.x is",
        ),
        ("rate_iops, from: 50, to: 5000", "iodepth, from: 1, to: 99", "sla.read_latency is for profiles"),
        ("rate_iops, from: 50, to: 5000", "iodepth, from: 1, to: 9999", "goes up to 4096"),
    ],
)
def test_what_a_search_of_storage_cannot_do_is_refused(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert old in STORAGE
    assert expected in mistake(tmp_path, STORAGE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from: 200, ", ""),
        ("from: 200", "from: -1"),
        ("from: 200", "from: '200/s'"),
        ("of: rate, ", ""),
        ("of: rate", "of: rate_iops"),
    ],
)
def test_one_mistake_of_a_search_is_told_once_and_asks_for_no_rate(
    tmp_path: Path, old: str, new: str
) -> None:
    told = mistake(tmp_path, HTTP.replace(old, new))
    assert "load.capacity" in told
    assert "load.rate" not in told


def test_a_gate_a_little_beyond_the_search_is_told_as_it_was_asked(tmp_path: Path) -> None:
    told = mistake(tmp_path, HTTP.replace("errors: 0.1%", "capacity: {at_least: 80000.01}"))
    assert "sla.capacity.at_least is 80000.01, and the search goes from 800 to 80000" in told
