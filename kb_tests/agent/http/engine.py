"""One load command on this agent: forks the workers and merges what they report."""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import time
from typing import Any, Optional

from .. import counts, histogram
from ..page import Page
from ..worker_channel import Channel
from .load import Load, LoadError, Share
from .worker import PATIENCE, Worker

__all__ = ["HttpLoad", "LoadError"]

_GRACE = 2.0  # seconds that a worker may take beyond the deadline to say what is wrong


class HttpLoad:
    """A constant rate of requests (or a closed loop) from one process per CPU.

    `target` is an IPv4 address, `options` the `http` dict of `protocol`; its rate is this agent's, in
    requests per second. `page` is what a server is to answer, by default that of our own servers; `patience`
    is how long a server that opens no connection is waited for. Raises LoadError if they make no sense.
    """

    def __init__(
        self,
        target: str,
        options: dict[str, Any],
        workers: int,
        page: Optional[Page] = None,
        patience: float = PATIENCE,
    ) -> None:
        self._load = Load.of(target, options)
        self._page = Page(self._load.size) if page is None else page
        self._patience = patience
        self._shares = Share.split(self._load.connections, workers)
        self._channels: dict[int, Channel] = {}  # by worker's pid
        self._epoll = select.epoll()
        self._parts: dict[tuple[str, int], list[dict[str, Any]]] = {}
        self._counts = counts.empty()
        self.response: dict[int, int] = {}  # of the blocks that have ended, as `histogram` counts
        self.service: dict[int, int] = {}
        self._over = False

    def prepare(self, deadline: float) -> None:
        """Fork the workers and open the connections; until `deadline` of CLOCK_MONOTONIC.

        Raises LoadError, one sentence, if that fails.
        """
        seed = random.getrandbits(32)
        for share in self._shares:
            self._fork(share, deadline, seed)
        ready = 0
        while ready < len(self._shares):
            wait = deadline + _GRACE - time.monotonic()
            if wait <= 0:
                self.abort()
                raise LoadError("A traffic generator process did not get ready in time.")
            self._epoll.poll(wait)
            for message in self._messages():
                if "ready" not in message:
                    self.abort()
                    raise LoadError(message["failed"])
                ready += 1

    def start(self, at: float) -> None:
        """Begin the warm-up at this second of CLOCK_MONOTONIC; the measured window follows it."""
        for channel in self._channels.values():
            channel.put({"start": at})

    def fileno(self) -> int:
        """Readable when `events` has something."""
        return self._epoll.fileno()

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """What has happened since: ("second", body) and ("block", body) for all workers together, at last
        ("done", body) or ("failed", {"error": sentence}). Does not wait.
        """
        events: list[tuple[str, dict[str, Any]]] = []
        for message in self._messages():
            if "failed" in message:
                self.abort()
                return [*events, ("failed", {"error": message["failed"]})]
            kind = next(kind for kind in ("second", "block", "done") if kind in message)
            key = (kind, 0 if kind == "done" else message[kind])
            parts = self._parts.setdefault(key, [])
            parts.append(message)
            if len(parts) < len(self._shares):
                continue
            if kind == "done":  # seconds of the drain that some workers did not need
                events += [
                    ("second", self._second(self._parts[late])) for late in sorted(self._parts) if late != key
                ]
                self.abort()
            del self._parts[key]
            events.append((kind, getattr(self, "_" + kind)(parts)))
        return events

    def abort(self) -> None:
        """End the workers at once; may be called at any time, and again."""
        if self._over:
            return
        self._over = True
        for pid, channel in self._channels.items():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            channel.close()
        self._channels.clear()

    def _fork(self, share: Share, deadline: float, seed: int) -> None:
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if not pid:
            _be_worker(self._load, share, self._page, theirs, deadline, seed, self._patience)
        theirs.close()
        self._channels[pid] = Channel(ours)
        self._epoll.register(ours.fileno(), select.EPOLLIN)

    def _messages(self) -> list[dict[str, Any]]:
        """What the workers sent; a worker that is gone without "done" has "failed"."""
        messages: list[dict[str, Any]] = []
        for pid, channel in self._channels.items():
            if channel.closed:
                continue
            came = channel.get()
            last = came[-1] if came else {}
            if "done" in last or "failed" in last:
                channel.close()
            elif channel.closed:
                channel.close()
                came.append({"failed": f"A traffic generator process (pid {pid}) died."})
            messages += came
        return messages

    def _second(self, parts: list[dict[str, Any]]) -> dict[str, Any]:
        buckets: dict[int, int] = {}
        for part in parts:
            histogram.add(buckets, [word for pair in part["buckets"] for word in pair])
        return {
            "index": parts[0]["second"],
            "counts": _sum(parts),
            "open": sum(part["open"] for part in parts),
            "slower": [sum(part["slower"][i] for part in parts) for i in range(len(self._load.limits))],
            "lag": max(part["lag"] for part in parts),
            "cpu": max(part["cpu"] for part in parts),
            "buckets": [[i, buckets[i]] for i in sorted(buckets)],
        }

    def _block(self, parts: list[dict[str, Any]]) -> dict[str, Any]:
        total, response, service = _sum(parts), _merged(parts, "response"), _merged(parts, "service")
        counts.add(self._counts, total)
        histogram.add(self.response, histogram.flat(response))
        histogram.add(self.service, histogram.flat(service))
        return {
            "index": parts[0]["block"],
            "begin": parts[0]["begin"],
            "seconds": parts[0]["seconds"],
            "counts": total,
            "response": histogram.encode(response),
            "service": histogram.encode(service),
        }

    def _done(self, parts: list[dict[str, Any]]) -> dict[str, Any]:
        lag = _merged(parts, "lag")
        tls = [part["tls"] for part in parts if part["tls"]]
        return {
            "counts": self._counts,
            "skew": max(part["skew"] for part in parts),
            "lag_p99": histogram.percentile(lag, 99),
            "lag_max": histogram.percentile(lag, 100),
            "cpu": max(part["cpu"] for part in parts),
            "saturated": any(part["saturated"] for part in parts),
            "workers": len(parts),
            "connections": {
                key: sum(part["connections"][key] for part in parts) for key in parts[0]["connections"]
            },
            "tls": tls[0] if tls else "",
        }


def _sum(parts: list[dict[str, Any]]) -> dict[str, Any]:
    total = counts.empty()
    for part in parts:
        counts.add(total, part["counts"])
    return total


def _merged(parts: list[dict[str, Any]], name: str) -> dict[int, int]:
    total: dict[int, int] = {}
    for part in parts:
        histogram.add(total, part[name])
    return total


def _be_worker(
    load: Load,
    share: Share,
    page: Page,
    sock: socket.socket,
    deadline: float,
    seed: int,
    patience: float,
) -> None:
    """The forked process, which never returns and keeps nothing of its parent's open."""
    try:
        os.closerange(3, sock.fileno())
        os.closerange(sock.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        channel = Channel(sock)
        try:
            worker = Worker(load, share, page, channel, deadline, seed, patience)
            worker.run()
        except LoadError as error:
            channel.put({"failed": str(error)})
        except BaseException as error:  # whatever it is, the controller must learn it
            channel.put({"failed": f"A traffic generator process failed: {error!r}."})
    finally:
        os._exit(0)
