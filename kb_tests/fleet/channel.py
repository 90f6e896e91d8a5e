"""The controller's end of the control channel: commands out, reports in, through any byte stream."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, ConnectionPool
from redis.retry import Retry

from kb_tests.agent import protocol
from kb_tests.errors import FleetError, TunnelError
from kb_tests.fleet import boot
from kb_tests.fleet.answers import BoundedStream, TooMuchError
from kb_tests.fleet.messages import ClockChange
from kb_tests.fleet.patience import USUAL

Dial = Callable[[float], Any]
"""Opens a byte stream to Redis, with a deadline (monotonic seconds); raises TunnelError."""

ANSWER_TIMEOUT = 20.0
"""Seconds for each thing that Redis is asked."""

MOST = 16 << 20
"""Bytes of an answer. An honest one is longer only where many reports of the largest size come at once."""

_NO_ANSWER = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What redis-py raises, or we do, where an answer is of another form than Redis gives."""

_VERSION = re.compile(r"[0-9A-Za-z.+~-]{1,50}")
_PAUSE = 0.3
_SAMPLES = 4
_BATCH = 256
_FORGOTTEN = 256 << 10  # bytes of reports that were read after which Redis may drop them
_LATEST = 1e11
_ENTRY = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Reading:
    """`offset` seconds to add to our CLOCK_MONOTONIC, true within +-`error`, taken `at` (monotonic)."""

    offset: float
    error: float
    at: float

    def change(self, later: Reading) -> ClockChange:
        """How far our clock fell behind until a later reading."""
        return ClockChange(
            seconds=later.offset - self.offset, error=self.error + later.error, elapsed=later.at - self.at
        )


class _DialledConnection(Connection):
    """A Redis connection over a stream that somebody else opens."""

    def __init__(self, dial: Callable[[], Any], **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._dial = dial

    def _connect(self) -> Any:
        stream = self._dial()
        stream.settimeout(self.socket_timeout)
        return BoundedStream(stream, MOST, ANSWER_TIMEOUT)


class ControlChannel:
    """Streams of one run as the controller sees them. Every call outlives a broken connection for
    `reconnect` seconds, or until its `deadline` (monotonic seconds), then raises TunnelError; a command
    may be sent twice.
    """

    def __init__(self, dial: Dial, run_id: str, password: str, reconnect: float = USUAL.reconnect) -> None:
        self._reconnect = reconnect
        self._run = run_id
        self._deadline = 0.0
        self._cursor = "0-0"
        self._batch = _BATCH
        self._unforgotten = 0
        self._pool = ConnectionPool(
            connection_class=_DialledConnection,
            dial=lambda: dial(self._deadline),
            max_connections=1,
            protocol=2,
            username=boot.CONTROLLER,
            password=password,
            socket_timeout=ANSWER_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = redis.Redis(connection_pool=self._pool)
        self._redis.set_response_callback("XREAD", lambda answer, **_: answer)

    def open(self, deadline: float) -> None:
        """Connect, and read what is reported from now on."""
        now = self.time(deadline)
        self._cursor = f"{int(now * 1000) - 1}-0"  # XREAD gives what comes after an id

    def close(self) -> None:
        """Drop the connection; the next call makes it again."""
        self._pool.disconnect()

    def time(self, deadline: float | None = None) -> float:
        """The Redis server's clock, in seconds."""

        def ask() -> float:
            seconds, micros = self._redis.time()
            now = int(seconds) + int(micros) / 1e6
            if not 0 <= now <= _LATEST:
                raise ValueError("its clock is not set")
            return now

        return float(self._do(ask, deadline))

    def reading(self) -> Reading:
        """The Redis server's clock against ours, by the best of some round trips."""
        found = []
        for _ in range(_SAMPLES):
            begin = time.monotonic()
            server = self.time()
            end = time.monotonic()
            found.append(Reading(server - (begin + end) / 2, (end - begin) / 2, end))
        return min(found, key=lambda reading: reading.error)

    def version(self) -> dict[str, str]:
        """The server's kind and version, {"redis": "7.0.15"}, as far as it can be believed."""

        def ask() -> dict[str, str]:
            info = self._redis.info("server")
            kind = "valkey" if "valkey_version" in info else "redis"
            version = str(info.get(f"{kind}_version", ""))
            return {kind: version} if _VERSION.fullmatch(version) else {}

        found: dict[str, str] = self._do(ask)
        return found

    def send(self, message: protocol.Message, deadline: float | None = None) -> None:
        """One command to all agents."""
        key, raw = protocol.commands_key(self._run), protocol.encode(message)
        self._do(lambda: self._redis.xadd(key, {protocol.FIELD: raw}), deadline)

    def publish(self, digest: str, packed: bytes, deadline: float | None = None) -> None:
        """Have an engine there for all agents that need it; a second time changes nothing."""
        key = protocol.engine_key(self._run, digest)
        self._do(
            lambda: self._redis.xadd(key, {protocol.FIELD: packed}, maxlen=1, approximate=False), deadline
        )

    def send_each(self, messages: dict[str, protocol.Message]) -> None:
        """Commands by agent, in one go."""

        def send() -> None:
            with self._redis.pipeline(transaction=False) as pipe:
                for agent, message in messages.items():
                    key = protocol.agent_key(self._run, agent)
                    pipe.xadd(key, {protocol.FIELD: protocol.encode(message)})
                pipe.execute()

        self._do(send)

    def reports(self, timeout: float) -> list[bytes]:
        """The next reports as they came, oldest first; empty when none came within `timeout` seconds."""
        key = protocol.reports_key(self._run)
        block = max(1, int(timeout * 1000))

        def ask() -> tuple[str, list[bytes]]:
            cursor = self._cursor
            found: list[bytes] = []
            answer: Any = self._redis.xread({key: cursor}, count=self._batch, block=block)
            for _, entries in answer or ():
                found += [_report(fields) for _, fields in entries]
                cursor = entries[-1][0].decode("ascii")
            if not _ENTRY.fullmatch(cursor):
                raise ValueError("an entry has no number")
            return cursor, found

        while True:
            try:
                self._cursor, reports = self._do(ask)
            except _TooMuchAtOnceError:
                if self._batch == 1:
                    raise
                self._batch = max(1, self._batch // 8)
            else:
                break
        self._batch = min(_BATCH, 2 * self._batch)
        self._unforgotten += sum(map(len, reports))
        if self._unforgotten >= _FORGOTTEN:
            self._unforgotten = 0
            self._do(lambda: self._redis.xtrim(key, minid=self._cursor, approximate=True))
        return list(reports)

    def _do(self, call: Callable[[], _T], deadline: float | None = None) -> Any:
        self._deadline = time.monotonic() + self._reconnect if deadline is None else deadline
        while True:
            try:
                return call()
            except (redis.AuthenticationError, redis.ConnectionError, redis.TimeoutError) as error:
                self.close()
                if time.monotonic() + _PAUSE >= self._deadline:
                    raise TunnelError(
                        f"The control server does not answer: {_brief(error)}.",
                        remedy="See the proxy's console log.",
                    ) from error
            except redis.ResponseError as error:
                self.close()
                raise FleetError(f"The control server refuses a command: {_brief(error)}.") from error
            except TooMuchError as error:
                self.close()
                raise _TooMuchAtOnceError(f"The control server does not behave: {error}.") from error
            except (redis.RedisError, *_NO_ANSWER) as error:
                self.close()
                raise FleetError(
                    f"The control server gives an answer that is none: {_brief(error)}.",
                    remedy="See the proxy's console log.",
                ) from error
            time.sleep(_PAUSE)


class _TooMuchAtOnceError(FleetError):
    """An answer is longer than MOST."""


def _report(fields: list[bytes]) -> bytes:
    """What an entry has in the field for reports, b"" if nothing; its fields come one after the other."""
    if len(fields) == 2 and fields[0] == protocol.FIELD:  # as every honest one
        found = fields[1]
    else:
        found = dict(zip(fields[::2], fields[1::2], strict=True)).get(protocol.FIELD, b"")
    if not isinstance(found, bytes):
        raise TypeError("a report is no text")
    return found


def _brief(error: Exception) -> str:
    """What `error` says, of which a server may be the author: a line that is not too long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return "".join(char for char in text if char.isprintable())[:200]
