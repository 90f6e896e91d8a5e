"""What was found, in sentences for people."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kb_tests.culprits.blame import Culprit, Level
from kb_tests.culprits.find import Found
from kb_tests.report.words import duration, subject

NAMED = 5
"""Culprits that are named one by one."""


def sentences(found: Found) -> list[str]:
    """One sentence on each culprit, or that there is none, or why nothing can be told."""
    of = subject(found.check)
    if found.refused:
        return [f"Whose {of} it is cannot be told: {found.refused}."]
    told = [f"{_who(culprit)}: {_how(culprit, of)}." for culprit in found.culprits[:NAMED]]
    told += [
        f"{_who(culprit, ', by its generators')}: {_how(culprit, of)}." for culprit in found.makers[:NAMED]
    ]
    more = max(0, len(found.culprits) - NAMED) + max(0, len(found.makers) - NAMED)
    if more:
        told.append(f"{more} more stand out, too.")
    if not told:
        return [
            f"No server, host or zone stands out in {of} ({len(found.servers)} servers, {found.hosts} hosts)."
        ]
    if found.either:
        told.append(
            "These servers are loaded from these generators, so that it may be either, or the way between."
        )
    if found.without:
        one = len(found.culprits) + len(found.makers) == 1
        bounds = f"{duration(found.without.low)} to {duration(found.without.high)}"
        told.append(
            f"Without {'it' if one else 'them'} {of} would be {duration(found.without.value)} ({bounds})."
        )
    if found.since is not None:
        told.append(f"It began in second {found.since:.0f} of the window.")
    return told


def _who(culprit: Culprit, by: str = "") -> str:
    servers = culprit.servers
    of = f" with {len(servers)} servers" if len(servers) > 1 else ""
    return {
        Level.SERVER: f"Server {culprit.name} (host {servers[0].host}){by}",
        Level.ALONE: f"Host {culprit.name}, or server {servers[0].name}, the only one on it{by}",
        Level.HOST: f"Host {culprit.name}{of}{by}",
        Level.ZONE: f"Zone {culprit.name}{of}{by}",
    }[culprit.level]


def _how(culprit: Culprit, of: str) -> str:
    values = [server.value for server in culprit.servers]
    if math.isinf(culprit.times) or all(map(math.isinf, values)):
        return f"{of} is beyond all measure of the others'"
    return f"{of} is {culprit.times:.1f} times that of the others"


def all_sentences(found: Sequence[Found]) -> list[str]:
    """Of the first limit by which somebody stands out; else of the first that can be told, else of any."""
    for choose in (lambda one: one.culprits or one.makers, lambda one: not one.refused, lambda _one: True):
        for one in found:
            if choose(one):
                return sentences(one)
    return []
