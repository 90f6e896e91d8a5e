"""Whose it is, from one figure of each server: a server's, a host's or a zone's."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from kb_tests.culprits.outliers import as_of_equal, beyond_others, exceptions, single

LEAST = 1.1
"""How many times as bad as the others' median something is at the least, to be named: what is surely worse,
but by less, explains nothing.
"""

FEWEST_GROUPS = 4
"""Hosts, or zones, that it takes to tell one from the rest."""

FEWEST_OF_A_HOST = 3
"""Servers on one host that it takes to tell one from its neighbours."""


class Level(StrEnum):
    """What is named. `ALONE`: a host with one of these servers, or with two of which one is slow, so that it
    may be either the host or this server.
    """

    SERVER = "server"
    ALONE = "server or host"
    HOST = "host"
    ZONE = "zone"


@dataclass(frozen=True)
class Server:
    """One server's figure.

    `name` is what is named, `agent` who measured it. The larger `figure`, the worse: on a scale on which
    usual differences are alike (a logarithm), with a standard deviation of `chance` by its sample alone.
    `value` is the same on its natural scale, infinite where nothing worked.
    """

    name: str
    agent: str
    host: str
    zone: str
    figure: float
    chance: float
    value: float


@dataclass(frozen=True)
class Culprit:
    """What lies above the rest: its `servers`, and how many times as bad as the others' median it is.
    `besides` is how many others a host has of which one alone is slow.
    """

    level: Level
    name: str
    servers: tuple[Server, ...]
    times: float
    besides: int = 0

    @property
    def agents(self) -> frozenset[str]:
        """Who measured its servers."""
        return frozenset(server.agent for server in self.servers)


def blame(servers: Sequence[Server], error: float) -> tuple[Culprit, ...]:
    """What lies above the rest, at the coarsest level that explains it, the worst first.

    `error` bounds the probability that anything is named where nothing differs more than usual: for servers
    beside others of their hosts, and for hosts. Nothing is named on fewer than `FEWEST_GROUPS` hosts.
    """
    hosts = _grouped(servers, lambda server: server.host)
    if len(hosts) < FEWEST_GROUPS or "" in hosts:
        return ()
    slow = {server.agent for server in _slow_servers(list(hosts.values()), error)}
    kept = {host: _without(members, slow) for host, members in hosts.items()}
    named = _slow_groups(kept, np.array([len(members) for members in hosts.values()]), error)
    zones = _whole_zones(servers, named)
    culprits = [_of_zone(zone, servers) for zone in zones]
    usual = [one for one in servers if one.host not in named and one.agent not in slow]
    culprits += [
        _of_host(host, hosts[host], usual, servers) for host in named if hosts[host][0].zone not in zones
    ]
    culprits += [
        _of(Level.SERVER, server.name, (server,), servers)
        for server in servers
        if server.agent in slow and server.host not in named
    ]
    return tuple(sorted(culprits, key=lambda culprit: -culprit.times))


def _slow_servers(hosts: Sequence[Sequence[Server]], error: float) -> list[Server]:
    """Those that are slow beside the others of their host."""
    groups = [members for members in hosts if len(members) >= FEWEST_OF_A_HOST]
    if not groups:
        return []
    flat = [server for members in groups for server in members]
    above = beyond_others([np.array([server.figure for server in members]) for members in groups])
    found = [flat[place] for place in single(above, error, _usual(flat))]
    return [
        server
        for server in found
        if _times([server], [other for other in flat if other.host == server.host and other != server])
        >= LEAST
    ]


def _without(members: Sequence[Server], slow: set[str]) -> Sequence[Server]:
    """A host is not blamed for one of its servers, but for most of them."""
    rest = [server for server in members if server.agent not in slow]
    return rest if 2 * len(rest) >= len(members) else members


def _slow_groups(groups: dict[str, Sequence[Server]], sizes: npt.NDArray[np.int_], error: float) -> list[str]:
    """Those of `groups`, which were of these `sizes`, that lie above the others."""
    names = list(groups)
    means = np.array([np.mean([server.figure for server in groups[name]]) for name in names])
    chance = [
        math.sqrt(sum(server.chance**2 for server in members)) / len(members) for members in groups.values()
    ]
    figures = [np.array([server.figure for server in members]) for members in groups.values()]
    means = as_of_equal(means, figures, sizes)
    found = [names[place] for place in exceptions(means, error, float(np.median(chance)))]
    others = [server for name in names if name not in found for server in groups[name]]
    return [name for name in found if _times(groups[name], others) >= LEAST]


def _whole_zones(servers: Sequence[Server], named: Sequence[str]) -> list[str]:
    """Zones of several hosts that were all found, where there are zones enough to tell them apart."""
    zones = _grouped(servers, lambda server: server.zone)
    if len(zones) < FEWEST_GROUPS or "" in zones:
        return []
    hosts = {zone: {server.host for server in members} for zone, members in zones.items()}
    return [zone for zone, of in hosts.items() if len(of) > 1 and of <= set(named)]


def _of_host(host: str, its: Sequence[Server], usual: Sequence[Server], servers: Sequence[Server]) -> Culprit:
    """All of it; but of two servers, too few to hold one against the other, the slow one if one is not."""
    if 1 < len(its) < FEWEST_OF_A_HOST:
        bad = [one for one in its if _times([one], usual) >= LEAST]
        if len(bad) == 1:
            return replace(_of(Level.ALONE, host, bad, servers), besides=len(its) - 1)
    return _of(Level.HOST if len(its) > 1 else Level.ALONE, host, its, servers)


def _of_zone(zone: str, servers: Sequence[Server]) -> Culprit:
    return _of(Level.ZONE, zone, [server for server in servers if server.zone == zone], servers)


def _of(level: Level, name: str, its: Sequence[Server], servers: Sequence[Server]) -> Culprit:
    of = {server.agent for server in its}
    return Culprit(level, name, tuple(its), _times(its, [one for one in servers if one.agent not in of]))


def _times(some: Sequence[Server], others: Sequence[Server]) -> float:
    """How many times as bad as the median of `others` the median of `some` is."""
    bad = float(np.median([server.value for server in some]))
    usual = float(np.median([server.value for server in others])) if others else math.nan
    if math.isinf(bad) or not usual:
        return math.inf if bad > 0 else 1.0
    return bad / usual


def _usual(servers: Sequence[Server]) -> float:
    return float(np.median([server.chance for server in servers]))


def _grouped(servers: Sequence[Server], key: Callable[[Server], str]) -> dict[str, list[Server]]:
    groups: defaultdict[str, list[Server]] = defaultdict(list)
    for server in servers:
        groups[key(server)].append(server)
    return dict(groups)
