"""Which points a session runs: scenarios x clouds, their test ids and their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kb_tests.cloud.layout import apart
from kb_tests.cloud.workloads import plan
from kb_tests.errors import ScenarioError
from kb_tests.scenario.base import Scenario
from kb_tests.scenario.load import load_all
from kb_tests.scenario.points import Point, expand
from kb_tests.scenario.settings import Setting
from kb_tests.scenario.shipped import find_file
from kb_tests.session import pairing
from kb_tests.session.hooks import check_programs
from kb_tests.session.target import LOCAL, Target
from kb_tests.session.workloads import kinds_for
from kb_tests.sla.capacity.feasible import mistakes as of_search
from kb_tests.sla.count import checks_of


@dataclass(frozen=True)
class Selected:
    """One point on one cloud, under the id that its test has between brackets."""

    id: str
    target: Target
    point: Point


@dataclass(frozen=True)
class Load:
    """What a test loads: the topology, and the point if it judges one of the selection's."""

    target: Target
    selected: Selected | None


@dataclass(frozen=True)
class Selection:
    """Everything that this session may run, in the order in which it runs. `compared`: each point is held
    against a baseline, too.
    """

    clouds: tuple[str, ...]
    targets: tuple[Target, ...]
    points: tuple[Selected, ...]
    testing_cloud: str = ""
    compared: bool = False
    paired: bool = False

    @classmethod
    def read(
        cls,
        clouds: Sequence[str],
        files: Sequence[str],
        testing_cloud: str = "",
        settings: Sequence[Setting] = (),
        *,
        paired: bool = False,
        variant: str = "",
    ) -> Selection:
        """Read the scenario `files` (or names of shipped ones), with `settings`; raises ScenarioError.

        Where they are `paired`, two clouds or the two values of a `variant` are the sides of every point.
        """
        names = tuple(dict.fromkeys(clouds)) or (LOCAL,)
        sides = pairing.sides(names, variant, paired=paired)
        names = names[:1] if paired else names
        base = tuple(settings)
        settings = (*base, *sides.settings[0])
        if testing_cloud and (len(names) > 1 or names[0] in (LOCAL, testing_cloud)):
            raise ScenarioError(
                "--kb-testing-cloud loads the cloud that --kb-cloud names: one, and another one than itself."
            )
        default = "demo-http" if names == (LOCAL,) else "http-east-west"
        paths = [find_file(file) for file in files or [default]]
        loaded = load_all(paths, settings)
        scenarios = {path: each.scenario for path, each in loaded.items()}
        taken: dict[str, Path] = {}
        for path, scenario in scenarios.items():
            other = taken.setdefault(scenario.name, path)
            if other != path:
                raise ScenarioError(f"{path} and {other} are both named {scenario.name}; a name stands once.")
        for scenario in scenarios.values():
            check_programs(scenario)
        for path, scenario in scenarios.items():
            if few := list(of_search(scenario, None)):
                raise ScenarioError("\n".join(f"{path}: {sentence}" for sentence in few))
        targets = tuple(
            Target(cloud, scenario, path, testing_cloud, loaded[path].overrides)
            for cloud in names
            for path, scenario in scenarios.items()
        )
        if testing_cloud:
            for scenario in scenarios.values():
                apart(plan(scenario))
        if paired:
            return cls._paired(targets, sides, base)
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

    @classmethod
    def _paired(
        cls, targets: Sequence[Target], sides: pairing.Sides, settings: tuple[Setting, ...]
    ) -> Selection:
        """Every target with its other side, each staged once; tests are those of A's points."""
        for target in targets:
            pairing.check(target.scenario)
        files = [target.file for target in targets]
        renamed = pairing.renamed([target.scenario.name for target in targets])
        loaded = load_all(files, (*settings, *sides.settings[1], *renamed))
        others = [
            replace(
                target,
                scenario=loaded[target.file].scenario,
                overrides=loaded[target.file].overrides,
                on=sides.cloud,
                stage=sides.stage[1],
                side=sides.names[1],
            )
            for target in targets
        ]
        mine = [
            replace(target, against=other, stage=sides.stage[0], side=sides.names[0])
            for target, other in zip(targets, others, strict=True)
        ]
        for target, other in zip(mine, others, strict=True):
            if _loads(target.scenario) != _loads(other.scenario):
                raise ScenarioError(
                    f"The sides of {target.scenario.name} differ in their points.",
                    remedy="Points are compared one by one: vary no rate, profile or scale.",
                )
            pairing.check_differ(target.scenario, other.scenario, sides)
            if other.scenario.name in {one.scenario.name for one in mine}:
                raise ScenarioError(
                    f"{other.scenario.name} is what {pairing.PAIRS} calls the other side of"
                    f" {target.scenario.name}: run them apart."
                )
        clouds = (targets[0].cloud,)
        return cls(
            clouds=clouds,
            targets=(*mine, *others),
            points=tuple(
                Selected(_test_id(point.id, target.cloud, clouds), target, point)
                for target in mine
                for point in expand(target.scenario)
            ),
            paired=True,
        )

    def _points(self, kinds: set[str], *, searches: bool) -> list[Selected]:
        """The points of some kinds (all, if empty), or the searches."""
        return [
            entry
            for entry in self.points
            if bool(entry.point.search) == searches and (not kinds or entry.target.scenario.kind in kinds)
        ]

    @property
    def places(self) -> tuple[str, ...]:
        """Every cloud that is loaded, those of other sides among them."""
        return tuple(dict.fromkeys(target.place for target in self.targets))

    def load_of(self, item: pytest.Item) -> Load | None:
        """What a test loads; None if it loads no cloud.

        The item is asked, not its id: what other plugins do to ids is their business.
        """
        callspec = getattr(item, "callspec", None)
        params = callspec.params if callspec is not None else {}
        target = next((known for known in self.targets if known is params.get("kb_scenario")), None)
        if target is None:
            return None
        point = params.get("kb_point", params.get("kb_search"))
        selected = (entry for entry in self.points if entry.target is target and entry.point is point)
        return Load(target, next(selected, None))

    def number_of_checks(self, items: Iterable[pytest.Item]) -> int:
        """How many checks a session makes that runs `items`: those of every point, deselected or not, and
        once more for each further test that judges it.
        """
        tests = Counter(id(load.selected) for item in items if (load := self.load_of(item)))
        if self.paired:
            return len(self.points)
        return sum(
            (checks_of(entry.point, entry.target.scenario.sla) + self.compared) * max(1, tests[id(entry)])
            for entry in self.points
        )

    def parametrize(self, metafunc: pytest.Metafunc) -> None:
        """Give `metafunc` its points, or one topology after the other when it asks for no point."""
        if "kb_scenario" not in metafunc.fixturenames:
            return
        kinds = kinds_for(metafunc.fixturenames)
        asked = next((name for name in ("kb_point", "kb_search") if name in metafunc.fixturenames), "")
        points = self._points(kinds, searches=asked == "kb_search")
        others = [id(target.against) for target in self.targets]
        targets = [
            target
            for target in self.targets
            if id(target) not in others and (not kinds or target.scenario.kind in kinds)
        ]
        if asked:
            metafunc.parametrize(
                ("kb_cloud", "kb_scenario", asked),
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
        points = {id(entry): index for index, entry in enumerate(self.points)}

        def place(item: pytest.Item) -> tuple[int, int]:
            load = self.load_of(item)
            return (
                (targets[id(load.target)], points.get(id(load.selected), len(points))) if load else (-1, -1)
            )

        items.sort(key=place)
        return idle


def _loads(scenario: Scenario) -> list[str]:
    """What tells the points of a scenario apart, whatever it is called."""
    return [point.id.removeprefix(point.scenario) for point in expand(scenario)]


def _is_without_scenario(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and not isinstance(callspec.params.get("kb_scenario", None), Target | None)


def _test_id(name: str, cloud: str, clouds: Iterable[str]) -> str:
    return name if len(tuple(clouds)) == 1 else f"{name}-{cloud}"
