"""Scenarios that can be run from here: the shipped ones, files of the folder that `kb ui` was given, and
those that were saved from the pages, in a folder of their own.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

import yaml

from kb_tests.cloud.workloads import plan
from kb_tests.errors import ScenarioError
from kb_tests.scenario import hooks, shipped
from kb_tests.scenario.base import Scenario
from kb_tests.scenario.load import load
from kb_tests.scenario.points import expand
from kb_tests.web.problems import Problem
from kb_tests.web.shapes.scenarios import ScenarioList, ScenarioRow, ScenarioText

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
LARGEST = 256 << 10
"""Bytes of a file that is shown or run."""

COMMANDS = hooks.KEY
"""The key of a scenario whose values are commands of this machine."""

Origin = Literal["shipped", "given", "saved"]


@dataclass(frozen=True)
class Place:
    """A scenario's file, and how it came to be there."""

    path: Path
    origin: Origin


@dataclass(frozen=True)
class Source:
    """A scenario as it was read: what is run is this text, whatever becomes of its file."""

    name: str
    place: Place
    text: str
    scenario: Scenario

    @property
    def digest(self) -> str:
        """What tells whether a scenario is still what was shown."""
        return digest(self.text)


class Scenarios:
    """By name. `given` is a folder of its user's files, `saved` the one that pages write to; neither hides a
    shipped one, and a saved one hides no file. Files of the user's alone may have hooks, with `allow_hooks`.
    """

    def __init__(
        self, given: Path | None = None, saved: Path | None = None, *, allow_hooks: bool = False
    ) -> None:
        self._given = given
        self.saved = saved
        self._allow_hooks = allow_hooks

    def listed(self) -> ScenarioList:
        """All of them, by name."""
        return ScenarioList(scenarios=tuple(self._row(name, place) for name, place in self.places().items()))

    def shown(self, name: str) -> ScenarioText:
        """One of them; raises Problem where there is none, or nothing can be read of it."""
        place = self.place(name)
        text = text_of(place.path)
        row = self._row(name, place)
        if row.fault:
            return ScenarioText(row=row, text=text, point_ids=(), needs={}, digest=digest(text))
        scenario = self.source(name).scenario
        return ScenarioText(
            row=row,
            text=text,
            point_ids=tuple(point.id for point in expand(scenario)),
            needs=asdict(plan(scenario).needs),
            digest=digest(text),
        )

    def source(self, name: str) -> Source:
        """One of them, to be run; raises Problem where it cannot be, or must not."""
        place = self.place(name)
        text = text_of(place.path)
        self._refuse_commands(name, place, text)
        try:
            scenario = read(text, name)
        except ScenarioError as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
        return Source(name, place, text, scenario)

    def place(self, name: str) -> Place:
        """The file of a scenario; raises Problem."""
        found = self.places().get(name)
        if found is None:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                f"There is no scenario {name} here.",
                "GET /api/v1/scenarios lists those there are; kb ui --scenarios FOLDER adds yours.",
            )
        return found

    def places(self) -> dict[str, Place]:
        """The files of all of them, by name."""
        found = dict(_in(self.saved, "saved")) | dict(_in(self._given, "given"))
        found |= {path.stem: Place(path, "shipped") for path in shipped.shipped()}
        return dict(sorted(found.items()))

    def _refuse_commands(self, name: str, place: Place, text: str) -> None:
        if holds_commands(text) and not (self._allow_hooks and place.origin == "given"):
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, commands_refused(name))

    def _row(self, name: str, place: Place) -> ScenarioRow:
        called = kind = description = fault = ""
        points = servers = 0
        try:
            scenario = self.source(name).scenario
            called, kind = scenario.name, scenario.kind
            description = " ".join(scenario.description.split())
            points, servers = len(expand(scenario)), plan(scenario).needs.servers
        except Problem as problem:
            fault = str(problem)
        except ScenarioError as error:
            fault = str(error)
        return ScenarioRow(
            name=name,
            called=called,
            kind=kind,
            description=description,
            points=points,
            servers=servers,
            shipped=place.origin == "shipped",
            origin=place.origin,
            fault=fault,
        )


def _in(folder: Path | None, origin: Origin) -> Iterator[tuple[str, Place]]:
    for path in sorted(folder.glob("*.yaml")) if folder else []:
        if NAME.fullmatch(path.stem) and path.is_file():
            yield path.stem, Place(path, origin)


def read(text: str, name: str) -> Scenario:
    """The scenario that `text` is; raises ScenarioError, a line a mistake, which begins with "line N: "."""
    with tempfile.TemporaryDirectory(prefix="kb-ui-") as folder:
        path = Path(folder) / "scenario.yaml"
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        try:
            return load(path)
        except ScenarioError as error:
            said = str(error).replace(f"{path}:", "line ").replace(str(path), name)
            raise ScenarioError(said) from None


def digest(text: str) -> str:
    """What tells whether a scenario is still what was shown."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def holds_commands(text: str) -> bool:
    """Whether a scenario's text has, anywhere, a key whose values would be run as commands; raises Problem if
    it cannot be told.
    """
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The scenario is not valid YAML.") from error
    return any(str(key).strip().lower() == COMMANDS for key in _keys(found))


def _keys(root: Any) -> Iterator[Any]:
    """Every key of every mapping, each mapping once: aliases may make a tree of a few lines endless."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Mapping | list | tuple) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Mapping):
            yield from node
            waiting.extend(node.values())
        else:
            waiting.extend(node)


def commands_refused(name: str) -> str:
    """Why a scenario is not started from here."""
    return f"{name} has {COMMANDS}, which run commands on this machine: start it from a shell."


def text_of(path: Path) -> str:
    """What stands in a scenario's file; raises Problem."""
    try:
        with path.open("rb") as file:
            found = file.read(LARGEST + 1)
        if len(found) > LARGEST:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"It is larger than {LARGEST} bytes.")
        return found.decode("utf-8")
    except OSError as error:
        raise Problem(HTTPStatus.NOT_FOUND, "The scenario cannot be read.") from error
    except UnicodeDecodeError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The scenario is not UTF-8.") from error
