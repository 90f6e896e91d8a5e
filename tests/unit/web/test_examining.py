"""Doctor over HTTP: names of clouds.yaml alone, findings worst first, one at a time, in a child."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from kb_tests.web.app import App
from tests.unit.web.client import VIEWER, ask

PLACE = "/api/v1/clouds/mycloud/examinations"


@pytest.fixture(autouse=True)
def _clouds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "clouds.yaml"
    file.write_text("clouds: {mycloud: {}, --help: {}}")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))


class Doctor:
    def __init__(self, *lines: str, error: str = "") -> None:
        self.lines, self.error = lines, error
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        self.commands.append(command)
        return subprocess.CompletedProcess(command, 1, "\n".join(self.lines).encode(), self.error.encode())


def finding(what: str, state: str, **more: str) -> str:
    return json.dumps({"cloud": "mycloud", "what": what, "state": state, "found": "so", "remedy": ""} | more)


def examine(app: App, place: str = PLACE, **body: Any) -> Any:
    return ask(app.asgi, place, method="POST", send=body)


def test_findings_come_worst_first(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    doctor = Doctor(
        finding("image", "good"),
        "noise",
        finding("quota", "FAULT", remedy="Ask\x1b[1m"),
        finding("mtu", "note"),
    )
    monkeypatch.setattr("kb_tests.web.child.run", doctor)
    found = examine(app, scenario="demo-http")
    assert found.status == 200
    assert [one["what"] for one in found.json["findings"]] == ["quota", "mtu", "image"]
    assert found.json["fit"] is False
    assert found.json["findings"][0]["remedy"] == "Ask [1m"
    (command,) = doctor.commands
    assert command[:3] == [sys.executable, "-P", "-c"]
    assert command[4:7] == ["doctor", "--json", "--cloud=mycloud"]
    assert command[-1].endswith("demo-http.yaml")


def test_a_cloud_that_cannot_be_asked_is_one_sentence(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    doctor = Doctor(error="warning\nkb: mycloud does not answer.")
    monkeypatch.setattr("kb_tests.web.child.run", doctor)
    found = examine(app)
    assert (found.status, found.json["detail"]) == (502, "mycloud does not answer.")


def test_only_names_of_clouds_yaml_are_asked(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    doctor = Doctor(finding("image", "good"))
    monkeypatch.setattr("kb_tests.web.child.run", doctor)
    assert examine(app, "/api/v1/clouds/nowhere/examinations").status == 404
    assert examine(app, scenario="../x").status == 404
    assert examine(app, scenario="demo-http", extra="x").status == 422
    assert ask(app.asgi, PLACE, method="POST", token=VIEWER, send={}).status == 403
    assert doctor.commands == []
    assert examine(app, "/api/v1/clouds/--help/examinations").status == 200
    assert "--cloud=--help" in doctor.commands[0]


def test_a_cloud_is_asked_once_at_a_time(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        asked.set()
        assert go_on.wait(60)
        return subprocess.CompletedProcess(command, 0, finding("image", "good").encode(), b"")

    monkeypatch.setattr("kb_tests.web.child.run", slow)
    answers: list[int] = []
    first = threading.Thread(target=lambda: answers.append(examine(app).status))
    first.start()
    assert asked.wait(60)
    assert examine(app).status == 409
    go_on.set()
    first.join(60)
    assert answers == [200]
    assert examine(app).status == 200


def test_the_child_is_the_command_that_a_shell_has(app: App, tmp_path: Path) -> None:
    """A cloud that says nothing of where it is: doctor's own sentence comes back."""
    found = examine(app)
    assert found.status in (200, 502)
    assert "mycloud" in json.dumps(found.json)
