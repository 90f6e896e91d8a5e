"""What a page shows of a run, as text: all of a page's content that is no markup is decided here."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import yaml

from kb_tests.cloud.topology import NAMES, Role
from kb_tests.report import telling, words
from kb_tests.report.capacity import CapacityRecord, asked, sentences
from kb_tests.report.charts.capacity import tried
from kb_tests.report.exitcode import ExitCode, exit_code
from kb_tests.report.headline import headline
from kb_tests.report.record import (
    FillingRecord,
    PointRecord,
    PointStatus,
    RunRecord,
    ScenarioRecord,
    TopologyRecord,
)
from kb_tests.report.scaling import progressions
from kb_tests.report.shown import Column, Pairs, Presentation, Shown, outcomes_of
from kb_tests.report.views import Cell, CheckView, PointView, RunView, ScenarioView
from kb_tests.report.workloads import WORKLOADS, presentation
from kb_tests.scenario.units import counted, format_size, readable
from kb_tests.sla.family import WORST_FIRST
from kb_tests.sla.verdict import Check, Outcome

HOSTS_SHOWN = 20
FINDINGS_SHOWN = 12
FINDINGS_ORDER = {
    label: place for place, label in enumerate(("fail", "lost", "error", "invalid", "inconclusive"))
}


def view(record: RunRecord) -> RunView:
    """The view of `record`; raises RecordError if a histogram in it cannot be read."""
    scenarios = tuple(_scenario(record, scenario) for scenario in _scenarios(record))
    findings = [(point, text) for entry in scenarios for point in entry.points for text in point.findings[:1]]
    findings = [entry for entry in findings if entry[0].label != "past stop limit"]
    findings.sort(key=lambda entry: FINDINGS_ORDER.get(entry[0].label, len(FINDINGS_ORDER)))
    state, banner = _banner(record)
    return RunView(
        title=record.title,
        run=record.run,
        when=_when(record.started, record.ended),
        state=state,
        banner=banner,
        headline=headline(record),
        totals=telling.totals(record),
        findings=tuple(findings[:FINDINGS_SHOWN]),
        findings_more=max(0, len(findings) - FINDINGS_SHOWN),
        notes=tuple(record.notes),
        problems=(*record.problems, *record.failures),
        leaks=tuple(record.leaks),
        kept=tuple(record.kept),
        scenarios=scenarios,
        versions=(
            ("kb-tests", record.suite),
            *(item for item in record.versions.items() if item[0] != "kb-tests"),
        ),
    )


def anchor(record: RunRecord, point: PointRecord) -> str:
    """The name of a point's place in the page."""
    again = f"-{point.attempt}" if point.attempt > 1 else ""
    return f"point-{record.run}-{point.id}{again}"


def _settings(scenario: ScenarioRecord) -> str:
    """As a file has them."""
    known = scenario.settings
    return yaml.safe_dump(readable(known), sort_keys=False).strip() if known else ""


def _banner(record: RunRecord) -> tuple[str, str]:
    """The state of this cloud's run, whatever happened on others in the same session."""
    status = record.exit_code if record.exit_code in (2, 3, 4, 5) else 0
    code = exit_code(
        record.counted(),
        pytest_status=status,
        other_failures=bool(record.failures),
        infrastructure_failed=bool(record.problems),
        leaked=bool(record.leaks),
        stopped_at_failure=record.exit_code in (ExitCode.FAILED, ExitCode.INCONCLUSIVE),
    )
    if code == ExitCode.INVALID and not record.problems and _only_unreached(record.counted()):
        return "invalid", "Incomplete" if record.ended else "Not finished"
    if code == ExitCode.OK and record.ended is None:
        return "invalid", "Not finished"
    if code == ExitCode.OK and not any(point.outcome for point in record.points):
        return "measured", "Nothing judged"
    if code == ExitCode.FAILED and not any(point.outcome is Outcome.FAIL for point in record.points):
        return "fail", "A test failed"
    return {
        ExitCode.OK: ("pass", "SLA kept"),
        ExitCode.FAILED: ("fail", "SLA broken"),
        ExitCode.INTERRUPTED: ("invalid", "Interrupted"),
        ExitCode.INCONCLUSIVE: ("inconclusive", "Inconclusive"),
        ExitCode.INVALID: ("invalid", "Invalid"),
        ExitCode.LEAKED: ("fail", "Resources left on the cloud"),
    }.get(ExitCode(code), ("invalid", "Aborted"))


def _only_unreached(points: Iterable[PointRecord]) -> bool:
    fine = (Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE)
    return all(point.outcome in fine or point.status is PointStatus.NOT_RUN for point in points)


def _when(started: datetime, ended: datetime | None) -> str:
    start = started.astimezone(UTC)
    if ended is None:
        return f"{start:%d %B %Y, %H:%M} UTC"
    end = ended.astimezone(UTC)
    until = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%d %B %Y, %H:%M}"
    return f"{start:%d %B %Y, %H:%M} to {until} UTC"


def _scenarios(record: RunRecord) -> list[ScenarioRecord]:
    """The run's scenarios; no point may fall out of a report because its own is not among them."""
    known = {scenario.name: scenario for scenario in record.scenarios}
    for point in record.points:
        name = point.point.scenario
        known.setdefault(name, ScenarioRecord(name=name, kind="", file="", settings={}))
    return list(known.values())


def _scenario(record: RunRecord, scenario: ScenarioRecord) -> ScenarioView:
    points = [point for point in record.points if point.point.scenario == scenario.name]
    limits: dict[str, Check] = {}
    for point in points:
        for check in point.verdict.checks if point.verdict else ():
            limits.setdefault(check.name, check)
    columns = _presentation(scenario, points).columns(list(limits))
    return ScenarioView(
        name=scenario.name,
        file=scenario.file,
        columns=tuple(heading for heading, _ in columns),
        limits=tuple(_limits(column, limits) for column in columns),
        points=tuple(_point(record, scenario, point, columns) for point in points),
        topology=_topology(scenario.topology, len(scenario.staged_again)) if scenario.topology else (),
        hosts=_hosts(scenario.topology) if scenario.topology else (),
        settings=_settings(scenario),
        overrides=tuple(scenario.overrides),
        scaling=tuple(progressions(points)),
    )


def _presentation(scenario: ScenarioRecord, points: Sequence[PointRecord]) -> Presentation[Any]:
    """That of its points; where it has none, that of its kind."""
    return presentation(points[0].point) if points else WORKLOADS[scenario.kind]


def _limits(column: Column, limits: Mapping[str, Check]) -> str:
    """What a column is held against; "" if nothing."""
    told = {
        name: f"{'≤' if check.at_most else '≥'} {words.quantity(check.limit, check.unit)}"
        for name, check in limits.items()
    }
    return "".join(outcomes_of(column, told)[:1])


def _point(
    record: RunRecord, scenario: ScenarioRecord, point: PointRecord, columns: Sequence[Column]
) -> PointView:
    shown: Shown | None = None
    if point.measurement is not None:
        shown = presentation(point.point).shown(point, scenario.topology_of(point))
    checks = point.verdict.checks if point.verdict else ()
    probed = _probed(record, point.capacity) if point.capacity else {}
    return PointView(
        anchor=anchor(record, point),
        id=point.title,
        short=point.title.removeprefix(f"{point.point.scenario}-"),
        label=telling.label(point),
        cells=_cells(point, shown, columns) if shown else (),
        findings=tuple(telling.findings(point)),
        reasons=point.verdict.reasons if point.verdict else (),
        notes=point.remarks,
        disturbances=tuple(telling.disturbances(point)),
        outputs=tuple((hook.name, hook.output) for hook in point.hooks if hook.output),
        checks=tuple(_check(check) for check in checks),
        confidence=words.share(point.verdict.confidence) if point.verdict else "",
        looks=point.verdict.looks if point.verdict else 0,
        facts=(
            *(shown.facts() if shown else ()),
            *(asked(point.capacity) if point.capacity else ()),
            *telling.earlier_looks(point),
        ),
        hosts=shown.hosts() if shown else None,
        shown=shown,
        record=point,
        told=tuple(sentences(point.capacity)) if point.capacity else (),
        tried=tried(point.capacity, probed) if point.capacity else None,
        probed=probed,
        whose=(*point.down, *point.failing, *point.culprits),
    )


def _probed(record: RunRecord, found: CapacityRecord) -> dict[str, Check]:
    """What each probe of a search measured of the limit that breaks first."""
    own = {probe.id for probe in found.probes}
    return {
        probe.id: check
        for probe in record.probes
        if probe.id in own and probe.verdict is not None
        for check in probe.verdict.checks
        if check.name == found.limit
    }


def _cells(point: PointRecord, shown: Shown, columns: Sequence[Column]) -> tuple[Cell, ...]:
    made = {check.name: check.outcome for check in point.verdict.checks} if point.verdict else {}
    worst = [min(outcomes_of(column, made), key=WORST_FIRST.index, default="") for column in columns]
    return tuple(
        Cell(shown.cell(column), str(outcome)) for column, outcome in zip(columns, worst, strict=True)
    )


def _check(check: Check) -> CheckView:
    value, limit = words.pair(check)
    return CheckView(
        subject=words.subject(check),
        value=value,
        limit="none" if math.isnan(check.limit) else f"{'≤' if check.at_most else '≥'} {limit}",
        interval=words.interval(check),
        margin=words.margin(check),
        outcome=str(check.outcome),
        detail=check.detail,
    )


_SHOWN = (Role.SERVER, Role.CLIENT, Role.STORAGE)


def _topology(topology: TopologyRecord, again: int) -> Pairs:
    roles = Counter(server.role for server in topology.servers)
    networks = {server.network for server in topology.servers}
    return (
        *((NAMES[role].removeprefix("traffic "), f"{roles[role]:,}") for role in _SHOWN if roles[role]),
        ("networks", f"{len(networks):,}"),
        *((("region", region),) if (region := _region(topology)) else ()),
        (
            "staged in",
            f"{words.duration(topology.staging.seconds)}, {topology.staging.requests:,} API requests",
        ),
        *((("staged again", counted(again, "time")),) if again else ()),
        *((("disks filled", _filled(topology.filling)),) if topology.filling else ()),
        *((("MTU", mtu),) if (mtu := _mtu(topology)) else ()),
        *((tool, ", ".join(versions)) for tool, versions in topology.tools.items()),
    )


def _filled(filling: FillingRecord) -> str:
    if not filling.bytes:
        return "before this run"
    return f"{format_size(filling.bytes)} in {words.duration(filling.seconds)}"


def _region(topology: TopologyRecord) -> str:
    """That of each cloud; where the load comes from another one, that one's behind it."""
    elsewhere = (
        f", loaded from {topology.testing_region or 'an unknown one'}" if topology.testing_cloud else ""
    )
    return topology.region and topology.region + elsewhere


def _mtu(topology: TopologyRecord) -> str:
    """What the cloud says of its networks, and what servers see of them where that is something else."""
    stated = sorted(set(topology.mtus.values()))
    seen = sorted({server.mtu for server in topology.servers if server.mtu})
    told = ", ".join(map(str, stated))
    if not seen or seen == stated:
        return told
    return f"{told or 'unknown'}; servers see {', '.join(map(str, seen))}"


def _hosts(topology: TopologyRecord) -> Pairs:
    """How many servers landed on each host, fullest first."""
    hosts = Counter(
        (f"{server.cloud}: " if topology.testing_cloud else "") + (server.host or "unknown")
        for server in topology.servers
    )
    shown = [(host, f"{count:,}") for host, count in hosts.most_common(HOSTS_SHOWN)]
    rest = sum(hosts.values()) - sum(count for _, count in hosts.most_common(HOSTS_SHOWN))
    return (*shown, *([(counted(len(hosts) - HOSTS_SHOWN, "more host"), f"{rest:,}")] if rest else []))
