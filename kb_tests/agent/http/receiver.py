"""What comes back: responses are read, or dropped unread in the kernel, and their requests end."""

from __future__ import annotations

import math
import random
import socket
import time

from .. import histogram
from ..page import Page
from .accounts import Accounts
from .connection import Connection
from .pool import FIRST_PAUSE, Pool
from .response import UNTIL_CLOSE, Head, ProtocolError, ResponseParser, parse_head
from .tally import Block

PIECE = 4096  # bytes of one read that has to look at what it reads
BODY = 1 << 16  # bytes of one read of a body that has to be compared
BODIES = 16  # such reads of one connection in a row
DROP = 1 << 20  # bytes of one read that need not
KNOWN_HEADS = 64
ONE_IN = 100  # one answer of so many at least is compared with the page, by chance
COMPARED = 500  # a worker's answers a second that cost it next to nothing to compare
COMPARED_BYTES = 16 << 20  # and their bytes

TO_COMPARE = ResponseParser()  # stands for one, until it takes one, where an answer is to be compared
_clock = time.monotonic
_nowhere = bytearray(DROP)  # never touched: MSG_TRUNC drops in the kernel (TLS uses its first 16 KiB)


def one_in(rate: float, size: int) -> int:
    """One answer of how many a worker compares with its page of `size` bytes, at its rate (0: a closed loop).

    Where requests are few, all of them: a hundredth of them would show nothing.
    """
    affordable = min(float(COMPARED), COMPARED_BYTES / size if size else math.inf)
    if not rate or rate >= affordable * ONE_IN:
        return ONE_IN
    return max(1, math.ceil(rate / affordable))


class Receiver:
    """Ends the requests that are under way on the connections of `pool`, well or not.

    Good is status 200 with a body of the page's length, on an answer that ends as HTTP says. Its bytes are
    compared with the page's in the first answer of each connection and in one of `one_in`, and in all as soon
    as one was different.
    """

    def __init__(self, pool: Pool, accounts: Accounts, page: Page, one_in: int) -> None:
        self.pool = pool
        self.accounts = accounts
        self.page = page
        self.size = page.size
        self.piece = PIECE if pool.keep_alive else BODY  # where each answer is a connection's first
        self.whole = min(BODY, page.size + PIECE)  # of one that is to be compared
        self.heads: dict[bytes, Head] = {}  # of pages as they should be
        self.one_in = one_in
        self.differed = False
        self.until_compared = self._gap()

    def compare(self, connection: Connection) -> None:
        """The next answer of this connection is to be compared with the page."""
        connection.parser = TO_COMPARE

    def receive(self, connection: Connection) -> None:
        """Read what has arrived."""
        try:
            if not connection.remaining:
                piece = self.piece if connection.parser is None else self.whole
                data = connection.recv(piece)
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
                remaining = end + 4 + self.size - len(data)
                connection.head = head
                if remaining <= 0:
                    if remaining:
                        self.fail(connection, "protocol")
                    else:
                        self._complete(connection)
                    return
                connection.remaining = remaining
                if len(data) < piece:
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
        """Read what the short way in `receive` cannot; raises OSError as it does."""
        if connection.block is None:
            self.pool.spoil(connection)
            return
        parser = connection.parser
        try:
            if parser is TO_COMPARE:
                end = data.find(b"\r\n\r\n")
                head = self.heads.get(data[:end]) if end > 0 else None
                if head is not None and self.page.is_rest(data, end + 4):
                    connection.parser, connection.head = None, head
                    self._complete(connection)
                    return
                parser = connection.parser = ResponseParser(self.page)
            elif parser is None:
                parser = connection.parser = ResponseParser()
            if not parser.begun:
                data = self._known(parser, data)
            reads = BODIES
            while True:
                parser.feed(data)
                connection.head = parser.head
                connection.remaining = parser.ahead
                if not parser.wants or not reads:
                    break
                reads -= 1
                data = connection.recv(min(parser.wants, BODY))
                if not data:
                    self._end_of_stream(connection)
                    return
        except ProtocolError:
            self.fail(connection, "protocol")
            return
        if parser.done:
            self._complete(connection)

    def _known(self, parser: ResponseParser, data: bytes) -> bytes:
        """What is left of the first piece of a response once its head is read, if that is known.

        One that is not, stands whole in the piece and is as it should be, is known from now on.
        """
        raw, end, rest = data.partition(b"\r\n\r\n")
        head = self.heads.get(raw) if end else None
        if head is not None:
            parser.know(head)
            return rest
        head = parse_head(raw) if end else None
        if head is not None and not head.error and head.length == self.size:
            if len(self.heads) >= KNOWN_HEADS:
                self.heads.clear()
            self.heads[raw] = head
        return data

    def _end_of_stream(self, connection: Connection) -> None:
        parser = connection.parser
        if connection.block is None:
            self.pool.drop(connection)
        elif parser is not None and parser.head is not None and parser.head.length == UNTIL_CLOSE:
            parser.size += parser.ahead - connection.remaining
            self._complete(connection)
        elif (parser is not None and parser.begun) or connection.remaining:
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
        if connection.parser is not None and (error := connection.parser.error(self.size)):
            self.accounts.fail(block, error, now)
            if error == "content":
                self.differed, self.until_compared = True, 1
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
            block.completed += 1
            second.completed += 1
            block.bytes += self.size
            second.bytes += self.size
        self.until_compared = until = self.until_compared - 1
        if until:
            connection.parser = None
        else:
            self.compare(connection)
            self.until_compared = self._gap()
        connection.block = None
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

    def _gap(self) -> int:
        """How many answers until one is compared: by chance, since what is wrong may come in turns."""
        return 1 if self.differed else random.randint(1, 2 * self.one_in - 1)  # noqa: S311 - no secret
