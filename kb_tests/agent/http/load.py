"""One `load` command's `http` options, checked, and the share of them that one worker gets."""

from __future__ import annotations

import ipaddress
import math
from array import array
from random import Random
from typing import Any, NamedTuple, Sequence

_WHOLE = 1e-6  # of a slot, by which floats may miss it


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
    """When requests are due; interval 0 means whenever a connection is idle.

    Each has a slot of time, k from first + k * interval on. All of about a second, `every` of them, are
    due at one distance from their slots' begin; the next second draws another, from `shifts`. A distance for
    good would meet whatever comes around as often as a second does (a server's reports, a quota's
    periods) in each second or in none: two runs of the same load would differ, and neither could see it.

    Times are seconds of CLOCK_MONOTONIC. The measured window is [begin, end); the warm-up before it
    belongs to the schedule too. The window begins with a slot, so that it has what its rate says.
    """

    first: float
    interval: float
    begin: float
    end: float
    every: int = 1
    shifts: Sequence[float] = (0.0,)

    @classmethod
    def of(cls, load: Load, share: Share, at: float, seed: int = 0) -> Schedule:
        """A worker's part of the load that begins at `at`. Workers of one `seed` send evenly among
        themselves; agents of different ones do not fire together.
        """
        begin = at + load.warm_up
        end = begin + load.duration
        if not load.rate:
            return cls(at, 0.0, begin, end)
        interval = share.workers / load.rate
        every = max(1, round(1 / interval))
        draw = Random(seed).random  # noqa: S311 - no secret
        seconds = math.ceil((end - at) / (every * interval)) + 2
        shifts = array("d", (draw() / load.rate for _ in range(seconds)))
        ahead = math.floor(load.warm_up * load.rate + _WHOLE)
        return cls(begin + (share.number - ahead) / load.rate, interval, begin, end, every, shifts)

    def due(self, k: int) -> float:
        """When request `k` is due, none of them later than the next."""
        return self.first + k * self.interval + self.shifts[k // self.every]

    def before(self, time: float) -> int:
        """How many requests are due before `time`, or before the end (0 for a closed loop)."""
        if not self.interval:
            return 0
        time = min(time, self.end)
        k = max(0, math.ceil((time - self.first) / self.interval))
        while k and self.due(k - 1) >= time:
            k -= 1
        while self.due(k) < time:
            k += 1
        return k


NEVER = Schedule(math.inf, 1.0, math.inf, math.inf)
"""Nothing is due: the load has not been started."""
