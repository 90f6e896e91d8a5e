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
import select
import time
from typing import Callable, Optional

from .. import histogram
from ..page import Page
from ..worker_channel import Channel
from . import linux
from .accounts import Accounts
from .connection import Connection
from .load import NEVER, Load, LoadError, Schedule, Share
from .pool import OPENING, Pool
from .receiver import Receiver, one_in
from .scouts import Scouts
from .tally import Block

TICK = 0.02  # seconds between two rounds of housekeeping
BATCH = 32  # events between two looks at the schedule
PATIENCE = 2.0  # seconds without a new connection after which a load goes ahead
OWN_FAULTS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)  # never the server's

_clock = time.monotonic


class Worker:
    """Runs one share of a load; results and the end go to `channel` as JSON messages.

    It goes ahead after `patience` seconds without a new connection, or after the timeout if that is longer.
    """

    def __init__(
        self,
        load: Load,
        share: Share,
        page: Page,
        channel: Channel,
        deadline: float,
        seed: int,
        patience: float = PATIENCE,
    ) -> None:
        self.load = load
        self.share = share
        self.channel = channel
        self.deadline = deadline
        self.seed = seed
        self.request = load.request()
        self.epoll = select.epoll()
        self.timer = linux.Timer()
        self.error = 0  # of the last connect that failed
        self.patience = max(patience, load.timeout)
        self.patient_until = math.inf
        self.ready = self.finished = False
        self.next_tick = self.next_scan = 0.0
        self.schedule = NEVER
        self.total = self.noticed = self.taken = self.shifted = 0
        self.accounts = Accounts(load, share.connections, channel.put, seed)
        self.pool = Pool(share.connections, load.keep_alive, self.epoll, self._maker(), self.accounts)
        every = one_in(load.rate / share.workers, page.size)
        self.receiver = Receiver(self.pool, self.accounts, page, every)
        address = (load.host, load.port)
        self.scouts = Scouts(self.pool, self.epoll, lambda now: Connection(address, now, linger=False))

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
        pool = self.pool
        connections = pool.connections
        receive: Callable[[Connection], None] = self.receiver.receive
        if self.load.tls:
            from .tls import until_drained

            receive = until_drained(receive)
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
                elif not self.scouts.came(fd, _clock()):
                    self._command()
            now = _clock()
            self._send_due(now)
            while (
                pool.missing and pool.opening < OPENING and now >= pool.retry_at and self._connect(None, 0.0)
            ):
                pass
            if now >= self.next_tick:
                self._tick(now)

    # Sending

    def _send_due(self, now: float) -> None:
        first, interval, begin, end, every, shifts = self.schedule  # `due` inline: a call a request costs
        accounts = self.accounts
        noticed = self.noticed
        if interval:
            due = first + noticed * interval + shifts[noticed // every]
            lag = accounts.lag
            if now - due > accounts.second.lag and noticed < self.total:
                accounts.second.lag = now - due
            while due <= now and noticed < self.total:
                if due >= begin:
                    us = int((now - due) * 1e6)
                    lag[us if us < histogram.SUB_BUCKETS else histogram.index(us)] += 1
                noticed += 1
                due = first + noticed * interval + shifts[noticed // every]
            self.noticed = noticed
            if noticed >= self.shifted and noticed < self.total:
                self.shifted = (noticed // every + 1) * every
                self.timer.set(due, interval)
        elif now < first:
            return
        if not self.load.keep_alive:
            self._connect_due()
            return
        idle = self.pool.idle
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
            due = first + taken * interval + shifts[taken // every] if interval else now
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
                self.receiver.fail(connection, connection.fault)
        self.taken = taken

    def _connect_due(self) -> None:
        closed_loop = not self.schedule.interval
        while self.pool.free and not (closed_loop and _clock() < self.pool.retry_at):
            taken = self._take()
            if taken is None:
                return
            if self.pool.spoilt:
                self.pool.spoilt -= 1
                self.accounts.fail(taken[0], "protocol", _clock())
            else:
                self._connect(*taken)

    def _take(self) -> Optional[tuple[Block, float]]:
        """The request whose turn it is, if one is due: its block and due time."""
        if self.schedule.interval:
            if self.taken >= self.noticed:
                return None
            due = self.schedule.due(self.taken)
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

    def _maker(self) -> Callable[[float, bool], Connection]:
        address = (self.load.host, self.load.port)
        if not self.load.tls:
            return lambda now, linger: Connection(address, now, linger)
        from .tls import connections  # costs a worker memory that only TLS is worth

        return connections(address)

    def _connect(self, block: Optional[Block], due: float) -> bool:
        try:
            self.pool.connect(block, due)
        except OSError as error:
            self._connect_failed(block, error.errno or 0)
            return False
        return True

    def _connected(self, connection: Connection) -> None:
        """Something has happened to a connection that is being opened."""
        error = self.pool.establish(connection)
        if error is None:
            return
        if error:
            self._connect_failed(connection.block, error)
            connection.block = None
            self.pool.drop(connection)
            return
        self._be_patient()
        if not self.accounts.tls:
            self.accounts.tls = connection.tls()
        self.receiver.compare(connection)
        if self.load.keep_alive:
            self.pool.release(connection)
            return
        block = connection.block
        if block is None:  # the trial before the start
            connection.usable = True
            self.pool.drop(connection)
            self.ready = True
            return
        connection.since = _clock()
        try:
            whole = connection.send(self.request) == len(self.request)
        except OSError:
            whole = False
        if not whole:
            self.receiver.fail(connection, "reset")
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
        self.accounts.refused(ours=error == errno.EADDRNOTAVAIL)
        now = _clock()
        if block is not None:
            self.accounts.fail(block, key, now)
        else:
            waiting = self.noticed - self.taken if self.pool.empty else 0
            for _ in range(max(1, waiting)):
                if taken := self._take():
                    self.accounts.fail(taken[0], key, now)
        self.pool.back_off()

    # Housekeeping

    def _command(self) -> None:
        for message in self.channel.get():
            at = float(message["start"])
            self.schedule = Schedule.of(self.load, self.share, at, self.seed)
            self.total = self.schedule.before(self.schedule.end)
            self.accounts.open(self.schedule, at, _clock())
            if self.schedule.interval:
                self.timer.set(self.schedule.due(0), self.schedule.interval)
                self.shifted = self.schedule.every
        if self.channel.closed:
            self.finished = True

    def _tick(self, now: float) -> None:
        self.next_tick = now + TICK
        self.channel.flush()
        if now >= self.next_scan:
            self.next_scan = now + min(0.25, self.load.timeout / 20)
            self._end_overdue(now - self.load.timeout)
            self.pool.tidy()
        if self.schedule is NEVER:
            self._prepare(now)
            return
        self.scouts.look(now)
        end = self.schedule.end
        accounts = self.accounts
        accounts.use(now)
        accounts.second_at(now)
        accounts.tell(now)
        if now >= end + self.load.timeout or (now >= end and self._drained()):
            self._finish(now)

    def _be_patient(self) -> None:
        self.patient_until = _clock() + self.patience

    def _prepare(self, now: float) -> None:
        """Before the start: say once that the connections are open, or that the server does not open them.

        The latter is for the requests to find out: what a server does is no reason not to measure it.
        """
        pool = self.pool
        if self.ready or (self.load.keep_alive and not pool.missing and not pool.opening):
            self._say_ready()
        elif now >= min(self.deadline, self.patient_until) and self.deadline != math.inf:
            if self.error == errno.EADDRNOTAVAIL:
                raise LoadError(
                    f"No local port is left for connections to {self.load.host}:{self.load.port}; use fewer"
                    " of them or a wider net.ipv4.ip_local_port_range."
                )
            self._say_ready()
        elif not self.load.keep_alive and not pool.opening and now >= pool.retry_at:
            self._connect(None, 0.0)

    def _say_ready(self) -> None:
        if self.deadline != math.inf:
            self.channel.put({"ready": True})
        self.deadline = math.inf

    def _end_overdue(self, limit: float) -> None:
        for connection in self.pool.overdue(limit):
            if connection.block is not None:
                self.receiver.fail(connection, "timeout")
            else:
                if connection.connecting:
                    self._connect_failed(None, errno.ETIMEDOUT)
                self.pool.drop(connection)

    def _drained(self) -> bool:
        unsent = self.total - self.taken if self.total else 0
        return not unsent and not any(c.block for c in self.pool.connections.values())

    def _finish(self, now: float) -> None:
        """The drain is over: account for what is left, and report."""
        accounts = self.accounts
        second = accounts.second_at(now)
        for connection in self.pool.connections.values():
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
            hanging = sum(connection.connecting for connection in self.pool.connections.values())
            last.due = last.unsent = hanging
            second.unsent += hanging
        accounts.close()
        self.finished = True
