"""What lacks of an offered rate, in the form of a limit's counts."""

from __future__ import annotations

from collections.abc import Sequence

from kb_tests.sla.bounds import batches
from kb_tests.sla.capacity.model import Counts


def lacking(rates: Sequence[float], offered: float, achieved: float) -> Counts:
    """What lacks of the offered rate in each batch of seconds, which had `rates` and together `achieved`.

    A batch that made up for another one lacks less than nothing.
    """
    found = sum(rates) / len(rates) if rates else 0.0
    kept = min(1.0, achieved / found) if found else 1.0
    parts = batches(len(rates))
    due = [offered * (part.stop - part.start) for part in parts]
    done = [kept * sum(rates[part]) for part in parts]
    return Counts(tuple(a - b for a, b in zip(due, done, strict=True)), tuple(due))
