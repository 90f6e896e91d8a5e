"""Writing scenarios: what is wrong stands at its line, what is saved is whole, and nobody's work is lost."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from kb_tests.web.app import App, Options
from kb_tests.web.scenarios import LARGEST
from kb_tests.web.tokens import Tokens
from tests.unit.web.client import TOKEN, Answer, ask
from tests.unit.web.session import hooked


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return tmp_path / "state" / "scenarios"


@pytest.fixture
def app(reports: Path, sessions: Path, saved: Path) -> App:
    return App(Options(reports=reports, sessions=sessions, saved=saved), Tokens(TOKEN))


@pytest.fixture
def text(app: App) -> str:
    found: str = ask(app.asgi, "/api/v1/scenarios/demo-http").json["text"]
    return found.replace("name: demo-http", "name: mine")


def put(app: App, name: str, text: str, seen: str = "") -> Answer:
    headers = [("if-match", f'"{seen}"')] if seen else []
    return ask(app.asgi, f"/api/v1/scenarios/{name}", method="PUT", send={"text": text}, headers=headers)


def check(app: App, text: str, **more: Any) -> Any:
    found = ask(app.asgi, "/api/v1/checks", method="POST", send={"text": text, "feasible": False} | more)
    assert found.status == 200, found.body
    return found.json


def test_a_scenario_is_saved_changed_and_deleted(app: App, saved: Path, text: str) -> None:
    first = put(app, "mine", text)
    assert first.status == 201
    assert first.json["row"]["origin"] == "saved"
    path = saved / "mine.yaml"
    assert path.read_text() == text
    assert (path.stat().st_mode & 0o777, saved.stat().st_mode & 0o777) == (0o600, 0o700)
    changed = put(app, "mine", text + "# more\n", first.json["digest"])
    assert changed.status == 200
    assert path.read_text() == text + "# more\n"
    assert [one.name for one in saved.iterdir()] == ["mine.yaml"]
    gone = ask(
        app.asgi, "/api/v1/scenarios/mine", method="DELETE", headers=[("if-match", changed.json["digest"])]
    )
    assert gone.status == 204
    assert ask(app.asgi, "/api/v1/scenarios/mine").status == 404


def test_what_somebody_else_changed_is_not_lost(app: App, saved: Path, text: str) -> None:
    seen = put(app, "mine", text).json["digest"]
    (saved / "mine.yaml").write_text(text + "# theirs\n")
    assert put(app, "mine", text).status == 409
    assert put(app, "mine", text, seen).status == 412
    gone = ask(app.asgi, "/api/v1/scenarios/mine", method="DELETE", headers=[("if-match", seen)])
    assert gone.status == 412
    assert ask(app.asgi, "/api/v1/scenarios/mine", method="DELETE").status == 409
    (saved / "mine.yaml").unlink()
    assert put(app, "mine", text, seen).status == 412


@pytest.mark.parametrize("name", ["Mine", "-mine", "m" * 64, "mine.yaml", "%2e%2e", "mi ne", "m%00", "m%0a"])
def test_names_are_plain(app: App, saved: Path, text: str, name: str) -> None:
    assert put(app, name, text).status in (404, 422)
    assert not list(saved.glob("*"))


def test_what_is_no_scenario_is_not_saved(app: App, saved: Path, text: str) -> None:
    for wrong in ("", "a: [", "- 1", text.replace("kind: http", "kind: x"), text + "hooks: []\n"):
        assert put(app, "mine", wrong).status == 422, wrong
    assert put(app, "other", text).status == 422  # it calls itself otherwise
    assert put(app, "mine", text + "#" * LARGEST).status == 413
    assert not list(saved.glob("*"))


def test_shipped_ones_stay_as_they_are(app: App, text: str) -> None:
    shipped = text.replace("name: mine", "name: demo-http")
    seen = ask(app.asgi, "/api/v1/scenarios/demo-http").json["digest"]
    assert put(app, "demo-http", shipped).status == 409
    assert put(app, "demo-http", shipped, seen).status == 409
    assert (
        ask(app.asgi, "/api/v1/scenarios/demo-http", method="DELETE", headers=[("if-match", seen)]).status
        == 409
    )


def test_a_link_is_not_followed_to_be_written(app: App, saved: Path, tmp_path: Path, text: str) -> None:
    saved.mkdir(parents=True)
    (tmp_path / "elsewhere").write_text(text)
    (saved / "mine.yaml").symlink_to(tmp_path / "elsewhere")
    seen = ask(app.asgi, "/api/v1/scenarios/mine").json["digest"]
    assert put(app, "mine", text + "#\n", seen).status == 409
    assert (tmp_path / "elsewhere").read_text() == text


def test_where_nothing_may_be_changed_nothing_is_saved(reports: Path, sessions: Path, text: str) -> None:
    app = App(Options(reports=reports, sessions=sessions, read_only=True), Tokens(TOKEN))
    assert put(app, "mine", text).status == 403
    assert check(app, text)["findings"] == []


def test_mistakes_stand_at_their_lines(app: App, text: str) -> None:
    assert check(app, text)["findings"] == []
    wrong = text.replace("kind: http", "kind: http\nspeed: 4").splitlines()
    (found,) = check(app, "\n".join(wrong))["findings"]
    assert wrong[found["line"] - 1] == "speed: 4"
    assert found["level"] == "mistake"
    assert "speed is unknown" in found["sentence"]
    (found,) = check(app, "a: 1\nb: [")["findings"]
    assert found["line"] >= 2
    assert check(app, "")["findings"][0]["level"] == "mistake"
    assert "/tmp" not in str(check(app, "- 1")["findings"])


def test_what_a_text_comes_to_is_told_beside_it(app: App, text: str) -> None:
    found = check(app, text)
    assert (found["name"], found["kind"]) == ("mine", "http")
    assert len(found["points"]) == 6
    assert found["needs"]["servers"] == 5
    assert 0 < found["shortest"] <= found["longest"]
    assert found["data"]["kind"] == "http"


def test_commands_are_a_mistake_of_a_text(app: App, text: str) -> None:
    mine = hooked(text)
    found = check(app, mine)["findings"]
    assert [one["line"] for one in found] == [len(mine.splitlines())]
    assert "from a shell" in found[0]["sentence"]


def test_limits_that_cannot_be_shown_stand_at_theirs(app: App, text: str) -> None:
    lines = text.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("sla"))
    wrong = "\n".join([*lines[:at], "sla:", "  latency: {p99: 50ms}", "  errors: 0.0001%"])
    found = check(app, wrong, feasible=True)["findings"]
    assert [(one["line"], one["level"]) for one in found] == [(at + 3, "cannot_tell")]
    assert found[0]["sentence"].startswith("sla.errors: ")


@pytest.mark.parametrize(
    "wild", ["\x00", "\ud800", "a: &a [*a]", "!!python/object:os.system x", "? [a]\n: b"]
)
def test_any_text_is_answered(app: App, wild: str) -> None:
    found = ask(app.asgi, "/api/v1/checks", method="POST", send={"text": wild})
    assert found.status in (200, 422)


def test_a_file_is_listed_with_the_name_that_its_scenario_has(
    reports: Path, sessions: Path, text: str, tmp_path: Path
) -> None:
    """Runs and kept topologies know no file."""
    given = tmp_path / "given"
    given.mkdir()
    (given / "other.yaml").write_text(text)
    (given / "broken.yaml").write_text("name: [")
    there = App(Options(reports=reports, sessions=sessions, scenarios=given), Tokens(TOKEN))
    rows = {one["name"]: one["called"] for one in ask(there.asgi, "/api/v1/scenarios").json["scenarios"]}
    assert (rows["other"], rows["demo-http"], rows["broken"]) == ("mine", "demo-http", "")
    assert "no scenario mine here" in str(ask(there.asgi, "/api/v1/scenarios/mine").json)


@pytest.mark.parametrize(
    ("wild", "data"),
    [
        ("kind: http\nload: {rate: often}\n", {"kind": "http", "load": {"rate": "often"}}),
        ("sla: &a {p99: 1s}\nload: *a\n", {"sla": {"p99": "1s"}, "load": {"p99": "1s"}}),
        (
            "{'name': x, \"kind\": [1, {a: .inf}], d: 2026-01-01}",
            {"name": "x", "kind": [1, {"a": "inf"}], "d": "2026-01-01"},
        ),
        ('name: "\\ud800"\n', {"name": "?"}),
        ("name: a\n---\nname: b\n", {}),
        ("name: [a\n", {}),
        ("- name\n", {}),
        ("a: &a [*a]\n", {}),
        ("a: &a [x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in pairwise("abcdefghijklmnop")), {}),
        ("a: 1\na: 2\n", {}),
        ("<<: {a: 1}\n", {}),
        ("", {}),
    ],
)  # fmt: skip
def test_the_keys_of_a_text_are_told_where_it_is_one_mapping_right_or_wrong(
    app: App, wild: str, data: dict[str, Any]
) -> None:
    """A form shows them, and says so where there are none; it never shows a text as empty."""
    found = check(app, wild, feasible=False)
    assert found["findings"]
    assert found["data"] == data


@pytest.mark.parametrize(
    "wild",
    [
        "a: &x " + "x" * 20_000 + "\nb: [" + ", ".join(["*x"] * 900) + "]\n",
        "? " + "x" * 20_000 + "\n: [" + ", ".join(["0"] * 900) + "]\n",
        "a: " + "{a: " * 30 + "1" + "}" * 30 + "\n",
        "a: &x [*x]\n",
    ],
    ids=["a text that aliases repeat", "a key before many items", "deep", "in itself"],
)
def test_an_answer_is_not_much_larger_than_what_was_asked(app: App, wild: str) -> None:
    answer = ask(app.asgi, "/api/v1/checks", method="POST", send={"text": wild, "feasible": False})
    assert answer.status == 200
    assert len(answer.body) < 4 * LARGEST
    assert answer.json["findings"]
