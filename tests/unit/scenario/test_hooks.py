"""Hooks in scenario files: what is refused before anything is staged, and what placeholders become."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.errors import ScenarioError
from kb_tests.scenario.hooks import fill, placeholders
from kb_tests.scenario.http import HttpScenario
from kb_tests.scenario.load import load
from kb_tests.scenario.own import with_load
from kb_tests.scenario.points import expand
from kb_tests.scenario.storage import StorageScenario
from kb_tests.sla.count import checks_of

GUIDE = Path(__file__).parents[3] / "docs" / "hooks.md"
HOOK = {"at": "10s", "run": ["openstack", "server", "reboot", "--hard", "{server}"]}
HTTP = {
    "name": "failover",
    "kind": "http",
    "topology": {"servers_per_network": 2},
    "load": {"rate": [100], "duration": "30s"},
    "sla": {"recovery": "15s"},
    "hooks": [HOOK],
}
STORAGE = {
    "name": "disk",
    "kind": "storage",
    "topology": {"servers": 2, "target": "volume", "volume": {"size": "10GiB"}, "file_size": "1GiB"},
    "load": {"profiles": [{"name": "r", "mode": "randread", "rate_iops": 100}], "duration": "30s"},
    "sla": {"recovery": "15s"},
    "hooks": [{"at": "10s", "run": ["./move", "{server.volume}", "{run}"], "name": "move"}],
}


def read(path: Path, scenario: dict[str, Any], **changed: Any) -> Any:
    data = {
        key: {**scenario[key], **value} if isinstance(value, dict) else value
        for key, value in changed.items()
    }
    file = path / "scenario.yaml"
    file.write_text(yaml.safe_dump({**scenario, **data}))
    return load(file)


@pytest.mark.parametrize("scenario", [HTTP, STORAGE], ids=["http", "storage"])
def test_a_scenario_may_have_hooks_of_either_kind(tmp_path: Path, scenario: dict[str, Any]) -> None:
    found = read(tmp_path, scenario)
    assert isinstance(found, HttpScenario | StorageScenario)
    (hook,) = found.hooks
    assert (hook.at, hook.timeout) == (10.0, 30.0)
    assert found.sla.recovery is not None
    assert found.sla.recovery.within == 15.0
    (point,) = expand(found)
    assert point.by_second
    bare = read(
        tmp_path, {key: value for key, value in scenario.items() if key != "hooks"}, sla={"errors": "1%"}
    )
    assert checks_of(point, found.sla) + 1 == checks_of(point, bare.sla), "recovery takes its share"


def test_a_hook_is_called_as_its_command_is_unless_it_has_a_name(tmp_path: Path) -> None:
    hooks = [HOOK, {"at": "1s", "run": ["/opt/fail-over.sh"]}, {"at": "2s", "run": ["x"], "name": "pull"}]
    found = read(tmp_path, {**HTTP, "sla": {"errors": "9%"}}, hooks=hooks)
    assert [hook.title for hook in found.hooks] == ["openstack", "fail-over.sh", "pull"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"hooks": [HOOK | {"run": "openstack server reboot"}]}, "run: found 'openstack server reboot'"),
        ({"hooks": [HOOK | {"run": []}]}, "run"),
        ({"hooks": [HOOK | {"run": ["{server}"]}]}, "begins with a command"),
        ({"hooks": [HOOK | {"run": ["x", "{sever}"]}]}, "{sever}, which stands for nothing; there are {run}"),
        ({"hooks": [HOOK | {"run": ["x", "{server.password}"]}]}, "stands for nothing"),
        ({"hooks": [HOOK | {"run": ["x", "{server"]}]}, "a { that is alone"),
        ({"hooks": [HOOK | {"run": ["x", "{server3}"]}]}, "the smallest point has 2 of role server"),
        ({"hooks": [HOOK | {"run": ["x", "a\0b"]}]}, "run"),
        ({"hooks": [HOOK | {"timeout": "2h"}]}, "timeout"),
        ({"hooks": [HOOK | {"at": "40s"}]}, "is at 40s, and the window has 30s"),
        ({"hooks": [HOOK, HOOK]}, "a name of its own"),
        ({"hooks": [HOOK | {"at": "4s"}]}, "needs 5s before the first hook"),
        ({"hooks": [HOOK | {"at": "11s"}]}, "could not be shown after 11s: until the window ends at 30s"),
        ({"hooks": [HOOK | {"at": "6s"}, HOOK | {"at": "20s", "name": "b"}]}, "until the next hook at 20s"),
        ({"load": {"max_duration": "60s"}}, "cannot stand beside max_duration"),
        ({"load": {"warm_up": "auto"}}, "cannot stand beside warm_up: auto"),
        ({"hooks": [], "load": {"duration": "20s"}}, "could not be shown after 5s"),
        ({"sla": {"recovery": "0s"}}, "above 0s"),
        ({"sla": {"recovery": {"p99": "1s"}}}, "sla.recovery.within is missing"),
        ({"hook": [HOOK]}, "did you mean hooks?"),
    ],
)
def test_what_could_not_work_is_refused(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        read(tmp_path, HTTP, **changed)
    assert said in str(refused.value)


def test_hooks_have_no_place_where_a_point_runs_in_rounds(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"hooks cannot stand beside load\.steady"):
        read(tmp_path, STORAGE, load={"steady": True, "max_duration": "60s"})


def test_connections_may_break_beside_hooks_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    assert read(tmp_path, HTTP).sla.connections == 0
    assert read(tmp_path, HTTP, sla={"connections": "95%"}).sla.connections == 0.95
    plain = {**HTTP, "sla": {"errors": "1%"}, "hooks": []}
    assert read(tmp_path, plain).sla.connections == 0.99


def test_a_recovery_says_what_good_is(tmp_path: Path) -> None:
    found = read(tmp_path, HTTP, sla={"recovery": {"within": "10s", "p99": "50ms", "errors": "1%"}})
    assert (found.sla.recovery.within, found.sla.recovery.p99, found.sla.recovery.errors) == (10, 0.05, 0.01)
    again = HttpScenario.model_validate(found.model_dump(mode="json", exclude_none=True))
    assert again == found, "a record shows it as it was read"


def test_a_load_of_somebodys_own_test_runs_no_hooks(tmp_path: Path) -> None:
    found = read(tmp_path, HTTP)
    assert isinstance(found, HttpScenario)
    own = with_load(found, {"duration": "2s"}, "kb_http.run")
    assert own.hooks == []
    assert own.sla.recovery is None


def test_the_guide_shows_what_can_be_read(tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "guide.yaml").write_text(blocks[0])
    assert load(tmp_path / "guide.yaml").hooks[0].title == "reboot"
    read(tmp_path, {**HTTP, "sla": {"errors": "1%"}} | yaml.safe_load(blocks[1]))
    read(tmp_path, HTTP | yaml.safe_load(blocks[2]))


def test_the_schema_knows_hooks_and_both_ways_to_limit_recovery() -> None:
    schema = HttpScenario.model_json_schema()
    assert schema["properties"]["hooks"]["items"] == {"$ref": "#/$defs/Hook"}
    assert schema["$defs"]["Hook"]["required"] == ["at", "run"]
    told = json.dumps(schema["$defs"]["HttpSla"]["properties"]["recovery"])
    assert '"string"' in told
    assert "RecoveryLimit" in told


@given(st.text(max_size=40), st.text(max_size=40))
def test_braces_and_values_stay_what_they_are(text: str, value: str) -> None:
    written = text.replace("{", "{{").replace("}", "}}")
    assert list(placeholders(written)) == []
    assert fill(written, lambda name: name) == text
    assert fill(f"{written}{{server}}", lambda _: value) == text + value
