"""Two sides of one session: what command lines name, and what they do not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kb_tests.errors import ScenarioError
from kb_tests.scenario.points import Point
from kb_tests.session.activation import _check_pairs
from kb_tests.session.pairing import sides, variant
from kb_tests.session.pairs import in_turns, opposite
from kb_tests.session.probe import Once
from kb_tests.session.selection import Selection
from kb_tests.session.strategy import InTurns, follow
from kb_tests.session.watching import Watching
from kb_tests.sla.verdict import Outcome
from tests.unit.report import build

FILE = """
name: web
kind: http
topology: {servers_per_network: 2, flavor: {vcpus: 1, ram: 1GiB}}
load: {rate: [100, 200], connections: 10, duration: 30s, clients: {start: 1, step: 1}}
sla: {latency: {p99: 50ms}}
"""


def selection(
    folder: Path, text: str = FILE, clouds: tuple[str, ...] = ("west",), **options: Any
) -> Selection:
    file = folder / "web.yaml"
    file.write_text(text)
    return Selection.read(clouds, [str(file)], paired=True, **options)


def test_sides_come_in_turns() -> None:
    a, b = build.point(1), build.point(1, scenario="b")
    ran = follow(InTurns(a, b, 4), lambda point: point)
    assert ["b" if point is b else "a" for point in ran] == list("abbaabba")


def test_a_variant_is_two_values_of_a_path(tmp_path: Path) -> None:
    found = selection(tmp_path, variant="topology.flavor.vcpus=1,4")
    a, b = found.targets
    assert [target.scenario.topology.flavor.vcpus for target in (a, b)] == [1, 4]
    assert (a.scenario.name, b.scenario.name, a.against) == ("web", "web-b", b)
    assert (a.side, b.side) == ("topology.flavor.vcpus=1", "topology.flavor.vcpus=4")
    assert [entry.target for entry in found.points] == [a] * 4
    assert found.number_of_checks([]) == 4


@pytest.mark.parametrize("values", ["topology.flavor.ram=1GiB,1024MiB", "sla.latency.p99=50ms,1s"])
def test_values_that_come_to_the_same_are_no_two_sides(values: str, tmp_path: Path) -> None:
    """A pass would say that B is no slower than A, of a B that is A."""
    with pytest.raises(ScenarioError, match="makes no difference to what is measured of web: "):
        selection(tmp_path, variant=values)


def test_names_are_told_as_they_are_written() -> None:
    assert variant("image=Übung,b c").told == ("Übung", "b c")


def test_an_image_is_a_variant_too(tmp_path: Path) -> None:
    a, b = selection(tmp_path, variant="image=old,new").targets
    assert (dict(a.stage), dict(b.stage)) == ({"image": "old"}, {"image": "new"})


def test_placements_and_items_are_variants() -> None:
    found = variant("load.connections=10, 20")
    assert [setting.value for (setting,) in found.settings] == [10, 20]
    nested = variant("topology.placement={servers: {zone: a}},{servers: {zone: b}}")
    assert nested.settings[1][0].value == {"servers": {"zone": "b"}}


def test_two_clouds_are_two_sides(tmp_path: Path) -> None:
    a, b = selection(tmp_path, clouds=("west", "east")).targets
    assert (a.place, b.place, a.cloud, b.cloud) == ("west", "east", "west", "west")
    assert (a.side, b.side) == ("west", "east")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "load.rate",
        "=1,2",
        "load.connections=1",
        "load.connections=1,2,3",
        "load.connections=1,1",
        "image=1,2",
        "x=[,",
    ],
)
def test_what_is_no_variant_is_said(text: str) -> None:
    with pytest.raises(ScenarioError, match="--kb-variant"):
        variant(text)


def test_a_path_that_is_none_is_named_with_the_option(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"--kb-variant topology\.nothing=1"):
        selection(tmp_path, variant="topology.nothing=1,2")
    with pytest.raises(ScenarioError, match="hooks run commands"):
        selection(tmp_path, variant="hooks=[],[{at: 1s, run: [x]}]")


@pytest.mark.parametrize(
    ("clouds", "text"), [(("a",), ""), (("a", "b", "c"), ""), (("a", "b"), "load.connections=1,2")]
)
def test_sides_are_two(clouds: tuple[str, ...], text: str) -> None:
    with pytest.raises(ScenarioError, match="two sides"):
        sides(clouds, text, paired=True)


def test_a_variant_without_pairs_is_a_mistake() -> None:
    with pytest.raises(ScenarioError, match="--kb-pairs"):
        sides(("a",), "load.connections=1,2", paired=False)


def test_sides_of_different_points_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="differ in their points"):
        selection(tmp_path, variant="load.rate=[100],[100, 200]")


def test_hooks_and_stop_limits_are_refused(tmp_path: Path) -> None:
    hooks = FILE + "hooks: [{at: 5s, run: ['true']}]\n"
    with pytest.raises(ScenarioError, match="has hooks"):
        selection(tmp_path, hooks, variant="load.connections=1,2")
    stopping = FILE.replace("step: 1}", "step: 1, stop_at_failure: true}")
    with pytest.raises(ScenarioError, match="stop_at_failure"):
        selection(tmp_path, stopping, variant="load.connections=1,2")


def test_a_name_that_has_no_room_for_its_other_side_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="--kb-pairs"):
        selection(tmp_path, FILE.replace("name: web", f"name: {'x' * 39}"), variant="load.connections=1,2")


class Runner:
    """Gives what `measured` says, of a cloud on which B takes `ratio` times as long."""

    def __init__(self, selected: Selection, ratio: float, doubt: str = "", note: str = "") -> None:
        self.scenario = selected.targets[0].scenario
        self.topology = SimpleNamespace(run_id="0000000b")
        self.ran: list[tuple[str, int]] = []
        self._ratio, self._doubt, self._note = ratio, doubt, note

    def once(self, point: Any, step: int, most: int) -> Once[Any, Any]:
        self.ran.append((point.id, step))
        assert most == 8
        found = build.measurement(point, median=0.004 * self._ratio * (1 + step / 1000))
        doubts, notes = (tuple(filter(None, [told])) for told in (self._doubt, self._note))
        return Once(point, found, build.STARTED, doubts, notes)

    def limits(self) -> dict[str, float]:
        return {"latency p99": 0.05}

    def percentiles(self) -> frozenset[float]:
        return frozenset({99.0})


def turned(folder: Path, ratio: float, doubt: str = "", note: str = "") -> Any:
    selected = selection(folder, variant="topology.flavor.vcpus=1,4")
    a, b = Runner(selected, 1.0, note=note), Runner(selected, ratio, doubt)
    point: Any = selected.points[0].point
    from kb_tests.scenario.points import expand

    others: tuple[Point, ...] = expand(selected.targets[1].scenario)
    other = opposite(point, "web", others)
    assert (other.load, other.clients) == (point.load, point.clients)
    return in_turns(a, b, point, other, 4, checks_made=1, sides=("x", "y"))


@pytest.mark.parametrize(("ratio", "outcome"), [(3.0, Outcome.FAIL), (0.5, Outcome.PASS)])
def test_a_point_in_turns_is_judged_by_its_ratio(ratio: float, outcome: Outcome, tmp_path: Path) -> None:
    record = turned(tmp_path, ratio)
    assert record.verdict.outcome is outcome
    assert [pair.b_first for pair in record.pairs.pairs] == [False, True, False, True]
    assert (record.pairs.run, record.pairs.sides, record.point.scenario) == ("0000000b", ("x", "y"), "web")


def test_a_turn_that_is_not_to_be_believed_makes_it_invalid(tmp_path: Path) -> None:
    record = turned(tmp_path, 0.5, "A generator starved.")
    assert (record.verdict.outcome, record.verdict.reasons) == (Outcome.INVALID, ("A generator starved.",))


def test_a_side_that_its_generators_slowed_makes_the_other_no_faster(tmp_path: Path) -> None:
    record = turned(tmp_path, 0.5, note="A generator sent late.")
    assert (record.verdict.outcome, record.verdict.reasons) == (Outcome.INVALID, ("A generator sent late.",))


def test_sides_whose_points_have_no_counterpart_are_refused_before_anything_is_staged(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="differ in their points"):
        selection(tmp_path, variant="load.rate=[400],[800]")


def test_a_scenario_that_is_called_as_another_ones_other_side_is_refused(tmp_path: Path) -> None:
    files = []
    for name in ("web", "web-b"):
        file = tmp_path / f"{name}.yaml"
        file.write_text(FILE.replace("name: web", f"name: {name}"))
        files.append(str(file))
    with pytest.raises(ScenarioError, match="run them apart"):
        Selection.read(["one", "two"], files, paired=True)


@pytest.mark.parametrize("option", ["kb_keep", "kb_stage_only", "kb_reuse", "kb_baseline"])
def test_what_would_leave_servers_that_no_pairs_can_use_is_refused(option: str) -> None:
    """What was staged for two sides cannot be loaded again: nobody would miss it for a day."""
    config: Any = SimpleNamespace(getoption=lambda name: name == option)
    with pytest.raises(ScenarioError, match="cannot be used together"):
        _check_pairs(config)


def test_whoever_watches_is_told_of_both_clouds(tmp_path: Path) -> None:
    """Nobody else may load the other side: two loads at a time would measure each other."""
    told: list[Any] = []
    config: Any = SimpleNamespace(option=SimpleNamespace(collectonly=True), stash={})
    bus: Any = SimpleNamespace(put=told.append)
    Watching(config, bus, selection(tmp_path, clouds=("east", "west")))
    assert told[0].clouds == ("east", "west")
