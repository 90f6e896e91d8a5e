"""Axes that charts over time share."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter

MOST = 150
LONGEST = 1e5


Values = npt.NDArray[np.float64]


def time_axis(axes: Axes, first: float, last: float) -> None:
    """An x axis of seconds or minutes."""
    axes.set_xlim(first, last)
    span = last - max(0.0, first)
    step = next((size for size in (1, 2, 5, 10, 30, 60, 300, 600, 1800) if span / size <= 7), 3600)
    step = step * math.ceil(span / step / MOST)
    axes.xaxis.set_major_locator(FixedLocator([float(tick) for tick in np.arange(0, last + 0.001, step)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda second, _: _clock(second, step)))


def _clock(second: float, step: float) -> str:
    return f"{second / 60:g}min" if step >= 60 and second else f"{second:g}s"


def positive(values: Values) -> Values:
    """What has a place on a logarithmic axis of times; NaN, a gap in the line, for what has none."""
    return np.where((values > 0) & (values < LONGEST), np.maximum(values, 1e-6), np.nan)


def binned(values: Values, bins: npt.NDArray[np.int_], function: Callable[[Values], float]) -> Values:
    """`function` of the values of each bin; NaN for a bin without any."""
    groups = (values[bins == index] for index in np.unique(bins))
    return np.array([function(group) if np.isfinite(group).any() else math.nan for group in groups])
