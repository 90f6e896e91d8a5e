"""Scenarios that can be run from here: the shipped ones, and those of the folder that `kb ui` was given."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path

import yaml

from kb_tests.cloud.workloads import plan
from kb_tests.errors import ScenarioError
from kb_tests.scenario import hooks, shipped
from kb_tests.scenario.load import load
from kb_tests.scenario.points import expand
from kb_tests.web.problems import Problem
from kb_tests.web.shapes.scenarios import ScenarioList, ScenarioRow, ScenarioText

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
LARGEST = 256 << 10
"""Bytes of a file that is shown or run."""

COMMANDS = hooks.KEY
"""The key of a scenario whose values are commands of this machine."""


class Scenarios:
    """By name; `own` is a folder of further files, whose names hide no shipped one."""

    def __init__(self, own: Path | None = None) -> None:
        self._own = own

    def listed(self) -> ScenarioList:
        """All of them, by name."""
        return ScenarioList(scenarios=tuple(self._row(name, path) for name, path in self._files().items()))

    def shown(self, name: str) -> ScenarioText:
        """One of them; raises Problem where there is none, or nothing can be read of it."""
        path = self.path(name)
        row = self._row(name, path)
        text = _text(path)
        if row.fault:
            return ScenarioText(row=row, text=text, point_ids=(), needs={}, digest=digest(text))
        scenario = load(path)
        return ScenarioText(
            row=row,
            text=text,
            point_ids=tuple(point.id for point in expand(scenario)),
            needs=asdict(plan(scenario).needs),
            digest=digest(text),
        )

    def path(self, name: str) -> Path:
        """The file of a scenario; raises Problem."""
        found = self._files().get(name)
        if found is None:
            raise Problem(
                HTTPStatus.NOT_FOUND, "There is no such scenario.", "GET /api/v1/scenarios lists them."
            )
        return found

    def is_shipped(self, path: Path) -> bool:
        """Whether it came with the suite, so that nobody else can have changed it."""
        return path.parent == shipped.FOLDER

    def _files(self) -> dict[str, Path]:
        own = sorted(self._own.glob("*.yaml")) if self._own else []
        found = {path.stem: path for path in own if NAME.fullmatch(path.stem)}
        return dict(sorted((found | {path.stem: path for path in shipped.shipped()}).items()))

    def _row(self, name: str, path: Path) -> ScenarioRow:
        kind = description = fault = ""
        points = servers = 0
        try:
            if holds_commands(_text(path)):
                fault = commands_refused(name)
            else:
                scenario = load(path)
                kind, description = scenario.kind, " ".join(scenario.description.split())
                points, servers = len(expand(scenario)), plan(scenario).needs.servers
        except Problem as problem:
            fault = str(problem)
        except ScenarioError as error:
            fault = str(error).replace(f"{path}:", "line ").replace(str(path), name)
        return ScenarioRow(
            name=name,
            kind=kind,
            description=description,
            points=points,
            servers=servers,
            shipped=self.is_shipped(path),
            fault=fault,
        )


def digest(text: str) -> str:
    """What tells whether a scenario is still what was shown."""
    return hashlib.sha256(text.encode()).hexdigest()


def holds_commands(text: str) -> bool:
    """Whether a scenario's text has a key whose values would be run as commands; raises Problem if it cannot
    be told.
    """
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The scenario is not valid YAML.") from error
    return isinstance(found, dict) and any(str(key).strip().lower() == COMMANDS for key in found)


def commands_refused(name: str) -> str:
    """Why a scenario is not started from here."""
    return f"{name} has {COMMANDS}, which run commands on this machine: start it from a shell."


def _text(path: Path) -> str:
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
