"""The runs that a session's points are held against: `--kb-baseline`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from kb_tests.cloud.topology import Topology
from kb_tests.compare.gate import held_against, of_cloud
from kb_tests.compare.sides import Side
from kb_tests.errors import RecordError, ScenarioError
from kb_tests.fleet.fleet import Fleet
from kb_tests.history.read import called, records_of
from kb_tests.report.record import PointRecord, RunRecord, ScenarioRecord, TopologyRecord
from kb_tests.report.words import printable
from kb_tests.scenario.base import Point
from kb_tests.scenario.baseline import Baseline as Limit
from kb_tests.scenario.points import expand
from kb_tests.session.target import Target, cloud_label
from kb_tests.sla.decide import Risk
from kb_tests.sla.family import worst
from kb_tests.sla.verdict import Outcome, Verdict

OPTION = "--kb-baseline"

SHOWN = 5
"""Points that are named; of more, their number."""


@dataclass(frozen=True)
class Baseline:
    """Runs to hold points against."""

    side: Side

    @classmethod
    def read(cls, name: str, reports: Path) -> Baseline:
        """The records of a folder, of one file, or of a run or tag in `reports`; raises ScenarioError."""
        try:
            side = Side.of(called(name), records_of(name, reports))
            for one in (one for measured in side.points.values() for one in measured):
                one.samples  # noqa: B018 (a damaged one is refused now, not after the first point)
        except RecordError as error:
            raise ScenarioError(f"{OPTION}: {error}") from None
        return cls(side)

    def lost(self, target: Target) -> tuple[str, ...]:
        """The points that it has of a scenario, by their ids without its name, and that the scenario has no
        longer, for all that it says.
        """
        scenario = target.scenario
        has = {(point.load, point.clients) for point in expand(scenario)}
        allowed = scenario.sla.baseline.without if scenario.sla.baseline else ()
        cloud = cloud_label(target.cloud)
        side = of_cloud(self.side, cloud, target.testing_cloud, lambda key: key.scenario == scenario.name)
        gone = (
            measured[-1].record
            for key, measured in side.points.items()
            if key.scenario == scenario.name and not key.own and (key.load, key.clients) not in has
        )
        names = (point.id.removeprefix(f"{scenario.name}-") for point in gone if point.capacity is None)
        return tuple(name for name in names if name not in allowed)

    def added(
        self,
        verdict: Verdict,
        point: Point,
        measurement: object,
        target: Target,
        topology: Topology,
        fleet: Fleet,
        *,
        checks: int,
        look: int,
        looks: int,
    ) -> Verdict:
        """`verdict` with one check more: that on this baseline."""
        limit = target.scenario.sla.baseline or Limit()
        risk = Risk((1 - verdict.confidence) / max(1, checks) / looks, looks)
        now = _record(PointRecord.judged(point, measurement, verdict), target, topology, fleet)
        held = held_against(self.side, now, limit.max_slower, risk)
        made, reasons = (*verdict.checks, held.check), verdict.reasons
        if verdict.outcome is not Outcome.INVALID:
            reasons = held.reasons
            if held.check.outcome is Outcome.INCONCLUSIVE and look == looks:
                reasons += verdict.notes  # what slowed the run; a pass stands beside it, a fail there is not
        outcome = Outcome.INVALID if reasons else worst(made)
        return replace(verdict, outcome=outcome, checks=made, reasons=reasons, looks=look)


def _record(point: PointRecord, target: Target, topology: Topology, fleet: Fleet) -> RunRecord:
    """What a comparison wants to know of a point that no record has yet."""
    scenario = ScenarioRecord(
        name=target.scenario.name,
        kind=target.scenario.kind,
        file=target.file.name,
        settings=target.scenario.model_dump(mode="json"),
        topology=TopologyRecord.of(topology, fleet.versions),
    )
    return RunRecord(
        run=topology.run_id,
        suite=metadata.version("kb-tests"),
        cloud=cloud_label(target.cloud),
        testing_cloud=target.testing_cloud,
        started=datetime.now(UTC),
        scenarios=[scenario],
        points=[point.model_copy(update={"run": topology.run_id})],
    )


def check(targets: Sequence[Target]) -> None:
    """Raise ScenarioError where a scenario searches: no baseline has anything of it."""
    names = [target.scenario.name for target in targets if getattr(target.scenario.load, "capacity", None)]
    if names:
        raise ScenarioError(
            f"The scenario {names[0]} searches a capacity, whose loads no other run has: {OPTION} could hold"
            f" nothing of it against a baseline. Run it in a session of its own, without {OPTION}."
        )


def refuse_lost(targets: Sequence[Target], found: Baseline) -> None:
    """Raise ScenarioError where a scenario has no longer every point of the baseline."""
    for target in targets:
        if gone := found.lost(target):
            more = f" and {len(gone) - SHOWN} more" if len(gone) > SHOWN else ""
            name = target.scenario.name
            raise ScenarioError(
                f"{OPTION}: {printable(found.side.name)} has points of {name} that this no longer has:"
                f" {printable(', '.join(gone[:SHOWN]))}{more}. Whatever became of them, nobody would see it."
                " Put them back (-k runs a part of a scenario), name runs without them, or name them in"
                " sla.baseline.without."
            )


def missing(targets: Sequence[Target]) -> None:
    """Raise ScenarioError where a scenario asks for a baseline and nobody named one."""
    names = [target.scenario.name for target in targets if target.scenario.sla.baseline is not None]
    if names:
        raise ScenarioError(
            f"The scenario {names[0]} limits how much slower than a baseline it may be (sla.baseline), and no"
            f" baseline is named. Name one with {OPTION} FOLDER|RUN; for the runs that are to become one:"
            f" --kb-set {names[0]}:sla.baseline=null."
        )
