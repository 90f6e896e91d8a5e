"""The events of a session: what they are called, and what they carry.

Two groups. *Outcomes* (`PointEnded`, `ProbeEnded`, `Staged`, `Problem`, `Leaked`) decide records and exit
codes; under xdist they travel with test reports. All other events are for whoever watches, and may get lost.

What stands in event files (`Filed`) says less than an outcome does: the record is the truth. How a line looks
is in `events.lines`. A reader passes over kinds and fields it does not know, so that additions need no new
version.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from kb_tests.report.record import PointRecord, TopologyRecord


def _cut(most: int) -> BeforeValidator:
    """What is too long is made shorter, since what only tells of a run must not fail it."""
    return BeforeValidator(lambda value: value[:most] if isinstance(value, str) else value)


Text = Annotated[str, _cut(4000), StringConstraints(max_length=4000)]
Name = Annotated[str, _cut(300), StringConstraints(max_length=300)]
Count = Annotated[int, Field(ge=0, le=1 << 53)]
Seconds = Annotated[float, Field(ge=-1e11, le=1e11, allow_inf_nan=False)]
Figure = Annotated[
    float, WithJsonSchema({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]})
]
"""What was measured may have no end, or be no number."""


class Event(BaseModel):
    """Something that happened. `cloud` is the name of the cloud it is about, "" for the embedded one."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings")

    cloud: Name = ""


class SessionStarted(Event):
    """A process of a session began: pytest itself, xdist's controller, or a worker ("gw0")."""

    kind: Literal["session"] = "session"
    process: Name
    pid: Count
    version: Name
    clouds: tuple[Name, ...]
    scenarios: tuple[Name, ...]


class SelectedPoint(BaseModel):
    """A point that the session is going to run, and the run id of its record."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    cloud: Name
    id: Name
    scenario: Name
    kind: Name
    clients: Count


class PointsSelected(Event):
    """What the session is going to run, in its order."""

    kind: Literal["selected"] = "selected"
    points: tuple[SelectedPoint, ...]
    runs: dict[Name, Name] = {}
    """{cloud: run id of its record}"""


class Phase(Event):
    """`done` of `total` steps of a phase of staging are behind us."""

    kind: Literal["phase"] = "phase"
    phase: Text
    done: Count
    total: Count


class ServersSeen(Event):
    """Servers have come to a state: asked for, ACTIVE, with a ready agent, or in ERROR."""

    kind: Literal["server"] = "server"
    state: Literal["building", "booting", "ready", "error"]
    names: tuple[Name, ...]


class StagedServer(BaseModel):
    """A server of a staged topology."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Name
    role: Name
    address: Name
    host: Name = ""
    zone: Name = ""


class StagedServers(Event):
    """A scenario's topology is there: what a watcher needs of `Staged`."""

    kind: Literal["staged"] = "staged"
    scenario: Name
    seconds: Seconds = 0.0
    servers: tuple[StagedServer, ...] = ()


class PointStarted(Event):
    """A look at a point begins.

    `duration` and `warm_up` are seconds, `offered` what is asked of all generators together a second (0: as
    fast as it goes), in `unit`. `limits` are the SLA's latency limits in seconds by their check's name.
    `search` is the id of the capacity search that it is a probe of, if it is.
    """

    kind: Literal["point_started"] = "point_started"
    point: Name
    look: Count
    looks: Count
    duration: Seconds
    warm_up: Seconds
    offered: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    unit: Name
    agents: Count
    limits: dict[Name, Figure] = {}
    search: Name = ""


class Second(Event):
    """One second of a point, merged over its agents.

    `index` counts from the measured window on; what is below 0 is warm-up. `agents` of `expected` are in it,
    `missing` names some of the others. `due`, `completed`, `failed` are counts of requests or I/Os, `bytes`
    those of completed ones. `buckets` are
    [bucket, count]: bucket i holds times of [2**(i/4), 2**((i+1)/4)) microseconds. `hosts` are
    [host, completed, failed, bucket of its p99], of the hosts of what was loaded; bucket 254 is beyond
    measure, as failed ones are. `servers` is base64 of a byte for each agent in the order of
    the staged topology, the bucket of its p99, 255 for one that is missing. `length` is how many seconds it
    really was: a storage server that was held up tells of more than one. `shares` is the same as `servers`
    with the percentage of what was due that was completed, 254 at most.

    `slower` counts, of what ended in this second, what took longer than a limit of `PointStarted.limits` or
    was not done well; of I/Os by fio's own times. `lag` is how late a generator sent at worst (seconds; of
    storage how long one of fio's jobs waited for a CPU), `cpu` the share of its time in which the busiest
    one's process was busy; None where they do not tell.
    """

    kind: Literal["second"] = "second"
    point: Name
    index: Annotated[int, Field(ge=-86_400, le=1 << 31)]
    agents: Count
    expected: Count
    missing: tuple[Name, ...] = ()
    due: Count
    completed: Count
    failed: Count
    bytes: Count
    buckets: tuple[tuple[int, int], ...] = ()
    hosts: tuple[tuple[Name, int, int, int], ...] = ()
    servers: Annotated[str, StringConstraints(max_length=16_384)] = ""
    shares: Annotated[str, StringConstraints(max_length=16_384)] = ""
    slower: dict[Name, Count] = {}
    lag: Annotated[float, Field(ge=0, le=1e6)] | None = None
    cpu: Annotated[float, Field(ge=0, le=1e6)] | None = None
    length: Annotated[float, Field(gt=0, le=1e6)] = 1.0


class CheckSeen(BaseModel):
    """One limit of the SLA against what was measured; as `sla.verdict.Check`."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings")

    name: Name
    outcome: Name
    value: Figure
    limit: Figure
    unit: Name
    low: Figure
    high: Figure
    at_most: bool


class LookEnded(Event):
    """A look at a point was judged: `outcome` decides unless it is inconclusive and another look follows."""

    kind: Literal["look"] = "look"
    point: Name
    look: Count
    looks: Count
    outcome: Name
    checks: tuple[CheckSeen, ...] = ()
    reasons: tuple[Text, ...] = ()


class PointSeen(Event):
    """A point ended: what a watcher needs of `PointEnded`. The record is the truth. `told` is what a capacity
    search found, in a sentence.
    """

    kind: Literal["point"] = "point"
    point: Name
    status: Name
    outcome: Name = ""
    reason: Text = ""
    told: Text = ""
    achieved: Figure | None = None
    offered: Figure | None = None
    p50: Figure | None = None
    p99: Figure | None = None


class ProbeSeen(Event):
    """A probe of the capacity search `search` ended: what a watcher needs of `ProbeEnded`."""

    kind: Literal["probe"] = "probe"
    point: Name
    search: Name
    outcome: Name = ""


class Marker(Event):
    """Somebody did something to the cloud at this moment, such as pulling a link."""

    kind: Literal["marker"] = "marker"
    text: Text


class Stopping(Event):
    """The session was asked to stop."""

    kind: Literal["stopping"] = "stopping"
    text: Text = ""


class Teardown(Event):
    """`done` of `total` of what was staged are gone."""

    kind: Literal["teardown"] = "teardown"
    phase: Text = ""
    done: Count
    total: Count


class Log(Event):
    """A line for people."""

    kind: Literal["log"] = "log"
    text: Text


class SessionEnded(Event):
    """A process of the session ended; only the one that writes records knows the session's exit code."""

    kind: Literal["end"] = "end"
    exit_code: int | None = None


class Problem(Event):
    """The infrastructure failed, outside of any point.

    `staging` says of what staging it speaks: a scenario's name, or "" for all of the cloud; None of none.
    `usage`: the wrong thing was asked for, and this process had staged nothing.
    """

    kind: Literal["problem"] = "problem"
    sentence: str
    staging: Name | None = None
    usage: bool = False


class Leaked(Event):
    """Something of ours is still on the cloud."""

    kind: Literal["leaked"] = "leaked"
    resources: tuple[str, ...]


class PointEnded(Event):
    """A point was measured, and judged unless it belongs to somebody's own test."""

    kind: Literal["point_ended"] = "point_ended"
    point: PointRecord


class ProbeEnded(Event):
    """A probe of a capacity search was measured and judged; it is no point of its own."""

    kind: Literal["probe_ended"] = "probe_ended"
    point: PointRecord


class Staged(Event):
    """A scenario's topology is there; `notes` have to stand in every report of it. `kept` says until
    when it stays after the session, if it does.
    """

    kind: Literal["staged_topology"] = "staged_topology"
    scenario: str
    topology: TopologyRecord
    notes: tuple[str, ...]
    kept: str = ""


Outcome = PointEnded | ProbeEnded | Staged | Problem | Leaked
"""What decides records and exit codes."""

Filed = (
    SessionStarted
    | PointsSelected
    | Phase
    | ServersSeen
    | StagedServers
    | PointStarted
    | Second
    | LookEnded
    | PointSeen
    | ProbeSeen
    | Marker
    | Problem
    | Leaked
    | Stopping
    | Teardown
    | Log
    | SessionEnded
)
"""What stands in event files."""

AnyEvent = Filed | Outcome
