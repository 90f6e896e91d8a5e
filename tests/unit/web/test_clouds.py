"""Clouds over HTTP: what they have, and removing exactly what was shown."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.cloud.contents import read
from kb_tests.web.app import App, Options
from kb_tests.web.tokens import Tokens
from tests.unit.web.client import TOKEN, VIEWER, Answer, ask, asking
from tests.waiting import eventually

CLOUDS = "/api/v1/clouds"
RESOURCE = {"kind": "server", "id": "1", "name": "kb-91ac02f7-proxy", "run_id": "91ac02f7"}
INVENTORY = {
    "who": {
        "cloud": "mycloud",
        "auth_url": "http://keystone/v3",
        "region": "r",
        "project": "load\x1b[31m",
        "user": "ops",
        "admin": True,
        "now": 1.0,
    },
    "has": {
        "zones": [{"name": "<b>z</b>", "available": True, "hosts": ["c1"]}],
        "quotas": [{"name": "vcpus", "used": 1, "limit": 9}],
        "runs": [
            {
                "name": "91ac02f7",
                "lease_until": 1,
                "expired": True,
                "kept": False,
                "alive": False,
                "resources": {"server": 1},
            }
        ],
    },
    "unlisted": {"images": "HTTP 503"},
}


class Kb:
    """Instead of `kb` in a child: what it prints, and what it was asked."""

    def __init__(self) -> None:
        self.output = ""
        self.code = 0
        self.error = ""
        self.asked: list[list[str]] = []

    def __call__(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        self.asked.append(command[4:])
        return subprocess.CompletedProcess(command, self.code, self.output.encode(), self.error.encode())

    def has(self, *resources: dict[str, Any]) -> None:
        lines = [{"cloud": "mycloud", "resource": one} for one in resources]
        self.output = "\n".join(map(json.dumps, [*lines, {"ended": 0}]))


@pytest.fixture
def kb(monkeypatch: pytest.MonkeyPatch) -> Kb:
    found = Kb()
    monkeypatch.setattr("kb_tests.web.child.run", found)
    return found


@pytest.fixture
def app(reports: Path, sessions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    (tmp_path / "clouds.yaml").write_text("clouds: {mycloud: {}, --json: {}}")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    return App(Options(reports=reports, sessions=sessions), Tokens(TOKEN, VIEWER))


def clean(app: App, **body: Any) -> Answer:
    return ask(app.asgi, f"{CLOUDS}/mycloud/cleanups", method="POST", send=body)


def test_what_a_cloud_has_is_shown_without_anything_that_moves_a_terminal(app: App, kb: Kb) -> None:
    kb.output = json.dumps(INVENTORY)
    found = ask(app.asgi, f"{CLOUDS}/mycloud").json
    assert kb.asked == [["cloud", "--json", "--", "mycloud"]]
    assert "\x1b" not in found["who"]["project"]
    assert found["has"]["zones"][0]["name"] == "<b>z</b>"
    assert found["unlisted"] == {"images": "HTTP 503"}
    ask(app.asgi, f"{CLOUDS}/mycloud")
    assert len(kb.asked) == 1  # a moment ago


def test_only_names_of_clouds_yaml_are_asked(app: App, kb: Kb) -> None:
    for name in ("nowhere", "..", "%2e%2e", "-x"):
        assert ask(app.asgi, f"{CLOUDS}/{name}").status == 404
    assert kb.asked == []
    kb.output = json.dumps(INVENTORY)
    ask(app.asgi, f"{CLOUDS}/--json")
    assert kb.asked == [["cloud", "--json", "--", "--json"]]


@pytest.mark.parametrize(
    "output", ["", "nonsense", "{}", '{"who": 1}', "[]", '{"who": {}, "has": {"runs": 1}}']
)
def test_a_cloud_that_cannot_be_asked_is_one_sentence(app: App, kb: Kb, output: str) -> None:
    kb.output, kb.error = output, "Traceback...\nkb: Cloud mycloud does not answer.\n"
    found = ask(app.asgi, f"{CLOUDS}/mycloud")
    assert (found.status, found.json["detail"]) == (502, "Cloud mycloud does not answer.")


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """Instead of what removes things: a process that says that it did."""
    found: list[list[str]] = []
    processes: list[Any] = []
    said = json.dumps({"cloud": "mycloud", "resource": RESOURCE})
    real = subprocess.Popen

    def started(command: list[str], **options: Any) -> Any:
        found.append(command[4:])
        assert options["start_new_session"] is True
        program = f"print('{said}'); print('{{\"ended\": 0}}')"
        processes.append(real([sys.executable, "-c", program], **options))
        return processes[-1]

    monkeypatch.setattr("kb_tests.web.cleaning.subprocess.Popen", started)
    yield found
    for process in processes:
        process.wait()


def test_exactly_what_was_shown_is_removed(app: App, kb: Kb, begun: list[list[str]], sessions: Path) -> None:
    kb.has(RESOURCE)
    shown = clean(app, run="91ac02f7")
    assert shown.status == 200
    assert shown.json["state"] == "shown"
    assert [one["name"] for one in shown.json["resources"]] == ["kb-91ac02f7-proxy"]
    assert "--dry-run" in kb.asked[0]
    kb.has(RESOURCE, RESOURCE | {"id": "2"})
    assert clean(app, run="91ac02f7", dry_run=False, digest=shown.json["digest"]).status == 409
    assert clean(app, run="91ac02f7", dry_run=False).status == 409
    assert begun == []
    kb.has(RESOURCE)
    done = clean(app, run="91ac02f7", dry_run=False, digest=shown.json["digest"])
    assert done.status == 202
    assert begun == [["cleanup", "--json", "--cloud=mycloud", "--run=91ac02f7"]]
    place = done.headers["location"]
    eventually(lambda: ask(app.asgi, place).json["state"] == "done")
    assert ask(app.asgi, place).json["code"] == 0
    (noted,) = (sessions.parent / "cleanups").glob("*/audit.log")
    assert json.loads(noted.read_text())["about"]["run"] == "91ac02f7"


def test_a_run_that_may_be_alive_goes_by_its_typed_id_alone(app: App, kb: Kb, begun: list[list[str]]) -> None:
    kb.code, kb.error = 1, "kb: Run 91ac02f7 may be alive: its process is running."
    refused = clean(app, run="91ac02f7")
    assert (refused.status, refused.json["detail"][:12]) == (409, "Run 91ac02f7")
    kb.code = 0
    kb.has(RESOURCE)
    digest = clean(app, run="91ac02f7", force=True).json["digest"]
    force = {"run": "91ac02f7", "force": True, "dry_run": False, "digest": digest}
    assert clean(app, **force).status == 422
    assert clean(app, **force, typed="91ac02f8").status == 422
    assert begun == []
    done = clean(app, **force, typed="91ac02f7")
    assert done.status == 202
    eventually(lambda: ask(app.asgi, done.headers["location"]).json["state"] == "done")
    assert "--force" in begun[0]
    assert clean(app, force=True).status == 422


def test_a_cloud_is_cleaned_once_at_a_time(app: App, kb: Kb, monkeypatch: pytest.MonkeyPatch) -> None:
    real = subprocess.Popen
    processes: list[Any] = []

    def slow(_command: list[str], **options: Any) -> Any:
        processes.append(real([sys.executable, "-c", "import time; time.sleep(600)"], **options))
        return processes[-1]

    monkeypatch.setattr("kb_tests.web.cleaning.subprocess.Popen", slow)
    kb.has(RESOURCE)
    digest = clean(app).json["digest"]
    try:
        first = clean(app, dry_run=False, digest=digest)
        assert first.status == 202
        assert clean(app, dry_run=False, digest=digest).status == 409
        assert ask(app.asgi, first.headers["location"]).json["state"] == "running"
    finally:
        for process in processes:
            process.kill()
            process.wait()
    found = ask(app.asgi, first.headers["location"]).json
    assert (found["state"], found["faults"]) == ("failed", ["It ended without a word."])


@pytest.mark.parametrize(
    "body", [{"run": "x"}, {"run": "--force"}, {"run": "../0a0b"}, {"dry_run": "no"}, {"all": True}]
)
def test_nothing_else_is_taken(app: App, kb: Kb, body: dict[str, Any]) -> None:
    assert clean(app, **body).status == 422
    assert kb.asked == []


def test_cleanups_are_found_by_their_ids_alone(app: App) -> None:
    for id_ in ("..", "%2e%2e", "0a0b0c0d", "x", "0a0b0c0d%2f.."):
        assert ask(app.asgi, f"/api/v1/cleanups/{id_}").status == 404


def kept_run(state: Path, run: str = "0a0b0c0f", asked: object = None) -> None:
    folder = state / "kb" / "runs" / run
    folder.mkdir(parents=True)
    lines = [
        {
            "op": "run",
            "version": 1,
            "mark": f"kb_tests run {run}, lease until 2026-11-28T00:00:00Z",
            "cloud": "mycloud",
        },
        {"op": "kept", "until": time.time() + 3600},
    ]
    lines[0]["scenario"] = "http-east-west"
    (folder / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    topology = {"kind": "http", "asked": asked or {}, "topology": {"servers": [{}], "clients": [{}, {}]}}
    (folder / "topology.json").write_text(json.dumps(topology))


def test_kept_topologies_are_listed_and_ended(
    app: App, kb: Kb, begun: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    assert ask(app.asgi, "/api/v1/kept").json == {"kept": []}
    kept_run(tmp_path / "home")
    (found,) = ask(app.asgi, "/api/v1/kept").json["kept"]
    assert (found["run"], found["cloud"], found["servers"]) == ("0a0b0c0f", "mycloud", 4)
    assert ask(app.asgi, "/api/v1/kept/0a0b0c00", method="DELETE").status == 404
    done = ask(app.asgi, "/api/v1/kept/0a0b0c0f", method="DELETE")
    assert done.status == 202
    eventually(lambda: ask(app.asgi, done.headers["location"]).json["state"] == "done")
    # Without --force, which would take it from under a session that loads it again.
    assert begun == [["cleanup", "--json", "--cloud=mycloud", "--run=0a0b0c0f"]]
    renewed = ask(app.asgi, "/api/v1/kept/0a0b0c0f/renewal", method="POST", send={})
    assert renewed.status == 200
    assert kb.asked == [["kept", "--renew=0a0b0c0f"]]
    assert read(tmp_path / "home/kb/runs/0a0b0c0f/journal.jsonl").kept


def test_where_nothing_may_be_started_nothing_is_removed(reports: Path, sessions: Path, kb: Kb) -> None:
    app = App(Options(reports=reports, sessions=sessions, read_only=True), Tokens(TOKEN))
    assert clean(app).status == 403
    assert ask(app.asgi, "/api/v1/kept/0a0b0c0f", method="DELETE").status == 403
    assert ask(app.asgi, "/api/v1/kept/0a0b0c0f/renewal", method="POST", send={}).status == 403
    assert kb.asked == []


def test_a_cloud_that_does_not_answer_keeps_no_other_request_waiting(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many ask it: what is asked of files is answered, and the cloud is asked once."""
    begun, go = [], threading.Event()

    def hang(*_: Any, **__: Any) -> subprocess.CompletedProcess[bytes]:
        begun.append(1)
        go.wait(60)
        return subprocess.CompletedProcess([], 0, json.dumps(INVENTORY).encode(), b"")

    monkeypatch.setattr("kb_tests.web.child.run", hang)

    async def many() -> list[int]:
        asked = [asyncio.create_task(asking(app.asgi, f"{CLOUDS}/mycloud")) for _ in range(100)]
        while not begun:
            await asyncio.sleep(0.01)
        asked[0].cancel()
        others = await asyncio.wait_for(asking(app.asgi, "/api/v1/sessions"), 30)
        assert others.status == 200
        go.set()
        return [answer.status for answer in await asyncio.gather(*asked[1:])]

    assert set(asyncio.run(many())) == {200}
    assert len(begun) == 1
