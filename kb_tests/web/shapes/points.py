"""A point: its seconds, percentiles, hosts and generators."""

from __future__ import annotations

from kb_tests.web.shapes.base import Figure, Shape
from kb_tests.web.shapes.charts import ChartShape
from kb_tests.web.shapes.runs import CheckShape, PointRow


class TimeLimit(Shape):
    """A limit on a time, and which percentile it is about."""

    name: str
    percent: float
    seconds: float
    outcome: str
    value: Figure


class HeatShape(Shape):
    """How many took how long: a row for each `step` seconds from second `at` on, of [bucket, count] pairs.

    Bucket i holds [2**(i/4), 2**((i+1)/4)) microseconds.
    """

    name: str
    at: int
    step: int
    rows: tuple[tuple[tuple[int, int], ...], ...]


class Line(Shape):
    """A percentile in each second, of the heat map (or curve) called `of`."""

    name: str
    of: str
    values: tuple[Figure, ...]


class Seconds(Shape):
    """A point second by second, in columns of one length. `at` is the second, below 0 for the warm-up.

    `rate` is what succeeded, `failed` what did not. `heats` are empty where neither the record nor the events
    of its session have one.
    """

    at: tuple[float, ...]
    rate: tuple[Figure, ...]
    failed: tuple[Figure, ...]
    lines: tuple[Line, ...]
    heats: tuple[HeatShape, ...]


class HostShape(Shape):
    """A hypervisor, what of the run was on it, and the p99 of what was loaded there."""

    host: str
    zone: str
    servers: int
    generators: int
    p99: Figure
    completed: int
    failed: int


class GeneratorShape(Shape):
    """The instruments of a generator: send lag, share of CPU, and skew in seconds."""

    name: str
    host: str
    lag: Figure
    cpu: Figure
    skew: Figure


class Table(Shape):
    """Figures as they stand in the report."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int = 0


class SearchShape(Shape):
    """What a capacity search found, in sentences; what it was asked; the loads that it tried, in order; what
    a narrower answer would take, and the options for it.
    """

    told: tuple[str, ...]
    asked: tuple[tuple[str, str], ...]
    tried: Table
    narrower: tuple[str, str] | None = None


class PointShape(Shape):
    """One point, with all that its page shows; `before` and `after` are its neighbours' (id, attempt)."""

    run: str
    cloud: str
    row: PointRow
    status: str
    reason: str
    findings: tuple[str, ...]
    notes: tuple[str, ...]
    confidence: str
    duration: Figure
    warm_up: float
    checks: tuple[CheckShape, ...]
    facts: tuple[tuple[str, str], ...]
    limits: tuple[TimeLimit, ...]
    charts: tuple[ChartShape, ...]
    percents: tuple[float, ...]
    percentiles: tuple[tuple[str, tuple[str, ...]], ...]
    """For each curve, its times at `percents`."""
    seconds: Seconds | None
    hosts: tuple[HostShape, ...]
    ways: Table | None
    generators: tuple[GeneratorShape, ...]
    before: tuple[str, int] | None
    after: tuple[str, int] | None
    search: SearchShape | None = None
