"""The figures of one run's points, as histories take them: small enough for an index."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from kb_tests.compare.estimate import Estimate
from kb_tests.compare.sides import Side, figures, percents
from kb_tests.errors import RecordError
from kb_tests.report.record import load

VERSION = 3
"""Of what is kept in an index; another one is made anew."""


@dataclass(frozen=True)
class PointFigure:
    """One figure of one point: its value in `unit`, infinite where so much failed that it is beyond measure,
    and its logarithm with what bounds it: at the timeout then.
    """

    point: str
    scenario: str
    figure: str
    unit: str
    less: bool
    value: float
    estimate: Estimate


def of_record(path: Path) -> list[PointFigure]:
    """Those of the valid points of a record that can be compared; none of a damaged one."""
    try:
        return list(_of_record(path))
    except RecordError:
        return []


def _of_record(path: Path) -> Iterator[PointFigure]:
    side = Side.of(path.stem, [load(path)])
    for key, measured in side.points.items():
        names = {sample.name for one in measured for sample in one.samples}
        wanted = {name: percents(measured, name) for name in names}
        for figure in figures(measured, wanted).values():
            if figure.estimate is not None and not math.isnan(figure.value):
                record = measured[0].record
                yield PointFigure(
                    record.id,
                    key.scenario,
                    figure.name,
                    figure.unit,
                    figure.less,
                    figure.value,
                    figure.estimate,
                )


def to_text(found: list[PointFigure]) -> str:
    """For an index."""
    return json.dumps({"version": VERSION, "figures": [asdict(one) for one in found]})


def from_text(text: str) -> list[PointFigure] | None:
    """What `to_text` made; None for anything else, since an index may be damaged."""
    try:
        data = json.loads(text)
        if data["version"] != VERSION:
            return None
        return [PointFigure(**one | {"estimate": Estimate(**one["estimate"])}) for one in data["figures"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
