"""A `kb ui` of its own, asked over HTTP as its pages ask it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from tests.waiting import PATIENCE, SESSION, eventually

PROGRAM = "import sys; from kb_tests.cli import main; sys.exit(main())"


@dataclass(frozen=True)
class Answer:
    """What came back; `json` is None where it is none."""

    status: int
    headers: Mapping[str, str]
    json: Any


class Api:
    """The process, and what it is asked. Its state is in `folder`; so are its records."""

    def __init__(self, folder: Path, *options: str, env: Mapping[str, str] | None = None) -> None:
        self.reports = folder / "reports"
        self.state = folder / "state"
        command = [sys.executable, "-c", PROGRAM, "ui", "--no-open", "--port", "0"]
        command += ["--reports", str(self.reports), *options]
        self.env = {**os.environ, "XDG_STATE_HOME": str(self.state), **(env or {})}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=self.env, text=True)
        assert self.process.stdout is not None
        address = self.process.stdout.readline().removeprefix("kb ui: ").strip()
        self.place = urlsplit(address).netloc
        self.token = address.partition("#token=")[2]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Seconds that it took to end."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return time.monotonic() - began

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request below /api/v1, with the operator's token."""
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        content = None
        if body is not None:
            content, sent["Content-Type"] = json.dumps(body), "application/json"
        with closing(http.client.HTTPConnection(self.place, timeout=PATIENCE)) as connection:
            connection.request(method, f"/api/v1{path}", content, sent)
            found = connection.getresponse()
            raw = found.read()
        told = json.loads(raw) if "json" in found.getheader("content-type", "") else None
        return Answer(found.status, {name.lower(): value for name, value in found.getheaders()}, told)

    def get(self, path: str) -> Any:
        """What is there; AssertionError where it is not to be had."""
        return self.expect(200, "GET", path)

    def expect(
        self, status: int, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """The answer's content; AssertionError for another status."""
        found = self.ask(method, path, body, headers)
        assert found.status == status, (method, path, found.status, found.json)
        return found.json

    def start(self, asked: Mapping[str, Any], key: str = "") -> str:
        """Start what its plan shows; the session's id."""
        plan = self.expect(200, "POST", "/plans", asked)
        assert plan["refusals"] == [], plan["refusals"]
        named = {"Idempotency-Key": key} if key else {}
        begun = self.expect(202, "POST", "/sessions", {**asked, "digest": plan["digest"]}, named)
        return str(begun["sid"])

    def events(self, sid: str) -> Iterator[dict[str, Any]]:
        """The session's events as they come, to its end."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "text/event-stream"}
        with closing(http.client.HTTPConnection(self.place, timeout=SESSION)) as connection:
            connection.request("GET", f"/api/v1/sessions/{sid}/events", headers=headers)
            stream = connection.getresponse()
            assert stream.status == 200, stream.read()
            for line in stream:
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])

    def until(self, sid: str, *kinds: str) -> dict[str, Any]:
        """The first event of one of these kinds."""
        for event in self.events(sid):
            if event.get("kind") in kinds:
                return event
        raise AssertionError(f"{sid} ended before {kinds}: {self.log(sid)}")

    def ended(self, sid: str) -> dict[str, Any]:
        """The session's row once it has ended."""

        def over() -> dict[str, Any] | None:
            time.sleep(0.2)
            row: dict[str, Any] = self.get(f"/sessions/{sid}")
            return row if not row["alive"] and row["state"] in ("ended", "broken_off") else None

        found = eventually(over, SESSION)
        assert found is not None
        return found

    def log(self, sid: str) -> str:
        """The end of what the session wrote."""
        return str(self.get(f"/sessions/{sid}/log")["text"])[-3000:]

    def cleaned(self, cleanup: Mapping[str, Any]) -> dict[str, Any]:
        """A cleanup once it is over."""

        def over() -> dict[str, Any] | None:
            time.sleep(0.2)
            now: dict[str, Any] = self.get(f"/cleanups/{cleanup['id']}")
            return now if now["state"] != "running" else None

        found = eventually(over, SESSION)
        assert found is not None
        return found
