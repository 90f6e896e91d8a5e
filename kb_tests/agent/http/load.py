"""One `load` command's `http` options, checked, and the share of them that one worker gets."""

from __future__ import annotations

import ipaddress
import math
from typing import Any, NamedTuple


class LoadError(Exception):
    """The load cannot be made; one sentence says why."""


class Load(NamedTuple):
    """What to send. `rate` is requests per second, 0 for a closed loop; `size` is the page's in bytes, times
    are seconds. What took longer than each of `limits` is counted second by second.
    """

    host: str
    port: int
    path: str
    size: int
    rate: float
    connections: int
    keep_alive: bool
    warm_up: float
    duration: float
    timeout: float
    block: float
    tls: bool
    limits: tuple[float, ...] = ()

    @classmethod
    def of(cls, target: str, options: dict[str, Any]) -> Load:
        """Check the `http` dict of the protocol; raises LoadError."""
        try:
            load = cls(
                host=str(ipaddress.IPv4Address(target)),
                port=int(options["port"]),
                path=str(options["path"]),
                size=int(options["size"]),
                rate=float(options["rate"]),
                connections=int(options["connections"]),
                keep_alive=bool(options["keep_alive"]),
                warm_up=float(options["warm_up"]),
                duration=float(options["duration"]),
                timeout=float(options["timeout"]),
                block=float(options["block"]),
                tls=bool(options["tls"]),
                limits=tuple(float(limit) for limit in options.get("limits", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise LoadError(f"The load command cannot be understood: {error!r}.") from error
        sound = (
            0 < load.port < 65_536
            and load.path.startswith("/")
            and load.path.isascii()
            and load.path.isprintable()
            and " " not in load.path
            and len(load.path) <= 2000
            and 0 <= load.size <= 1 << 40
            and 0 <= load.rate <= 10_000_000
            and 1 <= load.connections <= 60_000
            and 0 <= load.warm_up <= 86_400
            and 0 < load.duration <= 86_400
            and 0 < load.timeout <= 3600
            and 0 < load.block <= 86_400
            and len(load.limits) <= 50
            and all(0 <= limit <= 3600 for limit in load.limits)
        )
        if not sound:
            raise LoadError(f"The load command asks for something out of range: {options!r:.500}.")
        return load

    def request(self) -> bytes:
        """The request that every connection sends."""
        ending = "" if self.keep_alive else "Connection: close\r\n"
        host = self.host if self.port == (443 if self.tls else 80) else f"{self.host}:{self.port}"
        return f"GET {self.path} HTTP/1.1\r\nHost: {host}\r\n{ending}\r\n".encode("ascii")


class Share(NamedTuple):
    """Worker `number` of `workers`: requests number, number + workers, ... of the agent's schedule."""

    number: int
    workers: int
    connections: int

    @classmethod
    def split(cls, connections: int, workers: int) -> list[Share]:
        """Shares for at most `workers` workers, none of them without a connection."""
        workers = max(1, min(workers, connections))
        each, more = divmod(connections, workers)
        return [cls(number, workers, each + (number < more)) for number in range(workers)]


class Schedule(NamedTuple):
    """When requests are due: k at first + k * interval; interval 0 means whenever a connection is idle.

    Times are seconds of CLOCK_MONOTONIC. The measured window is [begin, end); the warm-up before it
    belongs to the schedule too.
    """

    first: float
    interval: float
    begin: float
    end: float

    @classmethod
    def of(cls, load: Load, share: Share, at: float, phase: float = 0.0) -> Schedule:
        """A worker's part of the load that begins at `at`; `phase`, a share of the distance between two
        requests, keeps agents from firing together.
        """
        begin = at + load.warm_up
        if not load.rate:
            return cls(at, 0.0, begin, begin + load.duration)
        first = at + (share.number + phase) / load.rate
        return cls(first, share.workers / load.rate, begin, begin + load.duration)

    def before(self, time: float) -> int:
        """How many requests are due before `time` (0 for a closed loop)."""
        if not self.interval:
            return 0
        k = max(0, math.ceil((time - self.first) / self.interval))
        while k and self.first + (k - 1) * self.interval >= time:  # as the worker computes due times
            k -= 1
        while self.first + k * self.interval < time:
            k += 1
        return k


NEVER = Schedule(math.inf, 1.0, math.inf, math.inf)
"""Nothing is due: the load has not been started."""
