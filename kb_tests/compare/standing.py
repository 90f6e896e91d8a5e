"""Who stood out where B is slower: one sentence of what its runs found, for those who read no further."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kb_tests.compare.sides import Side
from kb_tests.report.words import after, printable

_NOBODY = "No "
_WHO = re.compile(r"\w+ [^\s:,]+")


def stands_out(a: Side, b: Side, points: Sequence[str], at: str = "") -> str:
    """Who stood out in B at the first of `points` at which one of its runs named somebody, and in how many of
    them; "" where nobody was. The point is named unless it is `at`. Who was named in A as well is told as
    such: nobody became slow who was so before.
    """
    for point in dict.fromkeys(points):
        now, before = _named(b, point), _named(a, point)
        told = next((sentence for sentence in reversed(now) if sentence), "")
        if told:
            return printable(_told(told, now, before, "" if point == at else point))
    return ""


def _told(sentence: str, now: Sequence[str], before: Sequence[str], point: str) -> str:
    who = _who(sentence)
    notes = [f"in {_count(now, who)} of {len(now)} runs of B"] if len(now) > 1 else []
    if in_a := _count(before, who):
        notes.append(f"in {in_a} of {len(before)} runs of A, too" if len(before) > 1 else "in A, too")
    where = after(f"At {point}", sentence) if point else sentence
    return where.removesuffix(".") + (f" ({', '.join(notes)})." if notes else ".")


def _named(side: Side, point: str) -> list[str]:
    """What each run that measured `point` says first of who stands out, "" of nobody; the oldest first."""
    told: dict[str, str] = {}
    for measured in side.points.values():
        for one in measured:
            if one.record.id == point:
                first = next(iter(one.record.culprits), "")
                told[one.run] = "" if first.startswith(_NOBODY) else first
    return list(told.values())


def _who(sentence: str) -> str:
    """Whom a sentence names: "Host c05"."""
    found = _WHO.match(sentence)
    return found[0] if found else sentence


def _count(told: Sequence[str], who: str) -> int:
    return sum(bool(one) and _who(one) == who for one in told)
