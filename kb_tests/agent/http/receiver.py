"""What comes back: responses are read, or dropped unread in the kernel, and their requests end."""

from __future__ import annotations

import socket
import time

from .. import histogram
from .accounts import Accounts
from .connection import Connection
from .pool import FIRST_PAUSE, Pool
from .response import UNTIL_CLOSE, Head, ProtocolError, ResponseParser, parse_head
from .tally import Block

PIECE = 4096  # bytes of one read that has to look at what it reads
DROP = 1 << 20  # bytes of one read that need not
KNOWN_HEADS = 64

_clock = time.monotonic
_nowhere = bytearray(DROP)  # never touched: MSG_TRUNC drops in the kernel (TLS uses its first 16 KiB)


class Receiver:
    """Ends the requests that are under way on the connections of `pool`, well or not."""

    def __init__(self, pool: Pool, accounts: Accounts) -> None:
        self.pool = pool
        self.accounts = accounts
        self.heads: dict[bytes, Head] = {}

    def receive(self, connection: Connection) -> None:
        """Read what has arrived."""
        try:
            if not connection.remaining:
                data = connection.recv(PIECE)
                if not data:
                    self._end_of_stream(connection)
                    return
                if connection.block is None or connection.parser is not None:
                    self._parse(connection, data)
                    return
                end = data.find(b"\r\n\r\n")
                head = self.heads.get(data[:end]) if end > 0 else None
                if head is None:
                    self._parse(connection, data)
                    return
                remaining = end + 4 + head.length - len(data)
                connection.head = head
                if remaining <= 0:
                    if remaining:
                        self.fail(connection, "protocol")
                    else:
                        self._complete(connection)
                    return
                connection.remaining = remaining
                if len(data) < PIECE:
                    return
            dropped = connection.recv_into(_nowhere, min(connection.remaining, DROP), socket.MSG_TRUNC)
        except BlockingIOError:
            return
        except OSError:
            self.fail(connection, "reset")
            return
        if not dropped:
            self._end_of_stream(connection)
            return
        connection.remaining -= dropped
        if not connection.remaining and connection.head.length >= 0:  # type: ignore[union-attr]
            self._complete(connection)

    def fail(self, connection: Connection, key: str) -> None:
        """End the request under way on a connection, and the connection."""
        block = connection.block
        if block is not None:
            connection.block = None
            now = _clock()
            self.accounts.fail(block, key, now)
            if key == "timeout":
                self.accounts.respond(block, now - connection.due, now)
                if not connection.connecting:
                    histogram.record(block.service, now - connection.since)
        self.pool.drop(connection)

    def _parse(self, connection: Connection, data: bytes) -> None:
        """Read what the short way in `receive` cannot."""
        if connection.block is None:  # nobody asked
            self.pool.drop(connection)
            return
        parser = connection.parser
        try:
            if parser is None:
                parser = connection.parser = ResponseParser()
                self._learn(data)
            parser.feed(data)
        except ProtocolError:
            self.fail(connection, "protocol")
            return
        connection.head = parser.head
        connection.remaining = parser.ahead
        if parser.done:
            self._complete(connection)

    def _learn(self, data: bytes) -> None:
        """Keep a head that stands whole in one piece and announces a length, for `receive`."""
        raw, end, _ = data.partition(b"\r\n\r\n")
        head = parse_head(raw) if end else None
        if head is not None and head.length >= 0:
            if len(self.heads) >= KNOWN_HEADS:
                self.heads.clear()
            self.heads[raw] = head

    def _end_of_stream(self, connection: Connection) -> None:
        parser = connection.parser
        if connection.block is None:
            self.pool.drop(connection)
        elif parser is not None and parser.head is not None and parser.head.length == UNTIL_CLOSE:
            self._complete(connection)
        elif parser is not None or connection.remaining:
            self.fail(connection, "truncated")
        else:
            self.fail(connection, "reset")

    def _complete(self, connection: Connection) -> None:
        now = _clock()
        block: Block = connection.block  # type: ignore[assignment]
        head: Head = connection.head  # type: ignore[assignment]
        second = self.accounts.second
        if now >= second.end:
            second = self.accounts.second_at(now)
        if head.error:
            self.accounts.fail(block, head.error, now)
        else:
            us = int((now - connection.due) * 1e6)
            if us >= 2048:
                if us > histogram.HIGHEST:
                    us = histogram.HIGHEST
                    self.accounts.saturated = True
                shift = us.bit_length() - 11
                us = (shift << 10) + (us >> shift)
            block.response[us] += 1
            second.response[us] += 1
            us = int((now - connection.since) * 1e6)
            if us >= 2048:
                shift = us.bit_length() - 11
                us = (shift << 10) + (us >> shift)
            block.service[us] += 1
            size = head.length if connection.parser is None else connection.body_size()
            block.completed += 1
            second.completed += 1
            block.bytes += size
            second.bytes += size
        connection.block = None
        connection.parser = None
        connection.remaining = 0
        connection.usable = True
        pool = self.pool
        pool.pause = FIRST_PAUSE
        if pool.keep_alive and not head.close:
            pool.release(connection)
        elif head.length == UNTIL_CLOSE or pool.keep_alive:
            pool.drop(connection)
        else:
            connection.since = now  # the server closes first, which leaves TIME_WAIT on its side
