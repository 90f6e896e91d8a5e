"""Running storage points on a staged topology."""

from __future__ import annotations

from collections import Counter

from kb_tests.errors import ScenarioError
from kb_tests.fleet.storage.messages import IoSecond, StorageReport
from kb_tests.load import storage
from kb_tests.measure.storage.measurement import StorageMeasurement
from kb_tests.measure.storage.merge import measure
from kb_tests.measure.storage.rounds import run_until_steady
from kb_tests.scenario.storage import Profile, StoragePoint, StorageScenario, storage_point
from kb_tests.scenario.units import parse_duration
from kb_tests.session.point_runner import PointRunner
from kb_tests.session.seconds import Part
from kb_tests.sla.storage.judge import judge


class StorageRunner(PointRunner[StorageScenario, StoragePoint, StorageMeasurement]):
    """Runs storage points on one topology; the fixture `kb_storage`."""

    kind = StorageScenario
    unit = "IOPS"
    judge = staticmethod(judge)

    def run(
        self, profile: str | dict[str, object], *, clients: int | None = None, duration: str | None = None
    ) -> StorageMeasurement:
        """Measure one load of a test's own: a profile of the scenario, by name, or one as in its file.

        What is not given is as in the scenario. The record keeps the measurement; judging it is the
        test's job. Raises ScenarioError.
        """
        asked = self._profile(profile)
        load = self.scenario.load
        if duration is not None:
            load = load.model_copy(update={"duration": parse_duration(duration), "max_duration": None})
        point = storage_point(self.scenario.model_copy(update={"load": load}), self._clients(clients), asked)
        return self.measured(point)

    def _profile(self, profile: str | dict[str, object]) -> Profile:
        if isinstance(profile, dict):
            try:
                own: Profile = Profile.model_validate(profile)
            except ValueError as error:
                raise ScenarioError(f"This profile cannot be run: {error}") from None
            return own
        for known in self.scenario.load.profiles:
            if profile in (known.name, known.key):
                return known
        names = ", ".join(known.name for known in self.scenario.load.profiles)
        raise ScenarioError(f"The scenario has no profile {profile!r}; it has {names}.")

    def looks(self, point: StoragePoint) -> tuple[float, ...]:
        """One for a point that runs until it is steady."""
        return (point.duration,) if point.steady else super().looks(point)

    def measure(self, point: StoragePoint) -> StorageMeasurement:
        """Run it."""

        def run(part: StoragePoint) -> list[StorageReport]:
            seconds = self.seconds(part, part.ramp, storage.DRAIN)
            reports = storage.run(
                part, self.scenario.topology, self.fleet, lambda report: seconds.add(_part(report))
            )
            seconds.end()
            self.progress.clear()
            return reports

        return run_until_steady(point, run) if point.steady else measure(point, run(point))

    def limits(self) -> dict[str, float]:
        """Of reads and writes."""
        sla = self.scenario.sla
        return {
            f"{name} latency p{percent:g}": limit
            for name, latency in (("read", sla.read_latency), ("write", sla.write_latency))
            for percent, limit in (latency.limits().items() if latency else ())
        }


def _part(report: IoSecond) -> Part:
    parts = (report.read, report.write)
    completed = sum(part.ios for part in parts)
    buckets: Counter[int] = Counter()
    for part in parts:
        buckets.update(dict(part.buckets))
    return Part(
        agent=report.agent,
        index=report.index,
        due=completed + report.errors,
        completed=completed,
        failed=report.errors,
        bytes=sum(part.bytes for part in parts),
        buckets=tuple(buckets.items()),
        seconds=max(0.1, report.end - report.begin),
    )
