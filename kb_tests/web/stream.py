"""A session's events for a browser: server-sent events that go on where the last connection ended.

The id of an event is a cursor over all files of the session, "main.41-gw0.7": how many lines of each came
before. A stream ends with the session, with the server, and where nobody reads it.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus

from anyio import to_thread
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from kb_tests.events import lines, sessions
from kb_tests.events.model import SessionEnded
from kb_tests.events.reader import Follower, Read
from kb_tests.report.printable import straight
from kb_tests.web.problems import Problem
from kb_tests.web.tokens import Role

POLL = 0.25
"""Seconds between two looks at the files."""

ALIVE = 15.0
"""Seconds after which a silent stream says that it is there."""

MOST = 64
"""Streams at a time."""

_NOW = b"event: now\ndata: {}\n\n"
"""What was there already has been told: a page draws it once, as a whole."""

_LAST_WORDS = 2.0
_BATCH = 500
_CURSOR = re.compile(r"(main|gw\d{1,4}|mark-[0-9a-f]{8})\.(\d{1,12})")
_LONGEST_CURSOR = 8192


def parse_cursor(text: str) -> dict[str, int]:
    """{process: number of its last line}; raises Problem for what is no cursor of ours."""
    if not text:
        return {}
    parts = [] if len(text) > _LONGEST_CURSOR else re.split(r"-(?=main\.|gw\d|mark-)", text)
    found = [_CURSOR.fullmatch(part) for part in parts]
    if not found or not all(found):
        raise Problem(
            HTTPStatus.GONE, "This place in the events is not known here.", "Read from the beginning."
        )
    return {match[1]: int(match[2]) for match in found if match}


def format_cursor(seen: Mapping[str, int]) -> str:
    """The other way round."""
    return "-".join(f"{process}.{n}" for process, n in sorted(seen.items()))


class Streams:
    """All streams of the server: how many there are, and when they have to end."""

    def __init__(self) -> None:
        self.open = 0
        self.closing = asyncio.Event()

    def close(self) -> None:
        """End them all, since a server waits for its answers to be whole."""
        self.closing.set()

    def answer(self, body: AsyncIterator[bytes], role: Role) -> Response:
        """One stream more, which counts until its answer has ended, whether or not it began; raises Problem
        where that is one too many. Whoever may only look leaves half of them to others.
        """
        if self.open >= (MOST if role is Role.OPERATOR else MOST // 2):
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "Too many pages follow sessions.", "Close some.")
        self.open += 1
        return _Counted(self, body)

    async def events(
        self,
        session: sessions.Session,
        cursor: Mapping[str, int],
        lives: Callable[[], bool],
        *,
        once: bool = False,
    ) -> AsyncIterator[bytes]:
        """What came after `cursor`, while more may come (`lives`); with `once` what is there, and no more."""
        seen = dict(cursor)
        follower = Follower(session)
        silent = ended = 0.0
        told_now = False
        yield b"retry: 1000\n\n"
        while not self.closing.is_set():
            alive, found = await to_thread.run_sync(_looked, lives, follower)
            fresh = [read for read in found if read.line.n > seen.get(read.process, -1)]
            for place in range(0, len(fresh), _BATCH):
                yield b"".join(_event(read, seen) for read in fresh[place : place + _BATCH])
            if any(_is_last(read) for read in found):
                yield b"event: end\ndata: {}\n\n"
                return
            if found:
                silent = ended = 0.0
                continue
            if not told_now:
                told_now = True
                yield _NOW
            if once:
                return
            if not alive:
                ended += POLL
                if ended > _LAST_WORDS:
                    yield b'event: end\ndata: {"broken_off": true}\n\n'
                    return
            silent += POLL
            if silent >= ALIVE:
                silent = 0.0
                yield b": still there\n\n"
            await self._rest()

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self.closing.wait(), POLL)
        except TimeoutError:
            return


class _Counted(StreamingResponse):
    """Gives back its place when it is over. The body itself would not, if it was never begun."""

    def __init__(self, streams: Streams, body: AsyncIterator[bytes]) -> None:
        headers = {"x-accel-buffering": "no", "cache-control": "no-store"}
        super().__init__(body, media_type="text/event-stream", headers=headers)
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.open -= 1


def _looked(lives: Callable[[], bool], follower: Follower) -> tuple[bool, list[Read]]:
    """Whether a session lives, then what it said: so its last words are read after it was seen to be gone."""
    alive = lives()
    return alive, follower.poll()


def _is_last(read: Read) -> bool:
    return isinstance(read.line.event, SessionEnded) and read.process == sessions.MAIN


def _event(read: Read, seen: dict[str, int]) -> bytes:
    """One event; what stands in it was read strictly, and is written anew."""
    seen[read.process] = read.line.n
    return f"id: {format_cursor(seen)}\ndata: {as_json(read)}\n\n".encode("utf-8", "replace")


def as_json(read: Read) -> str:
    """A line as in its file, with the process that wrote it."""
    line = read.line
    body = json.loads(lines.encode(line.n, line.t, line.event, line.dropped) or b"{}")
    return straight(json.dumps(body | {"process": read.process}, ensure_ascii=False, separators=(",", ":")))
