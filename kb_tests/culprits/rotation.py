"""Server, generator or the way between: told by a second run, in which each generator loads another server.

What stays with the server in that run is the server's, what stays with the generator is the generator's.
What stays with neither is the way's between the two, if it is there again once they are paired as before.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from scipy.special import stdtrit

from kb_tests.culprits.blame import Culprit, Server
from kb_tests.culprits.places import Place

FEWEST_REST = 5
"""Ways that nobody blames, which it takes to know how much ways differ anyway."""


class Whose(StrEnum):
    """What a rotated run says of one culprit. `PASSED`: it was not there any more."""

    SERVERS = "servers"
    GENERATORS = "generators"
    BOTH = "both"
    NEITHER = "neither"
    WAY = "the way between"
    PASSED = "passed"
    UNTOLD = "cannot be told"


@dataclass(frozen=True)
class Rotation:
    """What was measured when generator i loaded server i + `shift`, and `again` when each loaded its own;
    None where that did not have to be known, or was not to be believed, which `doubts` tell of.
    """

    shift: int
    measured: Any | None
    again: Any | None = None
    doubts: tuple[str, ...] = ()


def shift(agents: Sequence[str], places: Mapping[str, Place]) -> int:
    """By how many servers generators are to be turned, so that as few as possible load one on a host that
    they load already; 0 where all are on one host.
    """
    hosts = [places[agent].host for agent in agents]
    count = len(hosts)

    def elsewhere(by: int) -> int:
        return sum(hosts[place] != hosts[(place + by) % count] for place in range(count))

    best = max(range(1, count), key=lambda by: (elsewhere(by), -by), default=0)
    return best if best and elsewhere(best) else 0


def turned(agents: Sequence[str], by: int) -> dict[str, str]:
    """Whose server each agent loads in a rotated run."""
    return {agent: agents[(place + by) % len(agents)] for place, agent in enumerate(agents)}


def whose(
    culprit: Culprit,
    named: Collection[str],
    before: Sequence[Server],
    after: Sequence[Server],
    loads: Mapping[str, str],
    error: float,
) -> Whose:
    """What the figures `after` the rotation say of one of those that were `named` by the figures `before`.

    `loads` is whose server each agent loads in the rotated run. The error probability is that of either
    statement, on the servers and on the generators, being wrong.
    """
    there = [server.agent for server in after]
    by_servers = [agent for agent in there if loads[agent] in culprit.agents and agent not in named]
    by_generators = [agent for agent in there if agent in culprit.agents and loads[agent] not in named]
    rest = [agent for agent in there if agent not in named and loads[agent] not in named]
    servers = _as_before(culprit, named, before, after, by_servers, rest, error / 2)
    generators = _as_before(culprit, named, before, after, by_generators, rest, error / 2)
    if servers is None or generators is None:
        return Whose.UNTOLD
    return {
        (True, False): Whose.SERVERS,
        (False, True): Whose.GENERATORS,
        (True, True): Whose.BOTH,
        (False, False): Whose.NEITHER,
    }[servers, generators]


def there_again(
    culprit: Culprit, named: Collection[str], before: Sequence[Server], again: Sequence[Server], error: float
) -> Whose:
    """Whether what stayed with neither is there again, when all are paired as before."""
    there = [server.agent for server in again]
    mine = [agent for agent in there if agent in culprit.agents]
    rest = [agent for agent in there if agent not in named]
    found = _as_before(culprit, named, before, again, mine, rest, error)
    return {True: Whose.WAY, False: Whose.PASSED, None: Whose.UNTOLD}[found]


def _as_before(
    culprit: Culprit,
    named: Collection[str],
    before: Sequence[Server],
    after: Sequence[Server],
    ways: Sequence[str],
    rest: Sequence[str],
    error: float,
) -> bool | None:
    """Whether the `ways` are as bad beside the `rest` as the culprit was: surely over half as much, or surely
    under it; None where neither is sure.
    """
    if not ways or len(rest) < FEWEST_REST:
        return None
    was = np.mean([one.figure for one in before if one.agent in culprit.agents])
    usual = np.mean([one.figure for one in before if one.agent not in named])
    figures = {one.agent: one.figure for one in after}
    others = np.array([figures[agent] for agent in rest])
    chance = float(np.median([one.chance for one in after if one.agent in set(rest)]))
    spread = max(float(others.std(ddof=1)), chance)
    wide = -float(stdtrit(len(rest) - 1, error)) * spread * math.sqrt(1 / len(ways) + 1 / len(rest))
    now = float(np.mean([figures[agent] for agent in ways]) - others.mean())
    beyond = now - float(was - usual) / 2
    return None if abs(beyond) <= wide else beyond > 0
