"""Runs: in a list, and one with all its points."""

from __future__ import annotations

from datetime import datetime

from kb_tests.web.shapes.base import Figure, Shape
from kb_tests.web.shapes.charts import ChartShape


class RunRow(Shape):
    """A run in a list; `points` are (id, outcome or status) in their order."""

    run: str
    cloud: str
    outcome: str
    started: datetime
    ended: datetime | None
    exit_code: int | None
    scenarios: tuple[str, ...]
    points: tuple[tuple[str, str], ...]
    leaks: int
    tags: tuple[str, ...]
    new_failure: bool
    """It failed, and the run before of the same scenarios on the same cloud passed."""
    closest: str
    """What is over its limit by most, or closest to it; "" where nothing was judged."""


class RunList(Shape):
    """Runs, the newest first; `next` is the run after which more follow, "" for none."""

    runs: tuple[RunRow, ...]
    total: int
    next: str = ""
    clouds: tuple[str, ...]
    scenarios: tuple[str, ...]


class CheckShape(Shape):
    """One limit of the SLA against what was measured.

    `low`, `at` and `high` are bounds and value on a scale where 1 is the limit and less is kept; null where
    there is none.
    """

    name: str
    subject: str
    limit: str
    value: str
    interval: str
    margin: str
    outcome: str
    detail: str
    low: Figure
    at: Figure
    high: Figure
    unit: str
    limit_value: Figure


class PointRow(Shape):
    """A point of a run. `cells` are its figures under the scenario's `columns`, each with its outcome."""

    id: str
    title: str
    attempt: int
    scenario: str
    kind: str
    label: str
    sentence: str
    load: str
    how: str
    offered: Figure
    unit: str
    looks: int
    p99: str
    lead: CheckShape | None
    """The check that the ladder shows: p99 of response time, else the first."""
    cells: tuple[tuple[str, str], ...]
    told: tuple[str, ...] = ()
    """What a capacity search found, in sentences: it has no figures of its own, and `cells` are empty."""
    tried: int = 0
    """How many loads a search tried."""
    limit: Figure
    p99_value: Figure
    achieved_share: Figure


class ScenarioShape(Shape):
    """A scenario of a run: its table's columns and limits, what it ran on, its settings as YAML."""

    name: str
    kind: str
    columns: tuple[str, ...]
    limits: tuple[str, ...]
    topology: tuple[tuple[str, str], ...]
    hosts: tuple[tuple[str, str], ...]
    settings: str
    points: tuple[PointRow, ...]
    charts: tuple[ChartShape, ...]
    """Across its points."""


class Finding(Shape):
    """Why a point is no plain pass."""

    point: str
    attempt: int
    label: str
    sentence: str


class HistoryRow(Shape):
    """An earlier run of the same scenarios on the same cloud."""

    run: str
    started: datetime
    outcome: str


class RunShape(Shape):
    """One run. `state` is its outcome in one word, `banner` and `headline` say it in words."""

    run: str
    title: str
    cloud: str
    testing_cloud: str
    state: str
    banner: str
    headline: str
    totals: str
    started: datetime
    ended: datetime | None
    exit_code: int | None
    exit_meaning: str
    suite: str
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    leaks: tuple[str, ...]
    kept: tuple[str, ...]
    findings: tuple[Finding, ...]
    findings_more: int
    versions: tuple[tuple[str, str], ...]
    scenarios: tuple[ScenarioShape, ...]
    history: tuple[HistoryRow, ...]
    tags: tuple[str, ...]
