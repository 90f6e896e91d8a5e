"""Time series of a point: offered and achieved rate with errors above, response times below."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from kb_tests.report.charts import style
from kb_tests.report.charts.axes import MOST, _array, binned, positive, time_axis
from kb_tests.report.charts.marks import marks
from kb_tests.report.http.measured import SecondColumns
from kb_tests.report.marks import RecoveryRecord
from kb_tests.sla.verdict import Check

HEIGHT = 280


def chart(
    seconds: SecondColumns,
    duration: float,
    offered: float,
    limits: Sequence[tuple[float, Check]],
    name: str,
    marked: Sequence[RecoveryRecord] = (),
) -> Markup | None:
    """Second by second, or in longer steps where there are many: mean rates, and the worst p99 of a step.

    `offered` is requests/s, 0 for a closed loop; `limits` are (percent, check), of which p50 and p99 are
    drawn. The warm-up is shaded, so is the time from each of `marked` to its recovery. None if there is no
    second.
    """
    keep = np.array([at < duration for at in seconds.at], dtype=bool)
    if not keep.any():
        return None
    at = _array(seconds.at, keep)
    first, last = float(at[0]), max(float(duration), float(at[-1]) + 1)
    step = max(1, math.ceil((last - first) / MOST))
    bins = ((at - first) // step).astype(int)
    middles = first + (np.unique(bins) + 0.5) * step

    fig = style.figure(HEIGHT)
    upper = style.place(fig, bottom=HEIGHT - 110, top=26)
    lower = style.place(fig, bottom=26, top=148)
    completed = _array(seconds.completed, keep)
    failed = _array(seconds.failed, keep)
    key = [("■", "successful/s", style.BLUE)]
    if offered:
        upper.plot([0, duration], [offered, offered], color=style.SOFT, linewidth=1, linestyle=(0, (4, 3)))
        key.insert(0, ("╌", "offered/s", style.SOFT))
    if step > 1:
        low, high = binned(completed, bins, np.min), binned(completed, bins, np.max)
        upper.fill_between(middles, low, high, color=style.LIGHT_BLUE, alpha=0.5, linewidth=0)
    upper.plot(middles, binned(completed, bins, np.mean), color=style.BLUE, linewidth=1.6)
    if failed.any():
        upper.plot(middles, binned(failed, bins, np.mean), color=style.TONES["fail"], linewidth=1.6)
        key.append(("■", "failed/s", style.TONES["fail"]))
    style.rates(upper, max(offered, float(np.max(completed)), float(np.max(failed))))
    upper.tick_params(labelbottom=False)

    shown = []
    for column, colour, name_of, function in (
        (seconds.p50, style.BLUE, "p50", np.nanmedian),
        (seconds.p99, style.ORANGE, "p99", np.nanmax),
    ):
        values = binned(positive(_array(column, keep)), bins, function)
        lower.plot(middles, values, color=colour, linewidth=1.6)
        shown += [float(value) for value in values if math.isfinite(value)]
        for percent, check in limits:
            if f"p{percent:g}" == name_of:
                lower.plot([0, duration], [check.limit] * 2, color=colour, linewidth=1, linestyle=(0, (1, 2)))
                shown.append(check.limit)
    style.times(lower, min(shown, default=0.001), max(shown, default=1.0))
    marks(upper, lower, marked, last)
    for axes in (upper, lower):
        time_axis(axes, first, last, at_bottom=axes is lower)
    style.key(fig, key)
    style.key(
        fig, [("■", "p50", style.BLUE), ("■", "p99", style.ORANGE), ("┈", "limit", style.SOFT)], top=128
    )
    return style.svg(fig, f"series-{name}", f"Rate and response time over the time of {name}")
