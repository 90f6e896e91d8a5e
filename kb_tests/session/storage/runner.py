"""Running storage points on a staged topology."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from kb_tests.errors import ScenarioError
from kb_tests.fleet.storage.messages import IoSecond, StorageReport
from kb_tests.load import storage
from kb_tests.measure.recovery import Slot
from kb_tests.measure.storage.measurement import StorageMeasurement
from kb_tests.measure.storage.merge import measure
from kb_tests.measure.storage.slots import slots
from kb_tests.measure.storage.validity import fell_behind, validity, waited
from kb_tests.scenario.mistakes import found
from kb_tests.scenario.own import number_of_clients, with_load, with_search
from kb_tests.scenario.storage import StoragePoint, StorageScenario, storage_point, storage_points
from kb_tests.session.found import Found
from kb_tests.session.point_runner import PointRunner
from kb_tests.session.seconds import Part
from kb_tests.session.sentences import in_one_sentence
from kb_tests.session.storage.steady import run_until_steady
from kb_tests.session.storage.verifying import VerifyMeter

_RUN = "kb_storage.run"
_SEARCH = "kb_storage.capacity"


class StorageRunner(PointRunner[StorageScenario, StoragePoint, StorageMeasurement]):
    """Runs storage points on one topology; the fixture `kb_storage`."""

    kind = "storage"
    unit = "IOPS"

    def run(
        self,
        profile: str | Mapping[str, object],
        *,
        clients: int | None = None,
        duration: str | None = None,
        allow_invalid: bool = False,
    ) -> StorageMeasurement:
        """Measure one load of a test's own: a profile of the scenario, by name, or one as in its file.

        What is not given is as in the scenario. The record keeps the measurement; judging it is the test's
        job. A measurement that is not to be believed fails the test, unless it says `allow_invalid`.
        """
        __tracebackhide__ = True
        load: dict[str, object] = {}
        if duration is not None:
            load = {"duration": duration, "max_duration": None, "steady": False}
        with in_one_sentence():
            load["profiles"] = [wanted := self._profile(profile)]
            if wanted.get("mode") in ("read", "randread"):
                load["verify"] = False
            scenario = with_load(self.scenario, load, _RUN)
            number = number_of_clients(clients, self.servers(), scenario.name, _RUN)
            point = storage_point(scenario, number, scenario.load.profiles[0])
        return self.run_own(point, allow_invalid=allow_invalid)[1]

    def capacity(
        self,
        profile: str | Mapping[str, object],
        *,
        from_: float,
        to: float,
        of: str = "rate_iops",
        clients: int | None = None,
        step: str = "25%",
        width: str = "5%",
        probe: str = "30s",
        budget: str = "30min",
        allow_invalid: bool = False,
    ) -> Found:
        """Search how much load of a profile keeps the limits of the scenario's SLA, with arguments as in
        `load.capacity`; the profile is the scenario's, by name, or one as in its file.

        `from_` and `to` are per server, what is found is of all `clients` of them together, at the confidence
        of the SLA for this search alone. A search that ends by the instruments fails the test, unless it says
        `allow_invalid`.
        """
        __tracebackhide__ = True
        asked = {"of": of, "from": from_, "to": to}
        asked |= {"step": step, "width": width, "probe": probe, "budget": budget}
        with in_one_sentence():
            searched = ("rate", "rate_iops") if of == "rate_iops" else (of,)
            wanted = {key: value for key, value in self._profile(profile).items() if key not in searched}
            scenario = with_search(self.scenario, asked, {"profiles": [wanted]}, _SEARCH)
            number = number_of_clients(clients, self.servers(), scenario.name, _SEARCH)
            (point,) = storage_points(scenario, number)
        return self.search_own(scenario, point, allow_invalid=allow_invalid)

    def _profile(self, profile: object) -> Mapping[str, object]:
        """A profile as a scenario file has it."""
        if isinstance(profile, Mapping):
            return profile
        for known in self.scenario.load.profiles:
            if profile in (known.name, known.key):
                return known.model_dump(mode="json", exclude_none=True)
        names = ", ".join(known.name for known in self.scenario.load.profiles)
        raise ScenarioError(f"{_RUN}: profile: found {found(profile)}; the scenario has {names}.")

    def doubts(
        self, point: StoragePoint, measurement: StorageMeasurement
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """A server whose fio waited for a CPU, but made all of its load, makes its disk look slower only."""
        reasons = validity(point, measurement) + fell_behind(point, measurement)
        return reasons, waited(point, measurement)

    def lengths(self, point: StoragePoint) -> tuple[float, ...]:
        """One look at a point that runs until it is steady."""
        return (point.duration,) if point.steady else super().lengths(point)

    def slots(self, point: StoragePoint, measurement: StorageMeasurement) -> Sequence[Slot]:  # noqa: ARG002
        """By the seconds in which I/Os were due."""
        return tuple(slots(measurement))

    def measure(self, point: StoragePoint) -> StorageMeasurement:
        """Run it."""
        by_direction = {
            name: {check: limit for check, limit in self.limits().items() if check.startswith(f"{name} ")}
            for name in ("read", "write")
        }
        names = {name: tuple(limits) for name, limits in by_direction.items()}

        def run(part: StoragePoint) -> list[StorageReport]:
            seconds = self.seconds(part, part.ramp, storage.DRAIN)
            meter = VerifyMeter(self.progress)
            reports = storage.run(
                part,
                self.scenario.topology,
                self.fleet,
                lambda report: seconds.add(_part(report, names)),
                meter.take,
                {name: tuple(limits.values()) for name, limits in by_direction.items()},
            )
            seconds.end()
            self.progress.clear()
            return reports

        return run_until_steady(point, run) if point.steady else measure(point, run(point))

    def limits(self) -> dict[str, float]:
        """Of reads and writes."""
        sla = self.scenario.sla
        return {
            f"{name} {what} p{percent:g}": limit
            for rate in (1.0, 0.0)
            for (name, what), limits in sla.times(rate).items()
            for percent, limit in limits.limits().items()
        }


def _part(report: IoSecond, limits: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Part:
    """`limits` are the names of those that its reads and writes are counted by."""
    slower: dict[str, int] = {}
    for name, part in (("read", report.read), ("write", report.write)):
        slower |= zip(limits.get(name, ()), part.slower, strict=False)
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
        slower=slower,
        lag=report.lag,
        cpu=report.cpu,
    )
