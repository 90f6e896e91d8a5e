"""What was found, in sentences for people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from kb_tests.culprits.blame import Culprit, Level
from kb_tests.culprits.find import Found
from kb_tests.culprits.rotation import Whose
from kb_tests.culprits.signs import FIGURES, SHARES, Beside, Sign
from kb_tests.report.words import duration, number, quantity, share, subject
from kb_tests.scenario.units import counted
from kb_tests.sla.verdict import Check

NAMED = 5
"""Culprits that are named one by one."""


def sentences(found: Found) -> list[str]:
    """One sentence on each culprit, or that there is none, or why nothing can be told."""
    of = subject(found.check)
    if found.refused:
        return [f"Whose {of} it is cannot be told: {found.refused}."]
    beside = found.beside or (None,) * (len(found.culprits) + len(found.makers))
    servers, makers = beside[: len(found.culprits)], beside[len(found.culprits) :]
    whose = found.rotated or (None,) * (len(found.culprits) + len(found.makers))
    told = []
    for culprit, signs, of_them in [*zip(found.culprits, servers, whose, strict=False)][:NAMED]:
        told += [f"{_who(culprit)}: {_how(culprit, found.check)}.", *_signs(culprit, signs, "server")]
        told += _turned(of_them, culprit)
    for culprit, signs, of_them in [*zip(found.makers, makers, whose[len(found.culprits) :], strict=True)][
        :NAMED
    ]:
        told += [
            f"{_who(culprit, ', by its generators')}: {_how(culprit, found.check)}.",
            *_signs(culprit, signs, "generator"),
            *_turned(of_them, culprit),
        ]
    more = max(0, len(found.culprits) - NAMED) + max(0, len(found.makers) - NAMED)
    if more:
        told.append(f"{more} more stand out, too.")
    if not told:
        seen = f"{counted(len(found.servers), 'server')}, {counted(found.hosts, 'host')}"
        return [f"No server, host or zone stands out in {of} ({seen})."]
    if found.either and not found.rotated:
        told.append(
            "These servers are loaded from these generators, so that it may be either, or the way between."
        )
    told += _both(found)
    if found.doubts:
        which = "the same generators again" if found.rotated else "other generators"
        why = " ".join(found.doubts)
        told.append(f"The run with {which}, which would tell, was not valid: {why}")
    if found.without:
        every = (*found.culprits, *found.makers)
        whom = _short(every[0]) if len(every) == 1 else "them"
        bounds = f"{duration(found.without.low)} to {duration(found.without.high)}"
        told.append(f"Without {whom} {of} would be {duration(found.without.value)} ({bounds}).")
    if found.since is not None:
        told.append(f"It began in second {found.since:.0f} of the window.")
    return told


def _both(found: Found) -> list[str]:
    """Hosts and zones that stand out by servers and, in other ways, by generators."""
    if found.either:
        return []
    made = {(one.level, one.name) for one in found.makers if one.level in (Level.HOST, Level.ZONE)}
    return [
        f"{one.level.capitalize()} {one.name} stands out by what its servers answer and by what its"
        " generators measure alike."
        for one in found.culprits
        if (one.level, one.name) in made
    ]


def _short(culprit: Culprit) -> str:
    """Its name in the middle of a sentence."""
    if culprit.besides:
        return f"server {culprit.servers[0].name}"
    level = Level.HOST if culprit.level is Level.ALONE else culprit.level
    return f"{level} {culprit.name}"


def _who(culprit: Culprit, by: str = "") -> str:
    servers = culprit.servers
    of = f" with {len(servers)} servers" if len(servers) > 1 else ""
    only = (
        "the only one on it" if not culprit.besides else f"the only slow one of {culprit.besides + 1} on it"
    )
    return {
        Level.SERVER: f"Server {culprit.name} (host {servers[0].host}){by}",
        Level.ALONE: f"Host {culprit.name}, or server {servers[0].name}, {only}{by}",
        Level.HOST: f"Host {culprit.name}{of}{by}",
        Level.ZONE: f"Zone {culprit.name}{of}{by}",
    }[culprit.level]


_TURNED = {
    Whose.SERVERS: "Loaded by other generators, {servers} as bad, and {generators} not at other servers:"
    " {server} to blame.",
    Whose.GENERATORS: "At other servers, {generators} as bad, and {servers} not with other generators:"
    " {generator} to blame.",
    Whose.BOTH: "With other partners, {servers} as bad, and {generators} as well: it is both.",
    Whose.NEITHER: "With other partners, neither {servers} bad nor {generators}: it is the way between them,"
    " or it has passed.",
    Whose.WAY: "With other partners, neither {servers} bad nor {generators}, and paired as before they are:"
    " it is the way between them.",
    Whose.PASSED: "With other partners, neither {servers} bad nor {generators}, and paired as before they are"
    " not, either: it has passed.",
    Whose.UNTOLD: "A run with other partners did not tell whether it is {server_or}, {generator_or} or the"
    " way between.",
}


def _turned(whose: Whose | None, culprit: Culprit) -> list[str]:
    """What a run with other generators says of a culprit."""
    if whose is None:
        return []
    one = len(culprit.servers) == 1
    words = {
        "servers": "this server is" if one else "these servers are",
        "generators": "its generator is" if one else "their generators are",
        "server": "the server is" if one else "the servers are",
        "generator": "the generator is" if one else "the generators are",
        "server_or": "the server" if one else "the servers",
        "generator_or": "its generator" if one else "their generators",
    }
    return [_TURNED[whose].format(**words)]


def _signs(culprit: Culprit, beside: Beside | None, whose: str) -> list[str]:
    """What its servers, or generators, saw of themselves; nothing where that is not known."""
    if beside is None:
        return []
    one = len(culprit.servers) == 1
    who = f"This {whose}" if one else f"These {whose}s"
    if not beside.signs:
        seen = ", ".join(FIGURES[name] for name in beside.seen)
        return [f"{who} saw nothing of {'itself' if one else 'themselves'} that others do not ({seen})."]
    return [f"{who} had {', '.join(map(_sign, beside.signs))}."]


def _sign(sign: Sign) -> str:
    def told(value: float) -> str:
        return share(round(value, 3)) if sign.figure in SHARES else f"{number(float(f'{value:.3g}'))}/s"

    def span(low: float, high: float) -> str:
        return told(low) if told(low) == told(high) else f"{told(low)} to {told(high)}"

    others = span(sign.others_low, sign.others_high)
    worst = f"at most {told(sign.worst)}, in second {sign.at:.0f}"
    return f"{FIGURES[sign.figure]} {span(sign.low, sign.high)} (others {others}; {worst})"


def _how(culprit: Culprit, check: Check) -> str:
    of, values = subject(check), [server.value for server in culprit.servers]
    if all(map(math.isfinite, values)) and math.isinf(culprit.times):
        return f"{of} is {quantity(median(values), check.unit)}; most others have none"
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
