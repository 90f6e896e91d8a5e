"""Starting: exactly what was confirmed, once, one load a cloud, no command from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kb_tests.cloud.kept import KeptRun
from kb_tests.scenario.load import load
from kb_tests.scenario.shipped import shipped
from kb_tests.web import child, looking
from kb_tests.web.app import App, Options
from kb_tests.web.scenarios import holds_commands
from kb_tests.web.shapes.clouds import CloudShape
from kb_tests.web.tokens import Tokens
from tests.unit.web.client import TOKEN, ask
from tests.unit.web.session import hooked, story, write_session
from tests.unit.web.test_clouds import INVENTORY, kept_run

KEPT_DEMO = partial(
    KeptRun,
    run="0a0b0c0d",
    clouds=("one",),
    scenario="demo-http",
    kind="http",
    servers=5,
    until=2e9,
    asked=next(load(path) for path in shipped() if path.stem == "demo-http").topology.model_dump(mode="json"),
)
SESSIONS = "/api/v1/sessions"


class Started:
    """Instead of a process: what would have been started."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.signals: list[int] = []
        self._code: int | None = None
        self._inherited: list[int] = []

    @property
    def code(self) -> int | None:
        return self._code

    @code.setter
    def code(self, code: int) -> None:
        self._code = code
        while self._inherited:
            os.close(self._inherited.pop())

    def __call__(self, command: list[str], **options: Any) -> Started:
        self._code = None
        self._inherited += map(os.dup, options["pass_fds"])
        assert options["stdin"] == subprocess.DEVNULL
        assert options["start_new_session"] is True
        assert "shell" not in options
        self.commands.append(command)
        self.sid = options["env"]["KB_SESSION"]
        return self

    def poll(self) -> int | None:
        return self.code

    def send_signal(self, number: int) -> None:
        self.signals.append(number)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    found = Started()
    monkeypatch.setattr("kb_tests.web.starting.subprocess.Popen", found)
    yield found
    found.code = 0


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


@pytest.fixture
def app(reports: Path, sessions: Path, own: Path) -> App:
    return App(Options(reports=reports, sessions=sessions, scenarios=own, max_servers=10), Tokens(TOKEN))


def wanted(app: App, *names: str, **more: Any) -> dict[str, Any]:
    """A request for what was shown."""
    asked = {"scenarios": list(names or ("demo-http",))} | more
    plan = ask(app.asgi, "/api/v1/plans", method="POST", send=asked)
    assert plan.status == 200, plan.body
    return asked | {"digest": plan.json["digest"]}


def post(app: App, body: Any, key: str = "") -> Any:
    headers = [("idempotency-key", key)] if key else []
    return ask(app.asgi, SESSIONS, method="POST", send=body, headers=headers)


def test_what_was_confirmed_is_started(app: App, started: Started, reports: Path, sessions: Path) -> None:
    found = post(app, wanted(app, "demo-http", "demo-storage"))
    assert found.status == 202, found.body
    sid = found.json["sid"]
    assert found.headers["location"] == f"{SESSIONS}/{sid}"
    assert started.sid == sid
    (command,) = started.commands
    assert command[:6] == [sys.executable, "-P", "-m", "pytest", "--pyargs", "kb_tests"]
    assert f"--kb-reports={reports.absolute()}" in command
    assert "--kb-max-servers=10" in command
    assert not any(word.startswith("--kb-cloud") for word in command)
    assert [Path(word.partition("=")[2]).name for word in command if "--kb-scenario" in word] == [
        "demo-http.yaml",
        "demo-storage.yaml",
    ]
    assert (sessions / sid / "stdout.log").stat().st_mode & 0o777 == 0o600
    assert json.loads((sessions / sid / "audit.log").read_text())["what"] == "started"


def test_a_session_that_has_said_nothing_yet_is_starting(app: App, started: Started) -> None:
    sid = post(app, wanted(app)).json["sid"]
    row = ask(app.asgi, f"{SESSIONS}/{sid}").json
    assert (row["state"], row["alive"]) == ("starting", True)
    started.code = 4
    row = ask(app.asgi, f"{SESSIONS}/{sid}").json
    assert (row["state"], row["alive"], row["exit_code"]) == ("broken_off", False, 4)


def test_asked_twice_it_starts_once(app: App, started: Started) -> None:
    body = wanted(app)
    first, again = post(app, body, "one"), post(app, body, "one")
    assert first.json["sid"] == again.json["sid"]
    assert len(started.commands) == 1
    assert post(app, wanted(app, "demo-storage"), "one").status == 422
    for other in ({"scenarios": ["demo-storage"]}, {"keep": True}, {"options": {"image": "other"}}):
        assert post(app, body | other, "one").status == 422, "of another body, under the same digest"
    assert len(started.commands) == 1


def test_a_key_is_taken_whole_or_not_at_all(app: App, started: Started) -> None:
    body = wanted(app)
    assert post(app, body, "k" * 301).status == 400
    assert started.commands == []


def test_no_child_imports_from_where_it_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of records may be anybody's."""
    monkeypatch.chdir(tmp_path)
    Path("argparse.py").write_text("open('owned', 'w'); raise SystemExit")
    assert subprocess.run(child.command("--version"), capture_output=True, check=False).returncode == 0
    assert not Path("owned").exists()


def test_one_cloud_carries_one_load(app: App, started: Started) -> None:
    assert post(app, wanted(app)).status == 202
    assert post(app, wanted(app)).status == 409
    assert post(app, wanted(app), "two").status == 409
    assert len(started.commands) == 1
    started.code = 0
    assert post(app, wanted(app)).status == 202


def test_a_session_that_has_said_its_last_word_is_not_waited_for(
    app: App, started: Started, sessions: Path
) -> None:
    """Its process is there for a moment more, and loads nothing."""
    sid = post(app, wanted(app)).json["sid"]
    write_session(sessions / "elsewhere", sid, story(), clouds=[""])
    for file in (sessions / "elsewhere" / sid).iterdir():
        file.rename(sessions / sid / file.name)
    assert started.code is None
    assert post(app, wanted(app)).status == 202


def test_a_session_that_has_said_nothing_yet_can_be_stopped(app: App, started: Started) -> None:
    sid = post(app, wanted(app)).json["sid"]
    assert ask(app.asgi, f"{SESSIONS}/{sid}/stop", method="POST", send={}).status == 202
    assert started.signals == [signal.SIGINT]
    started.code = 130
    assert ask(app.asgi, f"{SESSIONS}/{sid}/stop", method="POST", send={}).status == 409
    assert started.signals == [signal.SIGINT]


def test_the_way_to_the_servers_is_said_by_who_starts_the_ui_alone(
    reports: Path, sessions: Path, started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clouds.yaml").write_text("clouds: {west: {}}")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    way = "ssh -W %h:%p bastion"
    app = App(Options(reports=reports, sessions=sessions, proxy_command=way), Tokens(TOKEN))
    plan = ask(app.asgi, "/api/v1/plans", method="POST", send={"scenarios": ["demo-http"]})
    assert "--kb-ssh-proxy-command" not in plan.json["command"], "the embedded cloud needs none"
    asked = {"scenarios": ["demo-http"], "cloud": "west"}
    for more in ({"proxy_command": "x"}, {"options": {"proxy_command": "x"}}):
        assert ask(app.asgi, "/api/v1/plans", method="POST", send=asked | more).status == 422
    assert post(app, wanted(app, cloud="west")).status == 202
    assert f"--kb-ssh-proxy-command={way}" in started.commands[-1]
    plan = ask(app.asgi, "/api/v1/plans", method="POST", send=asked)
    assert f"'--kb-ssh-proxy-command={way}'" in plan.json["command"]


def test_a_load_that_a_shell_started_counts(
    app: App, started: Started, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_session(sessions, "0a0b0c0e", story()[:6], clouds=[""])
    monkeypatch.setattr("kb_tests.events.sessions.Session.alive", True)
    assert post(app, wanted(app)).status == 409
    assert started.commands == []


ENTRIES = """\
clouds:
  admin: {auth: {auth_url: "https://cloud.example:5000/v3", username: admin}, region_name: one}
  member: {auth: {auth_url: "https://cloud.example:5000/", username: member}, region_name: one}
  elsewhere: {auth: {auth_url: "https://cloud.example:5000/v3"}, region_name: two}
  rented: {profile: vendor}
  again: {profile: vendor}
  both: {auth: {auth_url: "https://cloud.example:5000/v3"}, regions: [one, {name: two}]}
  wild: [1]
"""


@pytest.mark.parametrize(
    ("loaded", "wished", "free"),
    [
        ("admin", "member", False),
        ("admin", "elsewhere", True),
        ("admin:two", "admin", True),
        ("admin:two", "elsewhere", False),
        ("rented", "again", False),
        ("wild", "admin", True),
        ("member", "both:one", False),
        ("member", "both:two", True),
        ("both:two", "both:one", True),
        ("rented", "rented:of the catalog", None),
    ],
)
def test_two_entries_of_one_cloud_carry_one_load(
    app: App,
    started: Started,
    sessions: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    loaded: str,
    wished: str,
    free: bool | None,
) -> None:
    (tmp_path / "clouds.yaml").write_text(ENTRIES)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    write_session(sessions, "0a0b0c0e", story()[:6], clouds=[loaded])
    monkeypatch.setattr("kb_tests.events.sessions.Session.alive", True)
    if free is None:
        asked = {"scenarios": ["demo-http"], "cloud": wished}
        assert ask(app.asgi, "/api/v1/plans", method="POST", send=asked).status == 422
        return
    found = post(app, wanted(app, cloud=wished))
    assert found.status == (202 if free else 409), found.body
    assert len(started.commands) == free


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"digest": "0" * 64}, 409),
        ({"digest": "x" * 64}, 409),
        ({"digest": ""}, 422),
        ({"digest": None}, 422),
        ({"scenarios": []}, 422),
        ({"scenarios": ["demo-storage"]}, 409),
        ({"scenarios": ["demo-http", "demo-http"]}, 422),
        ({"scenarios": ["nothing"]}, 404),
        ({"scenarios": ["../demo-http"]}, 404),
        ({"points": ["demo-http-clients-1-rate-200"]}, 422),
        ({"points": ["--collect-only"]}, 422),
        ({"mode": "stage"}, 409),
        ({"keep": True}, 409),
        ({"reuse": "0a0b0c0d"}, 409),
        ({"reuse": "../0a0b"}, 422),
        ({"options": {"image": "other"}}, 409),
        ({"options": {"image": "a\nb"}}, 422),
        ({"options": {"ssh_proxy_command": "x"}}, 422),
        ({"options": {"nameservers": ["x;y"]}}, 422),
        ({"options": {"ssh_port": 70000}}, 422),
        ({"cloud": "nowhere"}, 422),
        ({"cloud": "--collect-only"}, 422),
        ({"options": "--kb-ssh-proxy-command=x"}, 422),
        ({"ssh_proxy_command": "x"}, 422),
    ],
)
def test_what_differs_from_what_was_shown_is_not_started(
    app: App, started: Started, change: dict[str, Any], status: int
) -> None:
    assert post(app, wanted(app) | change).status == status
    assert started.commands == []


@pytest.mark.parametrize("change", [{"keep": True}, {"mode": "stage"}, {"reuse": "0a0b0c0d"}])
@pytest.mark.parametrize("where", [{}, {"cloud": "one"}, {"cloud": "one", "testing_cloud": "other"}])
def test_what_stays_may_be_anywhere(
    app: App,
    started: Started,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    where: dict[str, str],
) -> None:
    (tmp_path / "clouds.yaml").write_text("clouds: {one: {}, other: {}}")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    left = KEPT_DEMO(clouds=tuple(where.values()) or ("",), servers=0)
    monkeypatch.setattr("kb_tests.web.planning.kept_runs", lambda _: [left])
    assert post(app, wanted(app, **change, **where)).status == 202
    assert {"--kb-keep", "--kb-stage-only", "--kb-reuse=0a0b0c0d"} & {*started.commands[0]}


@pytest.mark.parametrize(
    ("change", "left", "why"),
    [
        ({"reuse": "0a0b0c0e"}, {}, "Nothing of run 0a0b0c0e is kept here"),
        ({"scenarios": ["http-east-west"]}, {}, "asks for another topology"),
        ({"scenarios": ["demo-storage"]}, {}, "asks for another topology"),
        ({"cloud": "other"}, {}, "What run 0a0b0c0d left is on one."),
        ({"testing_cloud": "other"}, {}, "What run 0a0b0c0d left is on one."),
        ({}, {"clouds": ("one", "other")}, "What run 0a0b0c0d left is on one and other."),
        ({}, {"clouds": ("",)}, "is on a local cloud of its own."),
    ],
)
def test_what_cannot_be_loaded_on_a_kept_topology_is_said_before_the_start(
    app: App,
    started: Started,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    left: dict[str, Any],
    why: str,
) -> None:
    (tmp_path / "clouds.yaml").write_text("clouds: {one: {}, other: {}}")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    monkeypatch.setattr("kb_tests.web.planning.kept_runs", lambda _: [KEPT_DEMO(**left)])
    asked = {"scenarios": ["demo-http"], "cloud": "one", "reuse": "0a0b0c0d"}
    assert wanted(app, **asked)
    plan = ask(app.asgi, "/api/v1/plans", method="POST", send=asked | change).json
    assert any(why in text for text in plan["refusals"]), plan["refusals"]
    assert post(app, asked | change | {"digest": plan["digest"]}).status == 422
    assert started.commands == []


def test_a_cloud_that_is_loaded_is_told_with_the_session_that_does(
    app: App, sessions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under whatever entry of clouds.yaml; so that nobody finds out at the start."""
    (tmp_path / "clouds.yaml").write_text(ENTRIES)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))

    def told() -> dict[str, str]:
        rows = ask(app.asgi, "/api/v1/clouds").json["clouds"]
        return {row["name"]: row["loaded_by"] for row in rows if row["loaded_by"]}

    assert told() == {}
    write_session(sessions, "0a0b0c0e", story()[:6], clouds=["member"], testing_cloud="elsewhere")
    monkeypatch.setattr("kb_tests.events.sessions.Session.alive", True)
    (sessions / "0a0b0c0d/session.json").unlink()
    assert set(told()) == {"admin", "member", "elsewhere", "both:one", "both:two"}
    assert set(told().values()) == {"0a0b0c0e"}


def test_a_run_that_is_too_large_is_not_started(app: App, started: Started) -> None:
    asked = {"scenarios": ["http-rack-to-rack"]}
    plan = ask(app.asgi, "/api/v1/plans", method="POST", send=asked).json
    assert plan["needs"]["servers"] > 10
    assert "--max-servers" in plan["refusals"][0]
    assert post(app, asked | {"digest": plan["digest"]}).status == 422
    assert started.commands == []


@pytest.mark.parametrize("change", [{"keep": True}, {"mode": "stage"}])
def test_what_stays_counts_together(
    reports: Path, sessions: Path, started: Started, change: dict[str, Any]
) -> None:
    """Topologies that stay are all there at once, beside those that are kept already."""
    asked = {"scenarios": ["demo-http", "demo-storage"]}
    servers = [
        ask(App(Options(reports=reports), Tokens(TOKEN)).asgi, f"/api/v1/scenarios/{name}").json["needs"][
            "servers"
        ]
        for name in asked["scenarios"]
    ]

    def refused(most: int, **more: Any) -> bool:
        app = App(Options(reports=reports, sessions=sessions, max_servers=most), Tokens(TOKEN))
        plan = ask(app.asgi, "/api/v1/plans", method="POST", send=asked | more).json
        status = post(app, asked | more | {"digest": plan["digest"]}).status
        assert status == (422 if plan["refusals"] else 202)
        started.code = 0
        return bool(plan["refusals"])

    assert not refused(max(servers)), "they come one after the other"
    assert refused(sum(servers) - 1, **change)
    assert not refused(sum(servers), **change)
    kept_run(sessions.parent / "home")
    (sessions.parent / "runs").symlink_to(sessions.parent / "home/kb/runs")
    assert refused(sum(servers) + 3, **change)
    assert not refused(sum(servers) + 4, **change)


def test_a_run_that_is_too_long_is_not_started(reports: Path, sessions: Path, started: Started) -> None:
    app = App(Options(reports=reports, sessions=sessions, max_minutes=0.1), Tokens(TOKEN))
    asked = {"scenarios": ["demo-http"]}
    plan = ask(app.asgi, "/api/v1/plans", method="POST", send=asked).json
    assert "--max-minutes" in plan["refusals"][0]
    assert post(app, asked | {"digest": plan["digest"]}).status == 422
    assert started.commands == []


def test_options_are_options_of_pytest_whatever_their_values_are(
    app: App, started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clouds.yaml").write_text("clouds: {one: {}}")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    options = {
        "image": "--collect-only",
        "flavor": "a b; rm -rf /",
        "nameservers": ["192.0.2.1"],
        "floating_ip": False,
        "ssh_port": 2222,
        "build_timeout": 60,
        "inconclusive": "pass",
        "packages": True,
    }
    asked = wanted(app, "demo-http", options=options, keep=True, cloud="one")
    assert post(app, asked).status == 202
    (command,) = started.commands
    for word in (
        "--kb-image=--collect-only",
        "--kb-flavor=a b; rm -rf /",
        "--kb-nameserver=192.0.2.1",
        "--kb-no-floating-ip",
        "--kb-ssh-port=2222",
        "--kb-build-timeout=60s",
        "--kb-inconclusive=pass",
        "--kb-packages",
        "--kb-keep",
    ):
        assert word in command


def test_chosen_points_alone_are_planned_and_run(app: App, started: Started) -> None:
    every = ask(app.asgi, "/api/v1/scenarios/demo-http").json["point_ids"]
    asked = wanted(app, "demo-http", points=every[1:2])
    plan = ask(app.asgi, "/api/v1/plans", method="POST", send={**asked, "digest": None}).status
    assert plan == 422
    assert post(app, asked).status == 202
    assert [word for word in started.commands[0] if "--kb-point" in word] == [f"--kb-point={every[1]}"]


def test_only_staging_is_a_start_like_any_other(
    app: App, started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clouds.yaml").write_text("clouds: {one: {}}")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    asked = wanted(app, "demo-http", mode="stage", cloud="one")
    assert post(app, asked).status == 202
    assert "--kb-stage-only" in started.commands[0]


def test_a_key_is_known_after_the_ui_was_started_again(
    app: App, reports: Path, sessions: Path, started: Started
) -> None:
    body = wanted(app)
    first = post(app, body, "one")
    other = App(Options(reports=reports, sessions=sessions), Tokens(TOKEN))
    again = post(other, body, "one")
    assert again.status == 202
    assert again.json["sid"] == first.json["sid"]
    assert len(started.commands) == 1
    assert (
        "one" not in (sessions / first.json["sid"] / "audit.log").read_text().split('"key"')[1].split(",")[0]
    )


def test_one_of_ones_own_runs_as_it_was_shown(app: App, started: Started, own: Path, sessions: Path) -> None:
    text = ask(app.asgi, "/api/v1/scenarios/demo-http").json["text"]
    (own / "mine.yaml").write_text(text)
    body = wanted(app, "mine")
    found = post(app, body)
    assert found.status == 202
    assert ask(app.asgi, "/api/v1/scenarios/mine", method="DELETE").status == 409
    copy = sessions / found.json["sid"] / "mine.yaml"
    assert copy.read_text() == text
    assert f"--kb-scenario={copy}" in started.commands[0]


@pytest.mark.parametrize("key", ["hooks", "HOOKS", " hooks ", '"hooks"', "? hooks\n"])
def test_a_scenario_that_runs_commands_is_not_started(
    app: App, started: Started, own: Path, key: str
) -> None:
    text = ask(app.asgi, "/api/v1/scenarios/demo-http").json["text"]
    (own / "mine.yaml").write_text(f"{text}{key.strip(' ')}: [{{run: [reboot]}}]\n")
    body = {"scenarios": ["mine"]}
    assert ask(app.asgi, "/api/v1/plans", method="POST", send=body).status == 422
    assert post(app, body | {"digest": "0" * 64}).status == 422
    assert started.commands == []


def test_only_whoever_started_the_ui_admits_commands_and_those_of_files_alone(
    reports: Path, sessions: Path, own: Path, tmp_path: Path, started: Started
) -> None:
    text = ask(App(Options(reports=reports), Tokens(TOKEN)).asgi, "/api/v1/scenarios/demo-http").json["text"]
    saved = tmp_path / "saved"
    saved.mkdir()
    mine = hooked(text.replace("name: demo-http", "name: mine"))
    (own / "mine.yaml").write_text(mine)
    (saved / "stored.yaml").write_text(mine.replace("name: mine", "name: stored"))
    options = Options(reports=reports, sessions=sessions, scenarios=own, saved=saved, allow_hooks=True)
    app = App(options, Tokens(TOKEN))
    assert ask(app.asgi, "/api/v1/plans", method="POST", send={"scenarios": ["stored"]}).status == 422
    assert post(app, {"scenarios": ["stored"], "digest": "0" * 64}).status == 422
    found = ask(
        app.asgi,
        "/api/v1/scenarios/other",
        method="PUT",
        send={"text": mine.replace("name: mine", "name: other")},
    )
    assert found.status == 422
    assert post(app, wanted(app, "mine")).status == 202
    assert len(started.commands) == 1


def test_commands_are_found_by_their_key() -> None:
    assert holds_commands("hooks: []")
    assert holds_commands("a: &x 1\nhooks: *x")
    assert holds_commands("<<: {hooks: [1]}")
    assert holds_commands("load: {hooks: 1}")
    assert holds_commands("load: [{a: [{Hooks: 1}]}]")
    assert not holds_commands("load: {hook: hooks}")


def test_looking_for_commands_ends_whatever_aliases_say() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40))]
    assert not holds_commands("\n".join(lines))
    assert not holds_commands("&a [*a]")


def test_where_nothing_may_be_started_nothing_is(reports: Path, sessions: Path, started: Started) -> None:
    app = App(Options(reports=reports, sessions=sessions, read_only=True), Tokens(TOKEN))
    assert post(app, wanted(app)).status == 403
    assert ask(app.asgi, f"{SESSIONS}/0a0b0c0d/stop", method="POST", send={}).status == 403


def test_a_cloud_is_asked_anew_once_something_was_started_on_it(
    app: App, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that says that nothing of ours is there may be of a moment before."""
    asked: list[str] = []

    def answer(cloud: str) -> CloudShape:
        asked.append(cloud)
        return CloudShape.model_validate(INVENTORY | {"asked": "2026-01-01T00:00:00Z"})

    monkeypatch.setattr(looking, "known_cloud", str)
    monkeypatch.setattr(looking, "_asked", answer)
    monkeypatch.setattr(looking, "FRESH", 1e9)
    for _ in range(2):
        assert ask(app.asgi, "/api/v1/clouds/mycloud").status == 200
    assert len(asked) == 1
    assert post(app, wanted(app)).status == 202
    assert len(started.commands) == 1
    assert ask(app.asgi, "/api/v1/clouds/mycloud").status == 200
    assert len(asked) == 2
