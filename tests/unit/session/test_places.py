"""Entries of clouds.yaml that are one cloud are one, whoever signs in, as far as the file tells."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
import yaml
from xdist.scheduler import LoadScopeScheduling

from kb_tests.scenario.load import load
from kb_tests.session.places import places
from kb_tests.session.scheduler import CloudScheduling
from kb_tests.session.selection import Load, Selection
from kb_tests.session.target import Target

DEMO = Path(__file__).parents[3] / "scenarios/demo-http.yaml"
ENTRIES = {
    "member": ("https://cloud.example:5000/v3", "one"),
    "admin": ("https://cloud.example:5000/", "one"),
    "elsewhere": ("https://cloud.example:5000/v3", "two"),
    "other": ("https://other.example/v3", "one"),
    "port": ("https://other.example:443/v3", "one"),
    "lonely": ("https://lonely.example/v3", None),
}


@pytest.fixture(autouse=True)
def clouds_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    clouds = {
        name: {
            "auth": {"auth_url": url, "username": name, "password": "p", "project_name": name},
            **({"region_name": region} if region else {}),
        }
        for name, (url, region) in ENTRIES.items()
    }
    clouds["broken"] = {"auth": {"auth_url": "https://cloud.example:5000/v3"}}
    clouds["several"] = {**clouds["lonely"], "regions": ["one", "two"]}
    path = tmp_path / "clouds.yaml"
    path.write_text(yaml.safe_dump({"clouds": clouds}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))
    return path


def test_one_region_of_one_cloud_is_one_place() -> None:
    found = places(["", "broken", "unknown", *ENTRIES])
    assert found["admin"] == found["member"]
    assert found["other"] == found["port"]
    assert len(set(found.values())) == len(found) - 2


def test_regions_are_places_and_an_entry_without_one_may_be_any_of_them() -> None:
    found = places(["several:one", "several:two", "elsewhere"])
    assert len(set(found.values())) == 3
    for names in permutations(["several:one", "several:two", "lonely", "other"]):
        found = places(names)
        assert found["several:one"] == found["several:two"] == found["lonely"] != found["other"]


def test_under_xdist_tests_of_one_place_go_to_one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = load(DEMO)
    targets = {name: Target(name, scenario, DEMO) for name in ("member", "admin", "elsewhere")}
    selection = Selection(tuple(targets), tuple(targets.values()), ())
    refused: list[Load] = []
    scheduling = CloudScheduling.__new__(CloudScheduling)
    scheduling.collection = None
    scheduling._refuse = refused.extend
    scheduling._selection = selection
    scheduling._loads = {name: Load(target, None) for name, target in targets.items()}
    monkeypatch.setattr(LoadScopeScheduling, "schedule", lambda _: None)
    scheduling.schedule()
    scopes = {name: scheduling._split_scope(name) for name in (*targets, "another.py::test")}
    assert scopes["member"] == scopes["admin"] != scopes["elsewhere"]
    assert scopes["another.py::test"] == "another.py::test"
    assert len(refused) == 3
