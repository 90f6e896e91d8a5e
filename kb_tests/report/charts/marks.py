"""What was done to the cloud, on charts over time: a line where it was, a wash until all was good again."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from kb_tests.report import words
from kb_tests.report.charts import style
from kb_tests.report.marks import RecoveryRecord

NAMED = 8
"""Marks whose names are written; lines are drawn of all."""

LONGEST = 24
TONE = "#5b3f98"
SHADE = "#efeaf6"


def marks(upper: Axes, lower: Axes, found: Sequence[RecoveryRecord], last: float) -> None:
    """Draw `found` over both axes, whose windows end at `last` seconds; names stand in the upper ones."""
    for number, one in enumerate(found):
        until = one.at + (one.watched if one.seconds is None else one.seconds)
        for axes in (upper, lower):
            if not one.unknown and until > one.at:
                axes.axvspan(one.at, min(until, last), color=SHADE, linewidth=0, zorder=0)
            axes.axvline(one.at, color=TONE, linewidth=1.1, linestyle=(0, (3, 2)))
        if number < NAMED:
            name = words.printable(one.mark)
            name = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
            right = one.at > last * 0.6
            upper.text(
                one.at,
                1.0,
                f"{name} " if right else f" {name}",
                transform=upper.get_xaxis_transform(),
                color=TONE,
                fontsize=style.FONT,
                ha="right" if right else "left",
                va="top",
                parse_math=False,
            )
