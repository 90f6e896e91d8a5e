"""Which points a session runs: scenarios x clouds, their test ids and their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from kb_tests.cloud.layout import apart, plan
from kb_tests.errors import ScenarioError
from kb_tests.scenario.load import load
from kb_tests.scenario.model import Scenario
from kb_tests.scenario.points import Point, expand

LOCAL = ""
"""The cloud's name when none is given: the embedded local cloud, started and stopped by the suite."""

_KIND_OF = {"kb_http": "http", "kb_storage": "storage"}
"""The kind of scenario that a fixture is for."""

_PACKAGE = Path(__file__).parents[1]
_SHIPPED = next(
    folder for folder in (_PACKAGE / "scenarios", _PACKAGE.parent / "scenarios") if folder.is_dir()
)
"""Inside of an installed package, beside it in a checkout."""


@dataclass(frozen=True)
class Target:
    """One topology to stage: a scenario on a cloud, its traffic generators on `testing_cloud` if that is
    not empty.
    """

    cloud: str
    scenario: Scenario
    file: Path
    testing_cloud: str = ""


@dataclass(frozen=True)
class Selected:
    """One point on one cloud, under the id that its test has between brackets."""

    id: str
    target: Target
    point: Point


@dataclass(frozen=True)
class Selection:
    """Everything that this session may run, in the order in which it runs."""

    clouds: tuple[str, ...]
    targets: tuple[Target, ...]
    points: tuple[Selected, ...]
    testing_cloud: str = ""

    @classmethod
    def read(cls, clouds: Sequence[str], files: Sequence[str], testing_cloud: str = "") -> Selection:
        """Read the scenario `files` (or names of shipped scenarios); raises ScenarioError."""
        names = tuple(dict.fromkeys(clouds)) or (LOCAL,)
        if testing_cloud and (len(names) > 1 or names[0] in (LOCAL, testing_cloud)):
            raise ScenarioError(
                "--kb-testing-cloud loads the cloud that --kb-cloud names: one, and another one than itself."
            )
        default = "demo-http" if names == (LOCAL,) else "http-east-west"
        paths = [find_file(file) for file in files or [default]]
        scenarios = {path: load(path) for path in paths}
        taken: dict[str, Path] = {}
        for path, scenario in scenarios.items():
            other = taken.setdefault(scenario.name, path)
            if other != path:
                raise ScenarioError(f"{path} and {other} are both named {scenario.name}; a name stands once.")
        targets = tuple(
            Target(cloud, scenario, path, testing_cloud)
            for cloud in names
            for path, scenario in scenarios.items()
        )
        if testing_cloud:
            for scenario in scenarios.values():
                apart(plan(scenario))
        return cls(
            clouds=names,
            targets=targets,
            points=tuple(
                Selected(_test_id(point.id, target.cloud, names), target, point)
                for target in targets
                for point in expand(target.scenario)
            ),
            testing_cloud=testing_cloud,
        )

    def of_nodeid(self, nodeid: str) -> Selected | None:
        """The point that the test `nodeid` runs, if it runs one."""
        found = nodeid.rpartition("[")[2].removesuffix("]")
        return next((selected for selected in self.points if selected.id == found), None)

    def cloud_of_nodeid(self, nodeid: str) -> str | None:
        """The cloud that the test `nodeid` loads; None if it loads none."""
        selected = self.of_nodeid(nodeid)
        if selected is not None:
            return selected.target.cloud
        found = nodeid.rpartition("[")[2].removesuffix("]")
        for target in self.targets:
            if found == _test_id(target.scenario.name, target.cloud, self.clouds):
                return target.cloud
        return None

    def parametrize(self, metafunc: pytest.Metafunc) -> None:
        """Give `metafunc` its points, or one topology after the other when it asks for no point."""
        if "kb_scenario" not in metafunc.fixturenames:
            return
        kinds = {kind for fixture, kind in _KIND_OF.items() if fixture in metafunc.fixturenames}
        points = [entry for entry in self.points if not kinds or entry.target.scenario.kind in kinds]
        targets = [target for target in self.targets if not kinds or target.scenario.kind in kinds]
        if "kb_point" in metafunc.fixturenames:
            metafunc.parametrize(
                ("kb_cloud", "kb_scenario", "kb_point"),
                [(entry.target.cloud, entry.target, entry.point) for entry in points],
                ids=[entry.id for entry in points],
                indirect=["kb_cloud", "kb_scenario"],
                scope="session",
            )
        else:
            metafunc.parametrize(
                ("kb_cloud", "kb_scenario"),
                [(target.cloud, target) for target in targets],
                ids=[_test_id(target.scenario.name, target.cloud, self.clouds) for target in targets],
                indirect=True,
                scope="session",
            )

    def order(self, items: list[pytest.Item]) -> list[pytest.Item]:
        """Sort tests that load a cloud behind the others, so that each topology is staged once.

        Returns the tests of a kind of which no scenario was selected, which go: pytest would show them as
        skipped.
        """
        idle = [item for item in items if _is_without_scenario(item)]
        items[:] = [item for item in items if item not in idle]
        targets = {id(target): index for index, target in enumerate(self.targets)}
        points = {entry.id: index for index, entry in enumerate(self.points)}

        def place(item: pytest.Item) -> tuple[int, int]:
            callspec = getattr(item, "callspec", None)
            target = callspec.params.get("kb_scenario") if callspec else None
            if callspec is None or target is None:
                return (-1, -1)
            return targets[id(target)], points.get(callspec.id, len(points))

        items.sort(key=place)
        return idle


def _is_without_scenario(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and not isinstance(callspec.params.get("kb_scenario", None), Target | None)


def _test_id(name: str, cloud: str, clouds: Iterable[str]) -> str:
    return name if len(tuple(clouds)) == 1 else f"{name}-{cloud}"


def find_file(file: str) -> Path:
    """A scenario's path, from that or from the name of a shipped one; ScenarioError for neither."""
    path = Path(file)
    if path.suffix or path.exists():
        return path
    shipped = _SHIPPED / f"{file}.yaml"
    if shipped.exists():
        return shipped
    names = ", ".join(sorted(path.stem for path in _SHIPPED.glob("*.yaml")))
    raise ScenarioError(f"{file} is neither a file nor a shipped scenario; those are: {names}.")
