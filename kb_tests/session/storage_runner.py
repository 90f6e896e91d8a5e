"""Running storage points on a staged topology."""

from __future__ import annotations

from collections import defaultdict

from kb_tests.errors import ScenarioError
from kb_tests.fleet.storage_messages import IoSecond, StorageReport
from kb_tests.load import storage
from kb_tests.measure.storage import measure
from kb_tests.measure.storage_measurement import StorageMeasurement
from kb_tests.measure.storage_rounds import run_until_steady
from kb_tests.scenario.points import StoragePoint, storage_point
from kb_tests.scenario.storage import Profile, StorageScenario
from kb_tests.scenario.units import format_size, parse_duration
from kb_tests.session.point_runner import PointRunner
from kb_tests.session.progress import Progress
from kb_tests.sla.family import look_lengths
from kb_tests.sla.storage import judge
from kb_tests.sla.verdict import Verdict


class StorageRunner(PointRunner[StorageScenario, StoragePoint, StorageMeasurement]):
    """Runs storage points on one topology; the fixture `kb_storage`."""

    kind = StorageScenario

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
        return look_lengths(point.duration, point.duration if point.steady else point.max_duration)

    def measure(self, point: StoragePoint) -> StorageMeasurement:
        """Run it."""
        meter = _Meter(point, self.progress)

        def run(part: StoragePoint) -> list[StorageReport]:
            return storage.run(part, self.scenario.topology, self.fleet, meter.second)

        measured = run_until_steady(point, run) if point.steady else measure(point, run(point))
        meter.end()
        return measured

    def judge(self, point: StoragePoint, measurement: StorageMeasurement, look: int, looks: int) -> Verdict:
        """By the scenario's SLA."""
        return judge(
            point,
            measurement,
            self.scenario.sla,
            checks=self.checks,
            look=look,
            looks=looks,
            staging=self.topology.staging.seconds,
        )


class _Meter:
    """Turns servers' seconds into a line of progress."""

    def __init__(self, point: StoragePoint, progress: Progress) -> None:
        self._point = point
        self._progress = progress
        self._servers: defaultdict[int, int] = defaultdict(int)
        self._ios: defaultdict[int, float] = defaultdict(float)
        self._bytes: defaultdict[int, float] = defaultdict(float)
        self._errors = 0

    def second(self, report: IoSecond) -> None:
        """Take one server's second; show it once all servers' are there."""
        length = max(0.1, report.end - report.begin)
        self._servers[report.index] += 1
        self._ios[report.index] += (report.read.ios + report.write.ios) / length
        self._bytes[report.index] += (report.read.bytes + report.write.bytes) / length
        self._errors += report.errors
        if self._servers[report.index] < self._point.clients:
            return
        at = report.index + 1
        time = "ramp" if at <= 0 else f"{at}/{self._point.duration:g}s"
        failed = f", {self._errors:,} failed" if self._errors else ""
        rates = f"{self._ios[report.index]:,.0f} IOPS, {format_size(self._bytes[report.index])}/s"
        self._progress.show(self._point.id, f"{self._point.id}: {time}, {rates}{failed}")

    def end(self) -> None:
        """Leave the line to what comes next."""
        self._progress.clear()
