"""All servers side by side, figure by figure: those far off are named."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from kb_tests.report.charts.description import Form, Rows, StripRow, Strips

OUTLIER = 5.0
"""From how many median distances from the median on a server is named."""


@dataclass(frozen=True)
class Row:
    """One figure of every server, in their order, and how it is told."""

    label: str
    form: Form
    values: Sequence[float]
    told: Callable[[float], str]


def strips(
    name: str, title: str, names: Sequence[str], hosts: Sequence[str], rows: Sequence[Row]
) -> Strips | None:
    """None for less than two servers."""
    if len(names) < 2:
        return None
    shown = tuple(
        StripRow(
            label=row.label,
            form=row.form,
            values=tuple(map(float, row.values)),
            texts=tuple(map(row.told, row.values)),
            far=tuple(outliers(row.values)),
        )
        for row in rows
    )
    far = [f"{row.label} of {names[row.far[0]]} is {row.texts[row.far[0]]}" for row in shown if row.far]
    far += [
        f"{row.label} is beyond measure everywhere"
        for row in shown
        if not any(map(math.isfinite, row.values))
    ]
    return Strips(
        name=name,
        title=title,
        says=f"far from the others: {'; '.join(far)}" if far else "none is far from the others",
        names=tuple(names),
        groups=tuple(hosts),
        rows=shown,
        table=Rows(
            ("Server", "Host", *(row.label for row in shown)),
            tuple(zip(names, hosts, *(row.texts for row in shown), strict=True)),
        ),
    )


def outliers(values: Sequence[float]) -> list[int]:
    """Which are far from the others, the farthest first; also those without a finite value."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return []
    middle = median(finite)
    least = max(OUTLIER * median(abs(value - middle) for value in finite), abs(middle) * 0.1, 0.001)

    def distance(index: int) -> float:
        value = values[index]
        return abs(value - middle) if math.isfinite(value) else math.inf

    return sorted((one for one in range(len(values)) if distance(one) > least), key=distance, reverse=True)
