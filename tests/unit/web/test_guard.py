"""What pages of other origins, other users of the machine and wild requests get: nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from kb_tests.web.app import App, Options
from kb_tests.web.guard import LARGEST_BODY
from kb_tests.web.tokens import WRONG_AT_MOST, WRONG_SECONDS, Role, Tokens
from tests.unit.web.client import HOST, TOKEN, VIEWER, ask

RUNS = "/api/v1/runs"
STOP = "/api/v1/sessions/0a0b0c0d/stop"


@pytest.mark.parametrize(
    "host",
    ["evil.test", "evil.test:8765", "127.0.0.1.evil.test", "127.0.0.1:80@evil.test", "127.0.0.1:x", ""],
)
@pytest.mark.parametrize("path", [RUNS, "/", "/static/index.html", "/api/v1/healthz"])
def test_only_names_of_this_machine_are_answered(app: App, host: str, path: str) -> None:
    assert ask(app.asgi, path, host=host).status == 421


def test_a_missing_or_a_second_host_is_refused(app: App) -> None:
    assert ask(app.asgi, RUNS, host=None).status == 421
    assert ask(app.asgi, RUNS, headers=[("host", "evil.test")]).status == 421


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:8765", "localhost", "LOCALHOST:80", "[::1]:8765"])
def test_any_port_will_do_as_ssh_forwards_have_another_one(app: App, host: str) -> None:
    assert ask(app.asgi, RUNS, host=host).status == 200


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x", TOKEN[:-1], "ünsafe"])
@pytest.mark.parametrize("path", [RUNS, "/api/v1/version", "/api/v1/nothing", "/api/v1/openapi.json"])
def test_without_the_token_nothing_is_told(app: App, token: str | None, path: str) -> None:
    assert ask(app.asgi, path, token=token).status == 401


def test_the_token_counts_in_its_header_alone(app: App) -> None:
    for headers in ([("cookie", f"token={TOKEN}")], [("authorization", f"Basic {TOKEN}")]):
        assert ask(app.asgi, RUNS, token=None, headers=headers).status == 401
    assert ask(app.asgi, f"{RUNS}?token={TOKEN}", token=None).status == 401
    assert ask(app.asgi, RUNS, headers=[("authorization", "Bearer other")]).status == 401


def test_nothing_sets_a_cookie_or_lets_other_origins_read(app: App) -> None:
    for path in ("/", RUNS, "/api/v1/nothing"):
        for method in ("GET", "OPTIONS"):
            found = ask(app.asgi, path, method=method, headers=[("origin", "http://evil.test")])
            assert not {name for name in found.headers if name.startswith("access-control")}
            assert "set-cookie" not in found.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "header",
    [
        ("origin", "http://evil.test"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:9999"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ],
)
def test_pages_of_other_origins_change_nothing(app: App, method: str, header: tuple[str, str]) -> None:
    found = ask(app.asgi, STOP, method=method, headers=[header], send={})
    assert found.status == 403


def test_a_proxy_has_to_hand_on_the_name_that_it_was_asked_for(reports: Path, sessions: Path) -> None:
    """As docs/web.md has nginx do it."""
    app = App(Options(reports=reports, sessions=sessions, names=("kb.example.org",)), Tokens(TOKEN))
    page = [("origin", "https://kb.example.org")]
    assert ask(app.asgi, RUNS, host="kb.example.org").status == 200
    assert (
        ask(app.asgi, STOP, method="POST", host="kb.example.org", headers=page, send={}).status == 409
    )  # it has ended
    assert ask(app.asgi, STOP, method="POST", host="127.0.0.1:8765", headers=page, send={}).status == 403


def test_our_own_page_may_ask_for_a_change(app: App) -> None:
    own = [("origin", f"http://{HOST}"), ("sec-fetch-site", "same-origin")]
    assert ask(app.asgi, STOP, method="POST", headers=own, send={}).status == 409  # it has ended


@pytest.mark.parametrize("method", ["OPTIONS", "PATCH", "TRACE", "CONNECT", "PROPFIND"])
def test_methods_are_allowed_by_name(app: App, method: str) -> None:
    assert ask(app.asgi, RUNS, method=method).headers["allow"] == "GET, HEAD"
    assert ask(app.asgi, RUNS, method=method).status == 405


def test_whoever_may_only_look_changes_nothing(app: App) -> None:
    assert ask(app.asgi, RUNS, token=VIEWER).status == 200
    assert ask(app.asgi, "/api/v1/version", token=VIEWER).json["role"] == "viewer"
    for operation in app.operations:
        if operation.method != "GET":
            path = "/api/v1" + operation.path.format(
                sid="0a0b0c0d", cloud="mycloud", name="x", run="1f2e3d4c", id="x"
            )
            assert ask(app.asgi, path, method=operation.method, token=VIEWER, send={}).status == 403


def test_every_answer_carries_the_rules_for_browsers(app: App) -> None:
    for path in ("/", RUNS, "/nothing", "/static/nothing.js", "/api/v1/healthz"):
        headers = ask(app.asgi, path).headers
        rules = headers["content-security-policy"]
        assert "default-src 'none'" in rules
        assert "trusted-types 'none'" in rules
        assert "unsafe" not in rules
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "cache-control" in headers


def test_a_body_is_bounded_whatever_its_header_says(app: App) -> None:
    large = b" " * (LARGEST_BODY + 1)
    kind = ("content-type", "application/json")
    assert ask(app.asgi, STOP, method="POST", headers=[kind], body=large).status == 413
    chunked = [kind, ("transfer-encoding", "chunked")]
    assert ask(app.asgi, STOP, method="POST", headers=chunked, body=large).status == 413
    assert ask(app.asgi, RUNS, headers=[("content-length", "-1")]).status == 413


def test_a_body_that_says_twice_how_long_it_is_ends_the_connection(app: App) -> None:
    """A proxy that believes the other one would take what follows for another request."""
    headers = [
        ("content-length", "4"),
        ("transfer-encoding", "chunked"),
        ("content-type", "application/json"),
    ]
    found = ask(app.asgi, "/api/v1/checks", method="POST", headers=headers, body=b"{}")
    assert found.status == 400
    assert found.headers["connection"] == "close"


def test_an_address_is_bounded(app: App) -> None:
    assert ask(app.asgi, f"{RUNS}?q={'x' * 5000}").status == 414
    assert ask(app.asgi, f"/new?point={'x' * 25_000}").status == 414


def test_the_address_of_a_page_holds_the_points_that_are_chosen_there(app: App) -> None:
    """Loaded anew it shows them again."""
    chosen = "&".join(f"point=http-east-west-clients-{n}-rate-1000" for n in range(500))
    assert ask(app.asgi, f"/new?{chosen}").status == 200


def test_only_json_is_taken(app: App) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        found = ask(app.asgi, STOP, method="POST", headers=[("content-type", kind)], body=b"{}")
        assert found.status == 415


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/api/v1/runs/..",
        "/api/v1/runs/../../etc/passwd/record",
        "/api/v1/runs/%2e%2e%2f1f2e3d4c",
        "/api/v1/runs/1f2e3d4c.json",
        "/api/v1/sessions/../events",
        "/api/v1/sessions/0a0b0c0d%2f..",
        "/api/v1/scenarios/..",
        "/api/v1/scenarios/../http-east-west",
        "/api/v1/scenarios/%00",
    ],
)
def test_no_path_from_outside_is_a_path_of_the_disk(app: App, path: str) -> None:
    assert ask(app.asgi, path).status == 404


def test_reading_changes_nothing(app: App, reports: Path, sessions: Path) -> None:
    places = {"run": "1f2e3d4c", "point": "http-east-west-clients-4-rate-1000", "sid": "0a0b0c0d"}
    ask(app.asgi, RUNS)  # the index beside the records is made once
    before = _digest(reports, sessions)
    for operation in app.operations:
        if operation.method == "GET" and operation.name != "download_report":
            path = "/api/v1" + operation.path.format(
                name="http-churn", cloud="nowhere", id="0a0b0c0d", **places
            )
            assert ask(app.asgi, path).status in (200, 204, 400, 404), path
    assert _digest(reports, sessions) == before


def _digest(*folders: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_an_error_of_ours_shows_no_traceback(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_self: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("kb_tests.web.archive.Archive.runs", broken)
    found = ask(app.asgi, RUNS)
    assert found.status == 500
    assert found.headers["content-type"] == "application/problem+json"
    assert b"secret" not in found.body


def test_whoever_guesses_tokens_has_to_wait_and_the_owner_has_not() -> None:
    now = 0.0
    tokens = Tokens("right", clock=lambda: now)
    for _ in range(WRONG_AT_MOST):
        assert not tokens.tried_too_often()
        assert tokens.role(b"Bearer wrong") is None
    assert tokens.tried_too_often()
    assert tokens.role(b"Bearer right") is Role.OPERATOR
    now = WRONG_SECONDS + 1
    assert not tokens.tried_too_often()
    assert Tokens("right", "").role(b"Bearer ") is None
