"""Running storage points on a staged topology."""

from __future__ import annotations

from itertools import count

from kb_tests.errors import ScenarioError
from kb_tests.fleet.storage.messages import IoSecond, StorageReport
from kb_tests.load import storage
from kb_tests.measure.storage.measurement import StorageMeasurement
from kb_tests.measure.storage.merge import measure
from kb_tests.measure.storage.rounds import run_until_steady
from kb_tests.scenario.storage import Profile, StoragePoint, StorageScenario, storage_point
from kb_tests.scenario.units import parse_duration
from kb_tests.session.meter import Flow, Meter
from kb_tests.session.point_runner import PointRunner
from kb_tests.sla.storage.judge import judge


class StorageRunner(PointRunner[StorageScenario, StoragePoint, StorageMeasurement]):
    """Runs storage points on one topology; the fixture `kb_storage`."""

    kind = StorageScenario
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
        rounds = count(1)

        def run(part: StoragePoint) -> list[StorageReport]:
            meter = _StorageMeter(part, self.progress, f"round {next(rounds)}, " if point.steady else "")
            reports = storage.run(part, self.scenario.topology, self.fleet, meter.second)
            meter.end()
            return reports

        return run_until_steady(point, run) if point.steady else measure(point, run(point))


class _StorageMeter(Meter[IoSecond]):
    """Of reads and writes."""

    unit, before = "IOPS", "ramp"

    def flow(self, report: IoSecond) -> Flow:
        """A server that was held up tells of more than a second."""
        length = max(0.1, report.end - report.begin)
        ios, size = report.read.ios + report.write.ios, report.read.bytes + report.write.bytes
        return Flow(ios / length, size / length, report.errors)
