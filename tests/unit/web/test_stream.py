"""Events over HTTP: whole, in order, resumed without gap or repetition, ended with session and server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kb_tests.events.sessions import Session
from kb_tests.web.app import App
from kb_tests.web.problems import Problem
from kb_tests.web.stream import MOST, Streams, format_cursor, parse_cursor
from tests.unit.web.client import HOST, TOKEN, VIEWER, ask
from tests.unit.web.session import story, write_session

EVENTS = "/api/v1/sessions/0a0b0c0d/events"


def parsed(body: bytes) -> list[tuple[str, dict[str, object]]]:
    """(id, event) of each message with an id."""
    found = []
    for message in body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in message.splitlines() if ": " in line)
        if "id" in fields:
            found.append((fields["id"], json.loads(fields["data"])))
    return found


def test_a_session_that_ended_is_told_whole_and_the_stream_ends(app: App) -> None:
    found = ask(app.asgi, EVENTS)
    assert found.headers["content-type"].startswith("text/event-stream")
    assert [event["kind"] for _, event in parsed(found.body)] == [event.kind for event in story()]
    assert b"event: end" in found.body


@pytest.mark.parametrize("seen", range(12))
def test_a_stream_goes_on_where_the_last_one_ended(app: App, seen: int) -> None:
    every = parsed(ask(app.asgi, EVENTS).body)
    for way in ({"headers": [("last-event-id", every[seen][0])]}, {}):
        path = EVENTS if way else f"{EVENTS}?after={every[seen][0]}"
        rest = parsed(ask(app.asgi, path, headers=way.get("headers", [])).body)
        assert rest == every[seen + 1 :]


def test_a_cursor_is_over_all_files(app: App, sessions: Path) -> None:
    own = sessions / "0a0b0c0d"
    (own / "gw0.ndjson").write_bytes((own / "main.ndjson").read_bytes())
    every = parsed(ask(app.asgi, EVENTS).body)
    processes = [event["process"] for _, event in every]
    assert {"main", "gw0"} == set(processes)
    place = len(every) // 2
    rest = parsed(ask(app.asgi, EVENTS, headers=[("last-event-id", every[place][0])]).body)
    assert [event for _, event in rest] == [event for _, event in every[place + 1 :]]


@pytest.mark.parametrize("cursor", ["x", "main", "main.-1", "../main.1", "gw0.1;", "main.1" * 5000])
def test_a_cursor_that_is_none_is_gone(app: App, cursor: str) -> None:
    assert ask(app.asgi, EVENTS, headers=[("last-event-id", cursor)]).status == 410
    with pytest.raises(Problem):
        parse_cursor(cursor)


def test_a_cursor_comes_back() -> None:
    seen = {"main": 12, "gw0": 0, "mark-0a0b0c0d": 0}
    assert parse_cursor(format_cursor(seen)) == seen
    assert parse_cursor("") == {}


def test_lines_that_are_no_events_reach_no_browser(app: App, sessions: Path) -> None:
    path = sessions / "0a0b0c0d" / "main.ndjson"
    path.write_bytes(b'{"v":1,"n":0,"t":1,"kind":"evil","x":"<img>"}\nnonsense\n' + path.read_bytes())
    found = ask(app.asgi, EVENTS)
    assert b"<img>" not in found.body
    assert len(parsed(found.body)) == len(story())


def test_a_browser_that_goes_ends_its_stream(
    app: App, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_session(sessions, "0a0b0c0e", story()[:6])
    monkeypatch.setattr("kb_tests.events.sessions.Session.alive", True)
    found = ask(app.asgi, "/api/v1/sessions/0a0b0c0e/events", enough='"second"')
    assert len(parsed(found.body)) == 6
    assert app.streams.open == 0


def test_what_was_there_already_is_told_apart_from_what_comes(
    app: App, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page draws it once, as a whole."""
    own = write_session(sessions, "0a0b0c0e", story()[:6])
    later = (own / "main.ndjson").read_bytes()
    monkeypatch.setattr("kb_tests.events.sessions.Session.alive", True)

    async def told() -> list[str]:
        found: list[str] = []
        async for part in Streams().events(Session(own), {}, lambda: True):
            for message in part.decode().split("\n\n"):
                found += (
                    ["now"] if message.startswith("event: now") else ["event"] if "id: " in message else []
                )
            if found[-1:] == ["now"]:
                (own / "gw0.ndjson").write_bytes(later)
            if len(found) > 12:
                break
        return found

    assert asyncio.run(asyncio.wait_for(told(), 20)) == [*["event"] * 6, "now", *["event"] * 6]


def test_a_look_is_one_piece_of_work_and_asks_first_whether_the_session_lives(
    sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words that come between the two are told; and each of 64 streams takes one turn of a thread."""
    own = write_session(sessions, "0a0b0c0e", story()[:6])
    last = write_session(sessions / "elsewhere", "0a0b0c0e") / "main.ndjson"
    turns = []

    async def run(work: Callable[..., object], *args: object) -> object:
        turns.append(work)
        return work(*args)

    def dies() -> bool:
        if len(turns) == 2:
            (own / "main.ndjson").write_bytes(last.read_bytes())
        return len(turns) < 2

    async def told() -> bytes:
        return b"".join([part async for part in Streams().events(Session(own), {}, dies)])

    monkeypatch.setattr("kb_tests.web.stream.to_thread.run_sync", run)
    found = asyncio.run(asyncio.wait_for(told(), 20))
    assert found.endswith(b"event: end\ndata: {}\n\n")
    assert len(parsed(found)) == len(story())
    assert len(turns) == 2


def test_a_browser_that_is_gone_before_it_is_answered_leaves_no_stream(app: App) -> None:
    """Else 64 of them would leave none for anybody."""
    headers = [(b"host", HOST.encode()), (b"authorization", f"Bearer {TOKEN}".encode())]
    scope: dict[str, object] = {"type": "http", "method": "GET", "path": EVENTS, "headers": headers}
    scope |= {"query_string": b"", "http_version": "1.1", "scheme": "http", "root_path": ""}

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(_: object) -> None:
        await asyncio.sleep(0)

    for spec in ("2.0", "2.4"):
        asyncio.run(app.asgi(scope | {"asgi": {"spec_version": spec}}, receive, send))
        assert app.streams.open == 0, spec


def test_whoever_may_only_look_leaves_streams_to_who_may_do_more(app: App) -> None:
    app.streams.open = MOST // 2
    assert ask(app.asgi, EVENTS, token=VIEWER).status == 503
    assert ask(app.asgi, EVENTS).status == 200


def test_only_so_many_streams_are_open(app: App) -> None:
    app.streams.open = MOST
    assert ask(app.asgi, EVENTS).status == 503


def test_streams_end_with_the_server(tmp_path: Path) -> None:
    session = Session(write_session(tmp_path, "0a0b0c0e", story()[:6]))

    async def closed() -> int:
        streams = Streams()
        count = 0
        async for part in streams.events(session, {}, lambda: True):
            count += 1
            if b'"second"' in part:
                asyncio.get_running_loop().call_later(0.01, streams.close)
        return count

    assert asyncio.run(asyncio.wait_for(closed(), 20)) >= 2
