"""Who is to blame for a limit that broke, or that was not decided, as far as what was measured tells it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from kb_tests.culprits import cost
from kb_tests.culprits.blame import FEWEST_GROUPS, Culprit, Level, Server, blame
from kb_tests.culprits.cost import Without
from kb_tests.culprits.places import Place
from kb_tests.culprits.rotation import Rotation, Whose, there_again, turned, whose
from kb_tests.culprits.samples import Limit, Seen, Slow, total
from kb_tests.culprits.signs import Beside, beside
from kb_tests.culprits.workloads import WORKLOADS
from kb_tests.report.signs import SignsRecord
from kb_tests.scenario.base import Point
from kb_tests.sla.verdict import Check, Outcome, Verdict

FEWEST_BAD = 100
"""Slow or failed ones, over all servers, that it takes to tell whose they are."""

ERROR = 0.05

LOOKED_AT = (Outcome.FAIL, Outcome.INCONCLUSIVE)
"""Points that are looked at: of what kept its SLA nobody asks, and what is not valid tells nothing."""


@dataclass(frozen=True)
class Found:
    """What stands out for one `check` that was not kept.

    `culprits` are among servers (and their hosts and zones), `makers` among the hosts of the generators that
    load them; where both have the same ways, it may be `either`. `without` is what would
    be without all of them, `since` the second in which it began. `refused` says why nothing can be told.
    `beside` are the signs of the servers of each of `culprits`, then of the generators of each of `makers`.
    `rotated` is what a run with other generators says of each of them, in the same order; `doubts` are why
    one that would say it, or more, is not to be believed.
    """

    check: Check
    servers: tuple[Server, ...] = ()
    culprits: tuple[Culprit, ...] = ()
    makers: tuple[Culprit, ...] = ()
    without: Without | None = None
    since: float | None = None
    refused: str = ""
    beside: tuple[Beside | None, ...] = ()
    rotated: tuple[Whose, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def either(self) -> bool:
        """Whether servers and generators are named by the same ways between them."""
        return bool(self.culprits) and _agents(self.culprits) == _agents(self.makers)

    @property
    def hosts(self) -> int:
        """How many hosts the servers were on."""
        return len({server.host for server in self.servers})


def find(
    point: Point,
    measurements: Sequence[Any],
    verdict: Verdict,
    places: Mapping[str, Place],
    signs: Sequence[SignsRecord] = (),
    rotation: Rotation | None = None,
) -> list[Found]:
    """What stands out for each limit of `point` that made its verdict and that servers can be told apart by:
    for those that broke, or in a point that is inconclusive for those that its sample left undecided.

    `measurements` are runs of the same load on the same servers, the last one judged; `places` says where
    each agent's server is, `signs` are those of servers in the last run. With a `rotation` it says
    whose it is.
    """
    workload = WORKLOADS[point.kind]
    found: list[Found] = []
    if verdict.outcome not in LOOKED_AT:
        return found
    for check in verdict.checks:
        limit = workload.limit(point, check)
        if check.outcome is not verdict.outcome or limit is None:
            continue
        runs = [list(workload.seen(point, measured, check)) for measured in measurements]
        told = _look(check, limit, runs, places)
        told = replace(told, beside=_beside(told, {one.server: one for one in signs}))
        if rotation is not None and told.culprits + told.makers:
            after, again = (
                _servers(limit, list(workload.seen(point, measured, check)), places) if measured else None
                for measured in (rotation.measured, rotation.again)
            )
            whose_it_is = _rotated(told, rotation.shift, after, again, places) if after else ()
            told = replace(told, rotated=tuple(whose_it_is), doubts=rotation.doubts)
        found.append(told)
    return found


def _rotated(
    found: Found,
    shift: int,
    after: Sequence[Server],
    again: Sequence[Server] | None,
    places: Mapping[str, Place],
) -> Iterator[Whose]:
    """What a run with other generators says of each that stands out."""
    there = {server.agent for server in after}
    loads = turned([agent for agent in places if agent in there], shift)
    named = _agents(found.culprits, found.makers)
    for culprit in (*found.culprits, *found.makers):
        told = whose(culprit, named, found.servers, after, loads, ERROR)
        if told is Whose.NEITHER and again is not None:
            told = there_again(culprit, named, found.servers, again, ERROR)
        yield told


def _beside(found: Found, signs: Mapping[str, SignsRecord]) -> tuple[Beside | None, ...]:
    """Of servers beside those that nobody blames, and of generators beside those."""
    if not signs:
        return ()
    named = _agents(found.culprits, found.makers)
    others = [server for server in found.servers if server.agent not in named]
    servers = [
        beside([one.name for one in culprit.servers], [one.name for one in others], signs)
        for culprit in found.culprits
    ]
    makers = [
        beside([one.agent for one in culprit.servers], [one.agent for one in others], signs)
        for culprit in found.makers
    ]
    return (*servers, *makers)


def _look(check: Check, limit: Limit, runs: Sequence[Sequence[Seen]], places: Mapping[str, Place]) -> Found:
    last = runs[-1]
    refused = _refused(limit, runs, places)
    if refused:
        return Found(check, refused=refused)
    servers = _mean([_servers(limit, seen, places) for seen in runs])
    culprits, makers = (_breaking(limit, several) for several in _both_ends(servers, places))
    named = _agents(culprits, makers)
    found = Found(check, tuple(servers), culprits, makers)
    if not named or not isinstance(limit, Slow):
        return found
    even, odd = cost.halves(last)
    again = _agents(*_both_ends(_servers(limit, even, places), places))
    return replace(
        found,
        without=cost.without(odd, named, limit, ERROR) if named <= again else None,
        since=cost.since(last, named, limit.limit),
    )


def _breaking(limit: Limit, culprits: Sequence[Culprit]) -> tuple[Culprit, ...]:
    """Those whose servers break the limit by themselves: who keeps it does not make it break, however far
    above others it lies, and is the likelier to be there by chance.
    """
    return tuple(one for one in culprits if limit.beyond(median(server.value for server in one.servers)))


def _both_ends(
    servers: Sequence[Server], places: Mapping[str, Place]
) -> tuple[tuple[Culprit, ...], tuple[Culprit, ...]]:
    """Who stands out among servers, and which hosts by the generators on them: at the coarsest level that
    explains it; one slow way alone is its server's.
    """
    if not any(place.maker for place in places.values()):
        return blame(servers, ERROR), ()
    makers = [
        one
        for one in blame(_at_makers(servers, places), ERROR / 2)
        if one.level is not Level.SERVER and not one.besides
    ]
    explained = _agents([one for one in makers if len(one.servers) > 1])
    culprits = [
        one
        for one in blame(servers, ERROR / 2)
        if one.level is not Level.SERVER or not one.agents <= explained
    ]
    return tuple(culprits), tuple(makers)


def _agents(*culprits: Sequence[Culprit]) -> frozenset[str]:
    return frozenset[str]().union(*(one.agents for several in culprits for one in several))


def _refused(limit: Limit, runs: Sequence[Sequence[Seen]], places: Mapping[str, Place]) -> str:
    agents = [seen.agent for seen in runs[-1]]
    unknown = [agent for agent in agents if agent not in places or not places[agent].host]
    if unknown:
        return f"the hosts of {len(unknown)} of {len(agents)} servers are not known: only some users are told"
    hosts = {places[agent].host for agent in agents}
    if len(hosts) < FEWEST_GROUPS:
        on = "on one host" if len(hosts) == 1 else f"on {len(hosts)} hosts"
        return f"its servers were {on}, and it takes {FEWEST_GROUPS} to tell one from the others"
    bad = sum(total(limit, seen) for seen in runs)
    if bad < FEWEST_BAD:
        return f"{bad:,.0f} stand against the limit, and it takes {FEWEST_BAD} to tell whose they are"
    return ""


def _servers(limit: Limit, seen: Sequence[Seen], places: Mapping[str, Place]) -> list[Server]:
    made = []
    for one in seen:
        place = places.get(one.agent)
        if place is None or not one.times.count:
            continue
        figure, chance, value = limit.figure(one)
        made.append(Server(place.name, one.agent, place.host, place.zone, figure, chance, value))
    return made


def _mean(runs: Sequence[Sequence[Server]]) -> list[Server]:
    """Several runs of one load on the same servers: what differs between them by chance is less."""
    by_agent = [{server.agent: server for server in run} for run in runs]
    common = [server for server in runs[-1] if all(server.agent in run for run in by_agent)]
    made = []
    for server in common:
        each = [run[server.agent] for run in by_agent]
        made.append(
            replace(
                server,
                figure=math.fsum(one.figure for one in each) / len(each),
                chance=math.sqrt(math.fsum(one.chance**2 for one in each)) / len(each),
                value=sorted(one.value for one in each)[len(each) // 2],
            )
        )
    return made


def _at_makers(servers: Sequence[Server], places: Mapping[str, Place]) -> list[Server]:
    """The same figures by where the generators are."""
    return [
        replace(
            server,
            name=server.agent,
            host=places[server.agent].maker,
            zone=places[server.agent].maker_zone,
        )
        for server in servers
    ]
