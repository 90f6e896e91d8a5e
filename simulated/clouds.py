"""Clouds whose capacity is known, and probes of them: how many requests were bad, by batch of time.

Each limit of such a cloud has a share of bad ones that rises with the load. The level shifts from second to
second, by `shift` standard deviations of the response time's own logarithm (the probit scale of the share),
and is remembered for `memory` seconds. With `apart` each limit has shifts of its own besides.

Source of the shares: M/M/k queues (Erlang 1917); the rest is made up to be hard.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import ndtr, ndtri

from kb_tests.sla.bounds import batches
from kb_tests.sla.capacity.model import Counts, Limit, Means, Seen, Step

Array = NDArray[np.float64]
Share = Callable[[Array], Array]

WARM_UP = 5.0
"""Seconds that a probe costs besides its window."""

OVERLOAD = 30.0
"""Seconds after which an overloaded cloud's backlog is looked at."""


@lru_cache
def queue(servers: int, rate: float, limit: float) -> Share:
    """Of an M/M/k queue whose servers do `rate` a second each: the share of those that take over `limit`
    seconds, by the load on it (1 is all that it can do).
    """
    whole = servers * rate

    def share(load: Array) -> Array:
        busy = np.clip(load, 1e-6, 0.999999)
        offered = busy * servers
        terms = sum((offered**i / math.factorial(i) for i in range(servers)), np.zeros_like(offered))
        last = offered**servers / math.factorial(servers) / (1 - busy)
        waits = last / (terms + last)
        gap = whole - busy * whole - rate
        gap = np.where(np.abs(gap) < 1e-9, 1e-9, gap)
        slow = np.exp(-rate * limit) * (1 + waits * rate * -np.expm1(-gap * limit) / gap)
        over = 1 - np.minimum(1, limit / np.maximum((load - 1) * OVERLOAD, 1e-9))
        found: Array = np.clip(np.where(load >= 0.999999, np.maximum(slow, over), slow), 1e-12, 1 - 1e-9)
        return found

    return share


def cliff(load: Array) -> Array:
    """Nearly nothing up to the capacity, and most beyond."""
    return np.where(load < 1, 2e-4, 0.6)


def recovering(load: Array) -> Array:
    """An island of failure: from 1 to 1.3; then it keeps again up to 2.5."""
    return np.where(load < 1, 1e-3, np.where(load < 1.3, 0.05, np.where(load < 2.5, 2e-3, 0.5)))


def scaled(share: Share, factor: float) -> Share:
    """The same at `factor` times the load."""
    return lambda load: share(load / factor)


def failing(load: Array) -> Array:
    """Errors that rise steeply with the load: 0.1 % at 1."""
    return np.clip(1e-3 * np.exp(30 * (load - 1)), 1e-9, 1 - 1e-9)


@dataclass(frozen=True)
class Cloud:
    """One cloud: the share of each limit by the load, and how its level moves.

    `drift` is the relative change of its capacity in 30 minutes, `step` that at a moment of the first 15.
    `slow` is a second shift, remembered for `slow_memory`. `edges` name limits whose share jumps, and where.
    """

    shares: Mapping[str, tuple[float, Share]]
    shift: float = 0.3
    memory: float = 3.0
    apart: float = 0.0
    slow: float = 0.0
    slow_memory: float = 120.0
    drift: float = 0.0
    step: float = 0.0
    edges: Mapping[str, float] = field(default_factory=dict)
    whole_window: Mapping[str, Means] = field(default_factory=dict)

    @property
    def limits(self) -> tuple[Limit, ...]:
        """What its SLA says."""
        return tuple(
            Limit(name, allowed, self.whole_window.get(name, Means.SHARE))
            for name, (allowed, _) in self.shares.items()
        )

    @property
    def spread(self) -> float:
        """By which the shifts make the share of a long time flatter than that of a second."""
        return math.sqrt(1 + self.shift**2 + self.slow**2 + self.apart**2)


def roots(cloud: Cloud) -> dict[str, float]:
    """Where, over a long time, the share of each limit first reaches what is allowed."""
    load = np.linspace(0.02, 3.0, 300_001)
    found = {}
    for name, (allowed, share) in cloud.shares.items():
        if name in cloud.edges:
            found[name] = cloud.edges[name]
            continue
        reached = ndtri(share(load)) / cloud.spread >= ndtri(allowed)
        found[name] = float(load[np.argmax(reached)]) if reached.any() else math.inf
    return found


class Run:
    """One search's probes of one cloud, whose capacity is `capacity` when it begins."""

    def __init__(self, cloud: Cloud, rng: np.random.Generator, capacity: float, root: float) -> None:
        self.cloud, self.rng, self.capacity = cloud, rng, capacity
        self.scale = capacity / root
        self.at = 0.0
        self.step_at = float(rng.uniform(60, 900))
        self._level = {name: float(rng.normal()) for name in ("", "slow", *cloud.shares)}

    def truth(self, at: float) -> float:
        """The capacity at a moment of the search."""
        cloud = self.cloud
        stepped = 1 + (cloud.step if at > self.step_at else 0)
        return self.capacity * (1 + cloud.drift * at / 1800) * stepped

    def probe(self, step: Step, per: float = 1.0) -> Seen:
        """Make one; `per` is the rate of a unit of load."""
        cloud, rate = self.cloud, step.load * per
        count = int(WARM_UP + step.seconds)
        began, when = self.at, self.at + np.arange(count)
        scale = self.scale * (1 + cloud.drift * when / 1800)
        scale = scale * (1 + np.where(when > self.step_at, cloud.step, 0.0))
        shift = cloud.shift * self._shifts("", count, cloud.memory)
        if cloud.slow:
            shift = shift + cloud.slow * self._shifts("slow", count, cloud.slow_memory)
        due, found = round(rate), {}
        parts = batches(int(step.seconds))
        for name, (_, share) in cloud.shares.items():
            own = cloud.apart * self._shifts(name, count, cloud.memory) if cloud.apart else 0.0
            chance = np.asarray(ndtr(ndtri(share(rate / scale)) + shift + own))[int(WARM_UP) :]
            bad = self.rng.binomial(due, chance)
            found[name] = Counts(
                tuple(int(bad[part].sum()) for part in parts),
                tuple(due * (part.stop - part.start) for part in parts),
            )
        self.at += count
        return Seen(step.load, step.seconds, began, self.at, found)

    def _shifts(self, name: str, count: int, memory: float) -> Array:
        kept = math.exp(-1 / memory)
        steps = self.rng.normal(size=count) * math.sqrt(1 - kept * kept)
        path: Array = lfilter([1], [1, -kept], steps, zi=[kept * self._level[name]])[0]
        self._level[name] = float(path[-1])
        return path


def _one(share: Share, allowed: float = 0.01) -> dict[str, tuple[float, Share]]:
    return {"latency p99": (allowed, share)}


CLOUDS: dict[str, Cloud] = {
    "clean M/M/4": Cloud(_one(queue(4, 250, 0.032)), shift=0.0),
    "M/M/4 shifting": Cloud(_one(queue(4, 250, 0.032))),
    "M/M/1 shifting, flat": Cloud(_one(queue(1, 250, 0.05))),
    "M/M/8 shifting, steep": Cloud(_one(queue(8, 200, 0.04))),
    "tail near the limit": Cloud(_one(queue(32, 250, 0.025))),
    "cliff": Cloud(_one(cliff), edges={"latency p99": 1.0}),
    "island of failure": Cloud(_one(recovering), edges={"latency p99": 1.0}),
    "drift -10 % in 30 min": Cloud(_one(queue(4, 250, 0.032)), drift=-0.10),
    "step -10 %": Cloud(_one(queue(4, 250, 0.032)), step=-0.10),
    "shifts of 2 min (beyond)": Cloud(_one(queue(4, 250, 0.032)), slow=0.3),
    "three limits": Cloud(
        {
            "latency p50": (0.5, queue(4, 250, 0.02)),
            "latency p99": (0.01, queue(4, 250, 0.032)),
            "errors": (0.001, scaled(failing, 1.3)),
        },
        apart=0.1,
    ),
    "two limits that cross": Cloud(
        {
            "latency p99": (0.01, queue(4, 250, 0.032)),
            "errors": (0.001, scaled(failing, 0.855)),
        },
        apart=0.15,
    ),
    "storage, reads and writes": Cloud(
        {
            "read latency p99": (0.01, queue(8, 200, 0.04)),
            "write latency p99": (0.01, scaled(queue(4, 250, 0.032), 1.03)),
        },
        apart=0.2,
    ),
    "storage, IOPS of a volume type": Cloud(
        {
            "read latency p99": (0.01, cliff),
            "achieved read": (0.02, lambda load: np.clip(1 - 1 / np.maximum(load, 1e-9), 1e-9, 1)),
        },
        shift=0.1,
        edges={"read latency p99": 1.0, "achieved read": 1 / 0.98},
        whole_window={"achieved read": Means.MEAN},
    ),
}
