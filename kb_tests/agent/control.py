"""The agent's end of the control channel: commands in, reports out, across broken connections.

Two connections, because a blocking XREAD occupies one. A report stays in the outbox until Redis has
answered its XADD, so that reports arrive in order, and twice rather than never. A few may be under way at
once: from afar, one at a time would be fewer than a load makes.
"""

from __future__ import annotations

import os
import time

from . import clock, protocol
from .resp import Connection, Reply, RespError

TYPE_CHECKING = False  # `typing` would be a tenth of an idle agent's memory
if TYPE_CHECKING:
    from typing import Any

CONNECT_TIMEOUT = 3.0
ANSWER_TIMEOUT = 15.0
BLOCK = 20.0
MAX_OUTBOX = 32 << 20
MAX_UNDER_WAY = 8
MAX_BYTES_UNDER_WAY = 8 << 10
"""Of several: no more than a socket takes at once, so that sending waits for nobody."""

_BACK_OFF = (0.1, 5.0)
_FIRST_BACK_OFF = 1.0
"""At most, before there ever was a connection: the proxy is about to be ready, and all agents wait for it."""


class BrokenError(Exception):
    """There is no connection to the control server now."""


class Channel:
    """How to reach the control plane of one run."""

    __slots__ = ("host", "password", "port", "run", "user")

    def __init__(self, run: str, host: str, port: int, user: str, password: str) -> None:
        self.run = run
        self.host = host
        self.port = port
        self.user = user
        self.password = password


class Control:
    """Commands and reports of one agent. Nothing here raises OSError or RespError: a broken
    connection is closed, and made again by `connect` with back-off for as long as it takes.
    """

    def __init__(self, channel: Channel, name: str) -> None:
        self._channel = channel
        self._name = name
        self._seq = 0
        self._outbox: list[bytes] = []
        self._outbox_bytes = 0
        self._cursors: dict[str, str] = {}
        self._commands: Connection | None = None
        self._reports: Connection | None = None
        self._read_since = 0.0
        self._under_way: list[int] = []
        self._sent_at: float | None = None
        self._delay = _BACK_OFF[0]
        self._next_try = 0.0
        self.reading: clock.Reading | None = None
        self.latest: clock.Reading | None = None
        """The last reading as it was; `reading` is the best one to go by."""
        self.problem = ""
        """Why the connection broke last; "" while it is there."""

    @property
    def run(self) -> str:
        """The run that it belongs to."""
        return self._channel.run

    @property
    def connected(self) -> bool:
        """Whether both connections are there."""
        return self._commands is not None

    @property
    def idle(self) -> bool:
        """Whether every report has been taken."""
        return not self._outbox

    @property
    def mtu(self) -> int:
        """The MTU of the way to the control server, 0 where it is unknown."""
        return self._reports.mtu() if self._reports is not None else 0

    def filenos(self) -> list[int]:
        """Descriptors to wait on for `commands` and `pump`."""
        return [link.fileno() for link in (self._commands, self._reports) if link is not None]

    def timeout(self) -> float:
        """Seconds after which `connect` or `expire` has something to do although nothing arrived."""
        now = time.monotonic()
        if not self.connected:
            return max(0.0, self._next_try - now)
        due = self._read_since + BLOCK + ANSWER_TIMEOUT
        if self._sent_at is not None:
            due = min(due, self._sent_at + ANSWER_TIMEOUT)
        return max(0.0, due - now)

    def connect(self) -> bool:
        """Connect if it is time to; whether it connected just now."""
        if self.connected or time.monotonic() < self._next_try:
            return False
        try:
            self._connect()
        except (OSError, RespError) as error:
            self._broken(error)
            return False
        self._delay, self.problem = _BACK_OFF[0], ""
        return True

    def expire(self) -> None:
        """Drop connections that should have answered by now; call it when what arrived is handled."""
        if self.connected and self.timeout() <= 0:
            self._broken(TimeoutError("no answer from the control server"))

    def commands(self) -> list[bytes]:
        """The commands that have arrived, as they came."""
        if self._commands is None:
            return []
        found: list[bytes] = []
        try:
            replies = self._commands.replies()
            for reply in replies:
                found += self._entries(reply)
            if replies:
                self._read_on()
        except (OSError, RespError) as error:
            self._broken(error)
        return found

    def report(self, kind: str, body: dict[str, Any]) -> None:
        """Put one report into the outbox. What no longer fits is lost, and its number shows it."""
        self._seq += 1
        try:
            raw = protocol.encode({"kind": kind, "agent": self._name, "seq": self._seq, **body})
        except protocol.ProtocolError as error:
            failed = {"id": body.get("id", ""), "error": f"a report of kind {kind} was lost: {error}"}
            raw = protocol.encode({"kind": "failed", "agent": self._name, "seq": self._seq, **failed})
        if self._outbox_bytes + len(raw) <= MAX_OUTBOX:
            self._outbox.append(raw)
            self._outbox_bytes += len(raw)
        self.pump()

    def pump(self, readable: bool = False) -> None:
        """Take the answers to the reports under way that are there, and send the next ones."""
        if self._reports is None:
            return
        try:
            if readable:
                self._acknowledge(self._reports.replies())
            while self._next_fits():
                raw = self._outbox[len(self._under_way)]
                key = protocol.reports_key(self._channel.run)
                self._reports.send("XADD", key, "*", protocol.FIELD, raw)
                self._under_way.append(len(raw))
                self._sent_at = self._sent_at or time.monotonic()
        except (OSError, RespError) as error:
            self._broken(error)

    def _next_fits(self) -> bool:
        """Whether there is another report to send, and the way to the server has room for it."""
        count = len(self._under_way)
        if not count or count == len(self._outbox):
            return count < len(self._outbox)
        whole = sum(self._under_way) + len(self._outbox[count])
        return count < MAX_UNDER_WAY and whole <= MAX_BYTES_UNDER_WAY

    def owns(self, fileno: int) -> str:
        """Which connection a descriptor belongs to: "commands", "reports" or none ("")."""
        if self._commands is not None and fileno == self._commands.fileno():
            return "commands"
        if self._reports is not None and fileno == self._reports.fileno():
            return "reports"
        return ""

    def read_clock(self, until: float = float("inf")) -> clock.Reading | None:
        """Measure the offset to the Redis clock anew, by `until` (monotonic seconds) if that can be; None
        while there is no connection.
        """
        if self._reports is None:
            return None
        try:
            while self._sent_at is not None:
                self._acknowledge(self._reports.replies())
            self._measure(self._reports, until)
        except (OSError, RespError) as error:
            self._broken(error)
            return None
        return self.reading

    def fetch(self, key: str) -> list[bytes]:
        """The messages of the stream `key`, a few at most; raises BrokenError where the connection broke."""
        if self._reports is None:
            raise BrokenError
        try:
            while self._sent_at is not None:
                self._acknowledge(self._reports.replies())
            reply = self._reports.call("XREAD", "COUNT", 4, "STREAMS", key, "0-0")
            return _messages(reply)
        except (OSError, RespError) as error:
            self._broken(error)
            raise BrokenError from None

    def close(self) -> None:
        """Close both connections; the outbox is kept."""
        for link in (self._commands, self._reports):
            if link is not None:
                link.close()
        self._commands = self._reports = self._sent_at = None
        self._under_way.clear()

    def _connect(self) -> None:
        channel = self._channel
        address = (channel.host, channel.port, channel.user, channel.password, CONNECT_TIMEOUT)
        self._reports = Connection(*address)
        self._measure(self._reports)
        if not self._cursors:
            assert self.reading is not None
            now = self.reading.offset + time.monotonic()
            begin = f"{int(now * 1000) - 1}-0"  # XREAD gives what comes after an id
            self._cursors = {
                protocol.commands_key(channel.run): begin,
                protocol.agent_key(channel.run, self._name): begin,
            }
        commands = Connection(*address)
        self._commands = commands
        self._read_on()

    def _measure(self, link: Connection, until: float = float("inf")) -> None:
        new = clock.read(lambda: _server_time(link.call("TIME")), until=until)
        self.latest = new
        self.reading = new if self.reading is None else clock.better(self.reading, new)

    def _read_on(self) -> None:
        assert self._commands is not None
        keys, cursors = list(self._cursors), list(self._cursors.values())
        self._commands.send("XREAD", "COUNT", 16, "BLOCK", int(BLOCK * 1000), "STREAMS", *keys, *cursors)
        self._read_since = time.monotonic()

    def _entries(self, reply: Reply) -> list[bytes]:
        """The messages in an answer to XREAD: [[stream, [[id, [field, value, ...]], ...]], ...]."""
        if isinstance(reply, RespError):
            raise reply
        found: list[bytes] = []
        try:
            for stream, entries in reply or ():
                for entry, fields in entries:
                    self._cursors[stream.decode()] = entry.decode()
                    ours = len(fields) == 2 and fields[0] == protocol.FIELD
                    found.append(fields[1] if ours else b"")
        except (TypeError, ValueError, AttributeError):
            raise RespError("the answer to XREAD has an unknown shape") from None
        return found

    def _acknowledge(self, replies: list[Reply]) -> None:
        for reply in replies:
            if isinstance(reply, RespError):
                raise reply
            if not self._under_way:
                raise RespError("an answer to nothing")
            self._outbox.pop(0)
            self._outbox_bytes -= self._under_way.pop(0)
            self._sent_at = time.monotonic() if self._under_way else None

    def _broken(self, error: Exception) -> None:
        self.close()
        self.problem = str(error) or type(error).__name__
        jitter = 0.5 + os.urandom(1)[0] / 255
        self._next_try = time.monotonic() + self._delay * jitter
        self._delay = min(self._delay * 2, _BACK_OFF[1] if self._cursors else _FIRST_BACK_OFF)


def _messages(reply: Reply) -> list[bytes]:
    """The messages in an answer to XREAD of one stream."""
    try:
        return [fields[1] for _, entries in reply or () for _, fields in entries]
    except (TypeError, ValueError, IndexError):
        raise RespError("the answer to XREAD has an unknown shape") from None


def _server_time(reply: Reply) -> float:
    try:
        seconds, micros = reply
        return int(seconds) + int(micros) / 1e6
    except (TypeError, ValueError):
        raise RespError("the answer to TIME has an unknown shape") from None
