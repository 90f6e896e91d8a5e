"""What KloudBuster's REST server could do, this one can: its sixteen operations, each by name.

Its paths were below /api: `config/...` and `kloudbuster/...`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kb_tests.scenario.load import load
from kb_tests.scenario.shipped import shipped
from kb_tests.web.app import App, Options
from kb_tests.web.tokens import Tokens
from tests.unit.web.client import TOKEN, Answer, ask
from tests.unit.web.session import RUN, story, write_session
from tests.unit.web.test_clouds import INVENTORY, Kb, kept_run

SID = "0a0b0c0d"


class World:
    """A UI, a session that ended, one that runs, a cloud, a kept topology, and no process."""

    def __init__(self, app: App, kb: Kb, started: list[list[str]]) -> None:
        self.app, self.kb, self.started = app, kb, started

    def get(self, path: str) -> Answer:
        found = ask(self.app.asgi, f"/api/v1{path}")
        assert found.status == 200, (path, found.body)
        return found

    def send(self, method: str, path: str, body: Any = None, status: int = 200, seen: str = "") -> Answer:
        headers = [("if-match", f'"{seen}"')] if seen else []
        found = ask(self.app.asgi, f"/api/v1{path}", method=method, send=body, headers=headers)
        assert found.status == status, (path, found.status, found.body)
        return found

    def start(self, **asked: Any) -> Answer:
        asked = {"scenarios": ["demo-http"]} | asked
        digest = self.send("POST", "/plans", asked).json["digest"]
        return self.send("POST", "/sessions", asked | {"digest": digest}, 202)


@pytest.fixture
def world(reports: Path, sessions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (tmp_path / "clouds.yaml").write_text("clouds: {mycloud: {}, other: {}}")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    asked = load(next(path for path in shipped() if path.stem == "demo-http")).topology
    kept_run(tmp_path / "home", asked=asked.model_dump(mode="json"))
    (sessions.parent / "runs").symlink_to(tmp_path / "home/kb/runs")
    kb = Kb()
    started: list[list[str]] = []

    class Process:
        pid = os.getpid()

        def __init__(self, command: list[str], **_: Any) -> None:
            started.append(command)

        def poll(self) -> int | None:
            return 0

    monkeypatch.setattr("kb_tests.web.child.run", kb)
    monkeypatch.setattr("kb_tests.web.starting.subprocess.Popen", Process)
    monkeypatch.setattr("kb_tests.web.cleaning.subprocess.Popen", Process)
    return World(App(Options(reports=reports, sessions=sessions), Tokens(TOKEN)), kb, started)


def default_config(world: World) -> None:
    """GET /config/default_config: what can be configured, and what stands there if nothing does."""
    assert world.get("/schema/scenario").json["$defs"]
    assert "duration" in world.get("/scenarios/http-east-west").json["text"]


def new_running_config(world: World) -> None:
    """POST /config/running_config: a configuration of one's own, for one or two clouds."""
    text = world.get("/scenarios/demo-http").json["text"].replace("name: demo-http", "name: mine")
    world.send("PUT", "/scenarios/mine", {"text": text}, 201)
    plan = world.send("POST", "/plans", {"scenarios": ["mine"], "cloud": "mycloud", "testing_cloud": "other"})
    assert "--kb-testing-cloud=other" in plan.json["command"]


def get_running_config(world: World) -> None:
    """GET /config/running_config/{sid}: what a session runs."""
    session = world.get(f"/sessions/{SID}").json
    assert session["clouds"] == ["west-1"]
    assert session["runs"] == {"west-1": RUN}


def update_running_config(world: World) -> None:
    """PUT /config/running_config/{sid}: change it; of what is staged, the load alone."""
    new_running_config(world)
    shown = world.get("/scenarios/mine").json
    text = shown["text"].replace("[400, 800, 1200]", "[100]")
    world.send("PUT", "/scenarios/mine", {"text": text}, 200, seen=shown["digest"])
    assert world.start(scenarios=["mine"], cloud="mycloud", reuse="0a0b0c0f")


def delete_running_config(world: World) -> None:
    """DELETE /config/running_config/{sid}: forget it."""
    new_running_config(world)
    world.send("DELETE", "/scenarios/mine", status=204, seen=world.get("/scenarios/mine").json["digest"])
    world.send("DELETE", f"/runs/{RUN}", status=204)


def topology_config(world: World) -> None:
    """GET /config/topology_config/{sid}: on which hosts servers and clients are."""
    point = world.get(f"/runs/{RUN}").json["scenarios"][0]["points"][0]["id"]
    assert world.get(f"/runs/{RUN}/points/{point}").json["hosts"] is not None
    placed = "topology: {placement: {servers: [nova:c1], clients: [nova:c2]}}"
    text = f"name: x\nkind: http\n{placed}\nload: {{rate: [100]}}\nsla: {{errors: 1%}}\n"
    found = world.send("POST", "/checks", {"text": text, "feasible": False}).json
    assert found["findings"] == []


def hypervisor_list(world: World) -> None:
    """GET /config/hypervisor_list/{sid}: hosts to choose from, of either cloud."""
    world.kb.output = json.dumps(INVENTORY)
    assert world.get("/clouds/mycloud").json["has"]["zones"][0]["hosts"] == ["c1"]
    assert world.get("/clouds/other").json["has"]["zones"][0]["hosts"] == ["c1"]


def az_list(world: World) -> None:
    """GET /config/az_list/{sid}: availability zones to choose from."""
    world.kb.output = json.dumps(INVENTORY)
    assert len(world.get("/clouds/mycloud").json["has"]["zones"]) == 1


def version(world: World) -> None:
    """GET /kloudbuster/version."""
    assert world.get("/version").json["version"]


def status(world: World) -> None:
    """GET /kloudbuster/status/{sid}: its state, and while it stages how far that is."""
    assert world.get(f"/sessions/{SID}").json["state"] == "ended"
    assert b'"phase"' in world.get(f"/sessions/{SID}/events?once=1").body


def log(world: World) -> None:
    """GET /kloudbuster/log/{sid}?offset="""
    sid = world.start().json["sid"]
    found = world.get(f"/sessions/{sid}/log?offset=0").json
    assert (found["offset"], found["next"]) == (0, 0)


def report(world: World) -> None:
    """GET /kloudbuster/report/{sid}?final=: the last seconds, and all results."""
    assert b'"second"' in world.get(f"/sessions/{SID}/events?once=1").body
    assert world.get(f"/runs/{RUN}").json["scenarios"]


def stage(world: World) -> None:
    """POST /kloudbuster/stage/{sid}: stage, load nothing."""
    world.start(cloud="mycloud", mode="stage")
    assert "--kb-stage-only" in world.started[-1]


def run_test(world: World) -> None:
    """POST /kloudbuster/run_test/{sid}: load what is staged, as often as one likes."""
    for _ in range(2):
        world.start(cloud="mycloud", reuse="0a0b0c0f")
        assert "--kb-reuse=0a0b0c0f" in world.started[-1]


def stop_test(world: World) -> None:
    """POST /kloudbuster/stop_test/{sid}: after the point, at once, or without waiting for what is removed."""
    levels = world.get("/openapi.json").json["components"]["schemas"]["StopRequest"]["properties"]["level"]
    assert levels["enum"] == ["finish_point", "now", "leave_to_reaper"]
    for level in levels["enum"]:
        world.send("POST", f"/sessions/{SID}/stop", {"level": level}, 409)  # it has ended


def cleanup(world: World) -> None:
    """POST /kloudbuster/cleanup/{sid}: remove what is staged, or what is left."""
    world.send("DELETE", "/kept/0a0b0c0f", status=202)
    assert "--run=0a0b0c0f" in world.started[-1]
    world.kb.has()
    assert world.send("POST", "/clouds/mycloud/cleanups", {"run": "0a0b0c0f"}).json["state"] == "shown"


SIXTEEN: list[Callable[[World], None]] = [
    default_config,
    new_running_config,
    get_running_config,
    update_running_config,
    delete_running_config,
    topology_config,
    hypervisor_list,
    az_list,
    version,
    status,
    log,
    report,
    stage,
    run_test,
    stop_test,
    cleanup,
]


@pytest.mark.parametrize("operation", SIXTEEN, ids=lambda operation: operation.__name__)
def test_kloudbuster_could_and_we_can(world: World, operation: Callable[[World], None]) -> None:
    operation(world)


def test_there_were_sixteen() -> None:
    assert len(SIXTEEN) == len({one.__name__ for one in SIXTEEN}) == 16


def test_a_session_that_runs_ends_after_its_point(
    world: World, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = write_session(sessions, "0a0b0c0e", story()[:6], started=time.time())
    monkeypatch.setattr("kb_tests.events.sessions.Session.alive", True)
    world.send("POST", "/sessions/0a0b0c0e/stop", {"level": "finish_point"}, 202)
    assert (own / "finish").exists()
    assert world.get("/sessions/0a0b0c0e").json["finishing"]
