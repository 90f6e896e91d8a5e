"""What a page shows of a run, point by point: the shapes that `view` fills, and charts are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kb_tests.report import by_host
from kb_tests.report.charts.description import Rows
from kb_tests.report.record import PointRecord
from kb_tests.report.shown import Pairs, Shown
from kb_tests.sla.verdict import Check

if TYPE_CHECKING:
    from kb_tests.report.scaling import Progression


@dataclass(frozen=True)
class Cell:
    """A figure of a point; `outcome` is that of the limit it is held against, "" where there is none."""

    text: str
    outcome: str = ""


@dataclass(frozen=True)
class CheckView:
    """One limit of a point against what was measured."""

    subject: str
    value: str
    limit: str
    interval: str
    margin: str
    outcome: str
    detail: str


@dataclass(frozen=True)
class PointView:
    """One point. `told` is what a search found, `tried` the loads that it tried, `probed` what each of them
    measured of the limit that breaks first, by its id; `whose` what is said of the
    servers, hosts and generators where it broke.
    """

    anchor: str
    id: str
    short: str
    label: str
    cells: tuple[Cell, ...]
    findings: tuple[str, ...]
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    disturbances: tuple[str, ...]
    outputs: Pairs
    checks: tuple[CheckView, ...]
    confidence: str
    looks: int
    facts: Pairs
    hosts: by_host.Table | None
    shown: Shown | None = field(repr=False)
    record: PointRecord = field(repr=False)
    told: tuple[str, ...] = ()
    tried: Rows | None = None
    probed: Mapping[str, Check] = field(default_factory=dict, repr=False)
    whose: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScenarioView:
    """The points of one scenario in one table; `limits` is the SLA, a text for each of `columns`."""

    name: str
    file: str
    columns: tuple[str, ...]
    limits: tuple[str, ...]
    points: tuple[PointView, ...]
    topology: Pairs
    hosts: Pairs
    settings: str
    overrides: tuple[str, ...] = ()
    scaling: tuple[Progression, ...] = ()


@dataclass(frozen=True)
class RunView:
    """One run on one cloud; `state` is the outcome that gives the banner its colour."""

    title: str
    run: str
    when: str
    state: str
    banner: str
    headline: str
    totals: str
    findings: tuple[tuple[PointView, str], ...]
    findings_more: int
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    leaks: tuple[str, ...]
    kept: tuple[str, ...]
    scenarios: tuple[ScenarioView, ...]
    versions: Pairs
