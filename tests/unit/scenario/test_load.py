"""Scenario files: what is accepted, and how each mistake reads."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from kb_tests.errors import ScenarioError
from kb_tests.scenario.http import HttpScenario
from kb_tests.scenario.load import load
from kb_tests.scenario.units import Duration, Share, Size

ROOT = Path(__file__).parents[3]
GOOD = """\
name: web
kind: http
topology: {servers_per_network: 4}
load:
  rate: [1000, 500]
  clients: {start: 1, step: 2}
  duration: 30s
sla:
  latency: {p99: 50ms, p99.9: 200ms}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "web.yaml"
    path.write_text(text)
    return path


def mistake(tmp_path: Path, text: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        load(written(tmp_path, text))
    return str(caught.value).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("rate: [1000, 500]", "rate: [0]", "web.yaml:9: sla.latency has no meaning for rate 0"),
        ("{start: 1, step: 2}", "{start: 9}", "web.yaml:6: load.clients.start may not exceed the 4 servers"),
        ("name: web", "name: Größe_1", "web.yaml:1: name: found 'Größe_1'; a name of small letters a to z"),
    ],
)
def test_a_mistake_of_the_whole_has_the_line_that_it_is_about(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert old in GOOD
    said = mistake(tmp_path, GOOD.replace(old, new))
    assert said.startswith(expected)
    assert "^" not in said


def test_units_become_seconds_and_bytes(tmp_path: Path) -> None:
    scenario = load(written(tmp_path, GOOD))
    assert isinstance(scenario, HttpScenario)
    assert scenario.load.duration == 30.0
    assert scenario.load.page_size == 32768
    assert scenario.sla.latency is not None
    assert scenario.sla.latency.limits() == {99.0: 0.05, 99.9: 0.2}


@pytest.mark.parametrize("path", sorted((ROOT / "scenarios").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_scenarios_load_and_are_called_like_their_file(path: Path) -> None:
    assert load(path).name == path.stem


@given(st.floats(1e-6, 1e6), st.floats(0, 1), st.integers(0, 1 << 50))
def test_what_is_dumped_reads_back(seconds: float, share: float, size: int) -> None:
    class Units(BaseModel):
        seconds: Duration
        share: Share
        size: Size

    dumped = Units.model_construct(seconds=seconds, share=share, size=size).model_dump(mode="json")
    back = Units.model_validate(dumped)
    assert back.seconds == pytest.approx(seconds, abs=1e-9)
    assert back.share == pytest.approx(share, abs=1e-11)
    assert back.size == size


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "  duration: 30s",
            "  duraton: 30s",
            "web.yaml:7: load.duraton is unknown; did you mean duration? allowed here: page_size, "
            "connections, keep_alive, tls, rate, clients, warm_up, duration, max_duration, timeout,"
            " capacity.",
        ),
        (
            "  duration: 30s",
            "  duration: 30",
            "web.yaml:7: load.duration: found 30; a duration with its unit is allowed here: "
            "250us, 10ms, 30s, 5min, 1h.",
        ),
        ("kind: http", "kind: ftp", "web.yaml:2: kind: found 'ftp'; allowed here: http, storage."),
        ("kind: http", "kind: [http]", "web.yaml:2: kind: found ['http']; allowed here: http, storage."),
        ("kind: http\n", "", "web.yaml:1: kind is missing; allowed: http, storage."),
        ("name: web\n", "", "web.yaml:1: name is missing."),
        (
            "[1000, 500]",
            "[1000, fast]",
            "web.yaml:5: load.rate[1]: found 'fast'; a number is allowed here.",
        ),
        (
            "[1000, 500]",
            "[1000, true]",
            "web.yaml:5: load.rate[1]: found True; a number is allowed here.",
        ),
        (
            "[1000, 500]",
            "[500, 500]",
            "web.yaml:5: load.rate: found [500, 500]; each rate may stand here once, since it names a test.",
        ),
        (
            "p99.9: 200ms",
            "q99: 200ms",
            "web.yaml:9: sla.latency.q99: found 'q99'; percentiles are written like p50, p99, p99.9.",
        ),
        (
            "p99.9: 200ms",
            "p99.9: 20ms",
            "web.yaml:9: sla.latency: name at least one percentile; limits are above 0 and do not fall "
            "as it rises.",
        ),
        (
            "[1000, 500]",
            "[0, 500]",
            "sla.latency has no meaning for rate 0, which asks only as fast as it is",
        ),
        ("start: 1", "start: 9", "load.clients.start may not exceed the 4 servers of the topology"),
        (
            "servers_per_network: 4",
            "servers_per_network: 1000, networks_per_router: 200",
            "this stands for 200002 points, and may for 10000: raise load.clients.step",
        ),
        ("name: web\n", "name: web\nname: web\n", "web.yaml:2: name stands here a second time."),
        ("[1000, 500]", "[1000", "web.yaml:6: is not valid YAML"),
        ("name: web", "name: !!python/object/apply:os.system [id]", "is not valid YAML"),
        (GOOD, "", "web.yaml:1: is empty; a scenario is a mapping"),
    ],
)
def test_a_mistake_names_file_line_key_found_and_allowed(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert expected in mistake(tmp_path, GOOD.replace(old, new))


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("name: web", "name: Web").replace("30s", "30")
    assert len(mistake(tmp_path, text).splitlines()) == 2


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read: No such file"):
        load(tmp_path / "nowhere.yaml")


def test_aliases_cannot_exhaust_memory(tmp_path: Path) -> None:
    levels = "\n".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 10)}]" for n in range(1, 12))
    assert "more than 10000 keys" in mistake(tmp_path, "k0: &k0 [1, 2]\n" + levels)


YAMLISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_load_or_are_refused(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "wild.yaml"
    path.write_bytes(text)
    with pytest.raises(ScenarioError):
        load(path)


@given(st.sampled_from(sorted(HttpScenario.model_fields)), YAMLISH)
def test_any_value_in_any_section_loads_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: object
) -> None:
    data = yaml.safe_load(GOOD) | {key: value}
    path = tmp_path_factory.getbasetemp() / "wild.yaml"
    path.write_text(yaml.safe_dump(data))
    with contextlib.suppress(ScenarioError):
        assert isinstance(load(path), HttpScenario)


@pytest.mark.parametrize("value", ["!!int ''", "!!float ''", "!!bool abc", "!!timestamp x"])
def test_a_value_that_its_tag_does_not_fit_is_no_yaml(tmp_path: Path, value: str) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(f"name: {value}\n")
    with pytest.raises(ScenarioError, match="is not valid YAML"):
        load(path)
