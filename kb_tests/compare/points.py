"""One figure of one point on both sides: how its ratio is bounded, by what is known of the stagings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from scipy.special import gammaincc

from kb_tests.compare.estimate import Estimate, freedom, pooled
from kb_tests.compare.ratio import FEWEST, Ratio, of_runs, of_unequal, within
from kb_tests.compare.samples import Figure, middle
from kb_tests.compare.sides import Key, Measured, Side, figures, percents
from kb_tests.scenario.base import Point

HOMOGENEOUS = 0.05
"""Below this probability points differ too much in how they changed for one ratio of all (Cochran's Q)."""

TOO_SMALL = "the sample is too small for it"
LACKING = "not every measurement has any of it"
IN_OTHERS = "not judged by itself: it counts in the percentiles and the rate"
BEYOND = "beyond measure on both sides"
NO_BATCHES = "the record keeps too few batches of time to bound it"
SLOWED = "instruments may have slowed both sides"


class Basis(StrEnum):
    """What a comparison's bounds are made of, and so what it may say.

    ONE_STAGING: both were measured on the same servers. RUNS: enough runs a side, each staged by itself.
    ONE_SIDE: enough on one side; bounds take the other's to scatter as those do. FEW: fewer on both; bounds
    know nothing of what another staging would bring. PAIRS: in turns on what was staged once.
    """

    ONE_STAGING = "one staging"
    RUNS = "runs"
    ONE_SIDE = "few runs against enough"
    FEW = "few runs"
    PAIRS = "pairs"


BETWEEN_RUNS = (Basis.RUNS, Basis.ONE_SIDE)
"""Whose bounds are made of how runs differ among themselves."""

_RATIOS = {
    Basis.ONE_STAGING: within,
    Basis.RUNS: of_runs,
    Basis.ONE_SIDE: of_unequal,
    Basis.FEW: within,
}


@dataclass(frozen=True)
class Matched:
    """One figure of one point (None: of all points) on both sides: `values` in `unit`, an estimate for each
    staging in `a` and `b`, and the log `ratio` B to A; `note` says why nothing bounds it.

    `less` tells that less of it is better. What does not count is a usual percentile that the sample is too
    small for and that no SLA limits, where there is another one of the same times.
    """

    point: Point | None
    name: str
    unit: str
    less: bool
    values: tuple[float, float]
    a: tuple[Estimate, ...]
    b: tuple[Estimate, ...]
    ratio: Ratio
    note: str = ""
    counts: bool = True

    @property
    def loss(self) -> Ratio:
        """The log ratio by which B is worse."""
        return self.ratio if self.less else self.ratio.turned()


def basis_of(a: Side, b: Side, keys: Sequence[Key]) -> Basis:
    """What bounds can be made of: the fewest stagings that any of the points has."""
    units = [(a.units(key), b.units(key)) for key in keys]
    if all(len(mine) == 1 and mine == other for mine, other in units):
        return Basis.ONE_STAGING
    if any(set(mine) & set(other) for mine, other in units):
        return Basis.FEW
    if all(min(len(mine), len(other)) >= FEWEST for mine, other in units):
        return Basis.RUNS
    if all(max(len(mine), len(other)) >= FEWEST for mine, other in units):
        return Basis.ONE_SIDE
    return Basis.FEW


def matched_at(a: Side, b: Side, key: Key, basis: Basis) -> list[Matched]:
    """Every figure of a point that all stagings of both sides have, and every rate that only some have;
    raises RecordError for damaged histograms.
    """
    both = [*a.points[key], *b.points[key]]
    names = {sample.name for one in both for sample in one.samples}
    wanted = {name: percents(both, name) for name in names}
    limited = {
        f"{sample.name}p{limit:g}" for one in both for sample in one.samples for limit in sample.limits
    }
    mine, other = _by_unit(a, key, wanted), _by_unit(b, key, wanted)
    point = both[-1].record.point
    made = [*lacking(point, mine, other), *failing(point, a.points[key], b.points[key])]
    for name in [name for name in mine[0] if all(name in unit for unit in (*mine, *other))]:
        first = mine[0][name]
        values = middle([unit[name] for unit in mine]), middle([unit[name] for unit in other])
        left = tuple(unit[name].estimate for unit in mine)
        right = tuple(unit[name].estimate for unit in other)
        known = tuple(one for one in left if one), tuple(one for one in right if one)
        enough = None not in (*left, *right)
        ratio = _RATIOS[basis](*known) if enough else unknown(values)
        note = unbounded(ratio) if enough else TOO_SMALL
        counts = enough or not first.less or name in limited
        made.append(Matched(point, name, first.unit, first.less, values, *known, ratio, note, counts))
    return times_count(made)


def times_count(matched: Sequence[Matched]) -> list[Matched]:
    """`matched`, in which the percentiles of a sample count that is too small for any of them: no comparison
    may pass of which nobody knows whether times became longer.
    """
    timed = [one for one in matched if one.less and one.unit == "s"]
    known = {_sample(one) for one in timed if one.note != TOO_SMALL}
    unknown_times = {id(one) for one in timed if _sample(one) not in known}
    return [replace(one, counts=True) if id(one) in unknown_times else one for one in matched]


def _sample(one: Matched) -> str:
    return one.name.rpartition("p")[0]


def unbounded(ratio: Ratio) -> str:
    """Why nothing bounds it; "" where something does."""
    if ratio.bounded:
        return ""
    if math.isnan(ratio.value):
        return BEYOND
    return SLOWED if math.isfinite(ratio.error) else NO_BATCHES


def _by_unit(side: Side, key: Key, wanted: dict[str, list[float]]) -> list[dict[str, Figure]]:
    return [
        figures([one for one in side.points[key] if one.unit == unit], wanted) for unit in side.units(key)
    ]


def lacking(
    point: Point, mine: Sequence[Mapping[str, Figure]], other: Sequence[Mapping[str, Figure]]
) -> list[Matched]:
    """The rates of a point that some measurements have and others do not, such as writes that all failed on
    one side: nothing bounds them, and no comparison may pass as if they had not been asked for.
    """
    made = []
    rates = {name: one for unit in (*mine, *other) for name, one in unit.items() if not one.less}
    for name, first in rates.items():
        if all(name in unit for unit in (*mine, *other)):
            continue
        values = [min(unit[name].value if name in unit else 0.0 for unit in side) for side in (mine, other)]
        ratio = Ratio(math.nan, -math.inf, math.inf, math.inf, 0.0, math.inf)
        made.append(
            Matched(point, name, first.unit, first.less, (values[0], values[1]), (), (), ratio, LACKING)
        )
    return made


def failing(point: Point, mine: Sequence[Measured], other: Sequence[Measured]) -> list[Matched]:
    """The error rates of a point, where either side has errors: the mean of each side."""
    both = [[{one.name: one for one in each.errors} for each in side] for side in (mine, other)]
    made = []
    for name in dict.fromkeys(name for side in both for each in side for name in each):
        values = [
            sum(each[name].value if name in each else 0.0 for each in side) / len(side) for side in both
        ]
        pair = (values[0], values[1])
        made.append(Matched(point, name, "%", True, pair, (), (), unknown(pair), IN_OTHERS, counts=False))
    return made


def unknown(values: tuple[float, float]) -> Ratio:
    """The ratio of two values of which nothing is known but themselves."""
    a, b = values
    log = math.log(b / a) if a > 0 and b > 0 and math.isfinite(a) and math.isfinite(b) else math.nan
    return Ratio(log, log, log, math.inf, 0.0, math.inf)


def of_all(matched: Sequence[Matched], basis: Basis) -> list[Matched]:
    """One row for each figure that several points have, unless they disagree on how it changed."""
    made = []
    for name in dict.fromkeys(one.name for one in matched):
        same = [one for one in matched if one.name == name and one.ratio.bounded]
        if len(same) < 2 or not _homogeneous([one.ratio for one in same]):
            continue
        mine: tuple[Estimate, ...] = ()
        other: tuple[Estimate, ...] = ()
        if basis in BETWEEN_RUNS:
            if len({(len(one.a), len(one.b)) for one in same}) > 1:
                continue  # not every run has every point
            mine = tuple(pooled(each) for each in zip(*(one.a for one in same), strict=True))
            other = tuple(pooled(each) for each in zip(*(one.b for one in same), strict=True))
            ratio = _RATIOS[basis](mine, other)
        else:
            ratio = mean_of([one.ratio for one in same])
        if not ratio.bounded:
            continue  # each side is beyond measure at another point
        first = same[0]
        made.append(Matched(None, name, first.unit, first.less, (math.nan, math.nan), mine, other, ratio))
    return made


def _homogeneous(ratios: Sequence[Ratio]) -> bool:
    """Cochran's Q (1954)."""
    weights = [1 / max(ratio.error, ratio.floor, 1e-9) ** 2 for ratio in ratios]
    mean = sum(w * ratio.value for w, ratio in zip(weights, ratios, strict=True)) / sum(weights)
    q = sum(w * (ratio.value - mean) ** 2 for w, ratio in zip(weights, ratios, strict=True))
    return float(gammaincc((len(ratios) - 1) / 2, q / 2)) >= HOMOGENEOUS


def mean_of(ratios: Sequence[Ratio]) -> Ratio:
    """The mean of log ratios of which none knows anything of another."""
    count = len(ratios)
    squares = [(ratio.error / count) ** 2 for ratio in ratios]
    return Ratio(
        sum(ratio.value for ratio in ratios) / count,
        sum(ratio.least for ratio in ratios) / count,
        sum(ratio.most for ratio in ratios) / count,
        math.sqrt(sum(squares)),
        freedom(squares, [ratio.freedom for ratio in ratios]),
        math.hypot(*(ratio.floor for ratio in ratios)) / count,
    )
