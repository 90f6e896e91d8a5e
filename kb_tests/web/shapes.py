"""What the API's answers look like: durations in seconds, sizes in bytes, times as RFC 3339 in UTC.

A number that is not finite is null: not known, or beyond measure; the text beside it says which.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer

Figure = Annotated[
    float, PlainSerializer(lambda value: value if math.isfinite(value) else None, return_type=float | None)
]


class Shape(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True)


class Version(Shape):
    """Which suite this is, who asks, and where it reads."""

    version: str
    python: str
    role: str
    reports: str
    sessions: str
    starts: bool
    """Whether runs may be started here."""
    max_servers: int


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


class Curve(Shape):
    """Times by percentile: (percent, seconds); null where too many failed."""

    name: str
    points: tuple[tuple[float, Figure], ...]


class Limit(Shape):
    """A limit on a time, and which percentile it is about; `kind` is the curve it belongs to."""

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
    limits: tuple[Limit, ...]
    curves: tuple[Curve, ...]
    percents: tuple[float, ...]
    percentiles: tuple[tuple[str, tuple[str, ...]], ...]
    """For each curve, its times at `percents`."""
    seconds: Seconds | None
    hosts: tuple[HostShape, ...]
    ways: Table | None
    generators: tuple[GeneratorShape, ...]
    before: tuple[str, int] | None
    after: tuple[str, int] | None


class SessionRow(Shape):
    """A session: `state` says where it stands, `sentence` says it in words.

    `marks` has a letter a point: p pass, f fail, i inconclusive, x invalid, - without result, r running, . to
    come.
    """

    sid: str
    state: Literal["starting", "staging", "running", "stopping", "removing", "ended", "broken_off"]
    alive: bool
    outcome: str
    sentence: str
    started: datetime
    ended: datetime | None
    exit_code: int | None
    exit_meaning: str
    started_by: str
    version: str
    arguments: tuple[str, ...]
    clouds: tuple[str, ...]
    scenarios: tuple[str, ...]
    runs: dict[str, str]
    marks: str
    problems: tuple[str, ...]
    leaks: tuple[str, ...]


class SessionList(Shape):
    """Sessions, the newest first."""

    sessions: tuple[SessionRow, ...]


class SessionLog(Shape):
    """What a session wrote to its output, from byte `offset` on; ask again from `next`."""

    offset: int
    next: int
    size: int
    text: str


class ScenarioRow(Shape):
    """A scenario that can be run; `fault` says what is wrong with its file, "" for nothing."""

    name: str
    kind: str
    description: str
    points: int
    servers: int
    shipped: bool
    fault: str = ""


class ScenarioList(Shape):
    """Scenarios by name."""

    scenarios: tuple[ScenarioRow, ...]


class ScenarioText(Shape):
    """A scenario's file, the points it stands for, and what it takes of a cloud."""

    row: ScenarioRow
    text: str
    point_ids: tuple[str, ...]
    needs: dict[str, int]
    digest: str
    """Of the text: give it to start exactly what was shown."""


class CloudRow(Shape):
    """A cloud of clouds.yaml, by its name: nothing else of it is told."""

    name: str
    embedded: bool = False


class CloudList(Shape):
    """The embedded cloud, and those of clouds.yaml; `searched` is where that was looked for."""

    clouds: tuple[CloudRow, ...]
    searched: tuple[str, ...]
    fault: str = ""


class FindingShape(Shape):
    """What was looked at on a cloud, what is there, and what to do about it."""

    what: str
    state: Literal["good", "note", "FAULT"]
    found: str
    remedy: str = ""


class Examination(Shape):
    """What `kb doctor` found, the worst first; `fit` where nothing is in the way."""

    cloud: str
    fit: bool
    findings: tuple[FindingShape, ...]


class ExaminationRequest(BaseModel):
    """For which scenario; "" for none in particular."""

    model_config = ConfigDict(extra="forbid", strict=True)

    scenario: str = ""


class StartRequest(BaseModel):
    """What to run. `cloud` "" is the embedded one. `servers` is how many the caller saw that it takes, and
    `digests` what each scenario was when they were counted: a run is started for exactly that, or not at all.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    cloud: str = ""
    scenarios: dict[str, str]
    """{name: digest}"""
    servers: int


class StopRequest(BaseModel):
    """How to stop: `now` ends the load and removes everything; `leave_to_reaper` does not wait for that."""

    model_config = ConfigDict(extra="forbid")

    level: Literal["now", "leave_to_reaper"] = "now"


class MarkerRequest(BaseModel):
    """What was done to the cloud just now."""

    model_config = ConfigDict(extra="forbid")

    text: str


class Accepted(Shape):
    """It is under way, in session `sid`."""

    sid: str
    sentence: str
