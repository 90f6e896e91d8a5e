from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.agent import identity
from tests.unit.agent.test_protocol import JSON

META = {"uuid": "83679162-1378-4288-a2d4-70e13ec132aa", "name": "kb-c0ffee00-client-1", "hostname": "other"}


def test_the_metadata_service_and_cloud_init_are_understood() -> None:
    for document in (META, {"ds": {"meta_data": META}}):
        found = identity.parse(json.dumps(document).encode())
        assert found is not None
        assert (found.name, found.uuid) == (META["name"], META["uuid"])


@given(st.binary(max_size=100) | JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_nobody(raw: bytes) -> None:
    assert identity.parse(raw) is None


@pytest.mark.parametrize("name", ["", "a/b", "a b", "x" * 129, "ä", 7, None])
def test_a_name_that_no_server_of_ours_has_is_refused(name: object) -> None:
    assert identity.parse(json.dumps(META | {"name": name}).encode()) is None


def test_a_config_drive_is_read_when_the_service_is_silent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(identity, "_fetch", lambda *_, **__: b"")
    monkeypatch.setattr(identity, "_CLOUD_INIT", ())
    monkeypatch.setattr(identity, "_CONFIG_DRIVES", (str(tmp_path / "none"), str(tmp_path)))
    monkeypatch.setattr("kb_tests.agent.tcp.gethostname", lambda: "a-host")
    assert identity.find(tries=2, pause=0).name == "a-host"
    folder = tmp_path / "openstack" / "latest"
    folder.mkdir(parents=True)
    (folder / "meta_data.json").write_text(json.dumps(META))
    assert identity.find(tries=1).uuid == META["uuid"]
