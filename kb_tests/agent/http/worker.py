"""One process of the generator: an epoll loop that keeps a schedule over a set of connections.

A request that is due goes out on the connection that has been idle longest; if none is, it waits its
turn. Response time runs from the due time, service time from the sending. The loop touches three kinds of
time: when a request is due, when the worker takes notice (the lag between the two is the instrument's
own fault), and when it is sent.
"""

from __future__ import annotations

import errno
import gc
import math
import os
import random
import select
import socket
import time
from collections import deque
from typing import Optional

from .. import histogram
from . import linux
from .accounts import Accounts
from .channel import Channel
from .connection import Connection
from .load import NEVER, Load, LoadError, Schedule, Share
from .response import UNTIL_CLOSE, Head, ProtocolError, ResponseParser, parse_head
from .tally import Block

TICK = 0.02  # seconds between two rounds of housekeeping
BATCH = 32  # events between two looks at the schedule
OPENING = 64  # connects under way at a time: well under any server's backlog
PIECE = 4096  # bytes of one read that has to look at what it reads
DROP = 1 << 20  # bytes of one read that need not
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds between rounds of connects to a server that fails them
KNOWN_HEADS = 64
REARM = 1.0  # seconds between two settings of the timer, whose interval the kernel rounds
PATIENCE = 2.0  # seconds without a new connection, or the timeout, after which the load goes ahead
OWN_FAULTS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)  # never the server's

_clock = time.monotonic
_nowhere = bytearray(DROP)  # never touched: MSG_TRUNC drops in the kernel


class Worker:
    """Runs one share of a load; results and the end go to `channel` as JSON messages."""

    def __init__(self, load: Load, share: Share, channel: Channel, deadline: float, phase: float) -> None:
        self.load = load
        self.share = share
        self.channel = channel
        self.deadline = deadline
        self.phase = phase
        self.address = (load.host, load.port)
        self.request = load.request()
        self.epoll = select.epoll()
        self.timer = linux.Timer()
        self.connections: dict[int, Connection] = {}
        self.idle: deque[Connection] = deque()  # may hold closed ones
        self.free = 0 if load.keep_alive else share.connections  # connections not in use, when each is new
        self.missing = share.connections if load.keep_alive else 0
        self.opening = 0
        self.pause = FIRST_PAUSE
        self.retry_at = -math.inf
        self.error = 0  # of the last connect that failed
        self.patient_until = math.inf
        self.heads: dict[bytes, Head] = {}
        self.ready = self.finished = False
        self.next_tick = self.next_scan = self.next_rearm = 0.0
        self.schedule = NEVER
        self.total = self.noticed = self.taken = 0
        self.accounts = Accounts(load, channel.put)

    def run(self) -> None:
        """Connect, say so, wait for the start, send, drain, report."""
        needed = self.share.connections + 64
        if linux.raise_file_limit(needed) < needed:
            raise LoadError(
                f"{self.share.connections} connections in one process need {needed} open files, more than "
                "the limit here; raise RLIMIT_NOFILE or use fewer connections."
            )
        linux.prepare_process()
        self.epoll.register(self.channel.fileno(), select.EPOLLIN)
        if self.timer.fd >= 0:
            self.epoll.register(self.timer.fd, select.EPOLLIN)
        self._be_patient()
        if not self.load.keep_alive:
            self._connect(None, 0.0)
        gc.freeze()
        gc.disable()
        self._loop()
        while not self.channel.flush() and not self.channel.closed:
            time.sleep(TICK)

    def _loop(self) -> None:
        poll = self.epoll.poll
        connections = self.connections
        receive = self._receive
        timer = self.timer.fd
        timeout = TICK if timer >= 0 else 0.001
        accounts = self.accounts
        while not self.finished:
            before = _clock()
            events = poll(timeout, BATCH)
            accounts.idle += _clock() - before
            for fd, _ in events:
                connection = connections.get(fd)
                if connection is not None:
                    if connection.connecting:
                        self._connected(connection)
                    else:
                        receive(connection)
                elif fd == timer:
                    os.read(timer, 8)
                else:
                    self._command()
            now = _clock()
            self._send_due(now)
            if self.missing and now >= self.retry_at:
                self._open()
            if now >= self.next_tick:
                self._tick(now)

    # Sending

    def _send_due(self, now: float) -> None:
        first, interval, begin, end = self.schedule
        accounts = self.accounts
        noticed = self.noticed
        if interval:
            due = first + noticed * interval
            lag = accounts.lag
            while due <= now and noticed < self.total:
                if due >= begin:
                    us = int((now - due) * 1e6)
                    lag[us if us < histogram.SUB_BUCKETS else histogram.index(us)] += 1
                noticed += 1
                due = first + noticed * interval
            self.noticed = noticed
        elif now < first:
            return
        if not self.load.keep_alive:
            self._connect_due()
            return
        idle = self.idle
        block = accounts.block
        second = accounts.second
        taken = self.taken
        request = self.request
        size = len(request)
        while idle and (taken < noticed or not interval):
            connection = idle.popleft()
            if connection.fd < 0:
                continue
            now = _clock()
            due = first + taken * interval if interval else now
            if due >= block.end:
                if due >= end:
                    idle.append(connection)
                    break
                block = accounts.next_block(due)
            if now >= second.end:
                second = accounts.second_at(now)
            if not interval:
                second.due += 1
            taken += 1
            block.due += 1
            connection.block = block
            connection.due = due
            connection.since = now
            try:
                whole = connection.send(request) == size
            except OSError:
                whole = False
            if whole:
                block.sent += 1
                second.sent += 1
            else:
                self._fail(connection, "reset")
        self.taken = taken

    def _connect_due(self) -> None:
        closed_loop = not self.schedule.interval
        while self.free and not (closed_loop and _clock() < self.retry_at):
            taken = self._take()
            if taken is None:
                return
            self._connect(*taken)

    def _take(self) -> Optional[tuple[Block, float]]:
        """The request whose turn it is, if one is due: its block and due time."""
        if self.schedule.interval:
            if self.taken >= self.noticed:
                return None
            due = self.schedule.first + self.taken * self.schedule.interval
        else:
            due = _clock()
            if not self.schedule.first <= due < self.schedule.end:
                return None
            self.accounts.second_at(due).due += 1
        self.taken += 1
        block = self.accounts.next_block(due)
        block.due += 1
        return block, due

    # Connections

    def _open(self) -> None:
        while self.missing and self.opening < OPENING and self._connect(None, 0.0):
            pass

    def _connect(self, block: Optional[Block], due: float) -> bool:
        now = _clock()
        try:
            connection = Connection(self.address, now, linger=not self.load.keep_alive)
        except OSError as error:
            self._connect_failed(block, error.errno or 0)
            return False
        connection.block = block
        connection.due = due
        self.connections[connection.fd] = connection
        self.epoll.register(connection.fd, select.EPOLLOUT)
        self.opening += 1
        if self.load.keep_alive:
            self.missing -= 1
        else:
            self.free -= 1
        return True

    def _connected(self, connection: Connection) -> None:
        error = connection.connect_error()
        if error:
            self._connect_failed(connection.block, error)
            connection.block = None
            self._drop(connection)
            return
        connection.connecting = False
        self.opening -= 1
        self._be_patient()
        self.epoll.modify(connection.fd, select.EPOLLIN)
        if self.load.keep_alive:
            connection.since = math.inf
            self.idle.append(connection)
            return
        block = connection.block
        if block is None:  # the trial before the start
            connection.usable = True
            self._drop(connection)
            self.ready = True
            return
        connection.since = _clock()
        try:
            whole = connection.send(self.request) == len(self.request)
        except OSError:
            whole = False
        if not whole:
            self._fail(connection, "reset")
            return
        block.sent += 1
        self.accounts.second_at(connection.since).sent += 1

    def _connect_failed(self, block: Optional[Block], error: int) -> None:
        """Blame it on its request or else on the one whose turn it is, and try again later.

        With no connection open, all requests that wait would have met the same fate.
        """
        self.error = error
        if error in OWN_FAULTS:
            raise LoadError(f"A connection could not be opened on this side: {os.strerror(error)}.")
        key = "ports_exhausted" if error == errno.EADDRNOTAVAIL else "connect"
        now = _clock()
        if block is not None:
            self.accounts.fail(block, key, now)
        else:
            waiting = (
                self.noticed - self.taken if self.missing + self.opening == self.share.connections else 0
            )
            for _ in range(max(1, waiting)):
                if taken := self._take():
                    self.accounts.fail(taken[0], key, now)
        self._back_off()

    def _back_off(self) -> None:
        now = _clock()
        if now >= self.retry_at:
            self.retry_at = now + self.pause * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
            self.pause = min(self.pause * 2, LONGEST_PAUSE)

    def _drop(self, connection: Connection) -> None:
        """Close a connection that has no request under way; another takes its place."""
        del self.connections[connection.fd]
        connection.sock.close()
        connection.fd = -1
        if connection.connecting:
            self.opening -= 1
        if not self.load.keep_alive:
            self.free += 1
            return
        self.missing += 1
        if not connection.usable:
            self._back_off()

    def _fail(self, connection: Connection, key: str) -> None:
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
        self._drop(connection)

    # Receiving

    def _receive(self, connection: Connection) -> None:
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
                        self._fail(connection, "protocol")
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
            self._fail(connection, "reset")
            return
        if not dropped:
            self._end_of_stream(connection)
            return
        connection.remaining -= dropped
        if not connection.remaining and connection.head.length >= 0:  # type: ignore[union-attr]
            self._complete(connection)

    def _parse(self, connection: Connection, data: bytes) -> None:
        """Read what the short way in `_receive` cannot."""
        if connection.block is None:  # nobody asked
            self._drop(connection)
            return
        parser = connection.parser
        try:
            if parser is None:
                parser = connection.parser = ResponseParser()
                self._learn(data)
            parser.feed(data)
        except ProtocolError:
            self._fail(connection, "protocol")
            return
        connection.head = parser.head
        connection.remaining = parser.ahead
        if parser.done:
            self._complete(connection)

    def _learn(self, data: bytes) -> None:
        """Keep a head that stands whole in one piece and announces a length, for `_receive`."""
        raw, end, _ = data.partition(b"\r\n\r\n")
        head = parse_head(raw) if end else None
        if head is not None and head.length >= 0:
            if len(self.heads) >= KNOWN_HEADS:
                self.heads.clear()
            self.heads[raw] = head

    def _end_of_stream(self, connection: Connection) -> None:
        parser = connection.parser
        if connection.block is None:
            self._drop(connection)
        elif parser is not None and parser.head is not None and parser.head.length == UNTIL_CLOSE:
            self._complete(connection)
        elif parser is not None or connection.remaining:
            self._fail(connection, "truncated")
        else:
            self._fail(connection, "reset")

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
        self.pause = FIRST_PAUSE
        if self.load.keep_alive and not head.close:
            connection.since = math.inf
            self.idle.append(connection)
        elif head.length == UNTIL_CLOSE or self.load.keep_alive:
            self._drop(connection)
        else:
            connection.since = now  # the server closes first, which leaves TIME_WAIT on its side

    # Housekeeping

    def _command(self) -> None:
        for message in self.channel.get():
            at = float(message["start"])
            self.schedule = Schedule.of(self.load, self.share, at, self.phase)
            self.total = self.schedule.before(self.schedule.end)
            self.accounts.open(self.schedule, at, _clock())
            if self.schedule.interval:
                self.timer.set(self.schedule.first, self.schedule.interval)
        if self.channel.closed:
            self.finished = True

    def _tick(self, now: float) -> None:
        self.next_tick = now + TICK
        self.channel.flush()
        if now >= self.next_scan:
            self.next_scan = now + min(0.25, self.load.timeout / 20)
            self._end_overdue(now - self.load.timeout)
            if len(self.idle) > 2 * self.share.connections:
                self.idle = deque(connection for connection in self.idle if connection.fd >= 0)
        if self.schedule is NEVER:
            self._prepare(now)
            return
        first, interval, _, end = self.schedule
        accounts = self.accounts
        accounts.use(now)
        accounts.second_at(now)
        accounts.end_blocks()
        if now >= self.next_rearm and self.noticed < self.total:
            self.next_rearm = now + REARM
            self.timer.set(first + self.noticed * interval, interval)
        if now >= end + self.load.timeout or (now >= end and self._drained()):
            self._finish(now)

    def _be_patient(self) -> None:
        self.patient_until = _clock() + max(PATIENCE, self.load.timeout)

    def _prepare(self, now: float) -> None:
        """Before the start: say once that the connections are open, or that the server does not open them.

        The latter is for the requests to find out: what a server does is no reason not to measure it.
        """
        if self.ready or (self.load.keep_alive and not self.missing and not self.opening):
            self._say_ready()
        elif now >= min(self.deadline, self.patient_until) and self.deadline != math.inf:
            if self.error == errno.EADDRNOTAVAIL:
                raise LoadError(
                    f"No local port is left for connections to {self.address[0]}:{self.address[1]}; use fewer"
                    " of them or a wider net.ipv4.ip_local_port_range."
                )
            self._say_ready()
        elif not self.load.keep_alive and not self.opening and now >= self.retry_at:
            self._connect(None, 0.0)

    def _say_ready(self) -> None:
        if self.deadline != math.inf:
            self.channel.put({"ready": True})
        self.deadline = math.inf

    def _end_overdue(self, limit: float) -> None:
        for connection in [c for c in self.connections.values() if c.since < limit]:
            if connection.block is not None:
                self._fail(connection, "timeout")
            elif connection.connecting:
                self._connect_failed(None, errno.ETIMEDOUT)
                self._drop(connection)
            else:
                self._drop(connection)

    def _drained(self) -> bool:
        unsent = self.total - self.taken if self.total else 0
        return not unsent and not any(c.block for c in self.connections.values())

    def _finish(self, now: float) -> None:
        """The drain is over: account for what is left, and report."""
        accounts = self.accounts
        second = accounts.second_at(now)
        for connection in self.connections.values():
            block = connection.block
            if block is None:
                continue
            if connection.connecting:
                block.unsent += 1
                second.unsent += 1
            else:
                block.inflight += 1
                second.inflight += 1
                accounts.respond(block, now - connection.due, now)
        while self.total and (taken := self._take()):
            taken[0].unsent += 1
            second.unsent += 1
        last = accounts.next_block(math.inf)
        if not last.due and not self.schedule.interval:  # a closed loop that waits for connects is no silence
            hanging = sum(connection.connecting for connection in self.connections.values())
            last.due = last.unsent = hanging
            second.unsent += hanging
        accounts.close()
        self.finished = True
