"""Reading scenario files: safe YAML; an error names file, line, key, what was found and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kb_tests.errors import ScenarioError
from kb_tests.scenario.base import Scenario
from kb_tests.scenario.mistakes import Key, dotted, found, sentence
from kb_tests.scenario.settings import Read, Setting, applied, dealt, resolved
from kb_tests.scenario.workloads import WORKLOADS

Places = dict[tuple[Key, ...], str]
"""Where each key stands, as an error names it: file and line, or an option of the command line."""

MAX_FILE = 1 << 20
"""Bytes of a scenario file; a larger one is something else."""

MAX_KEYS = 10_000
"""Keys and items of a scenario, aliases followed; more is an attempt to exhaust memory."""

MAX_KEY, MAX_DEPTH = 100, 20
"""Characters of a key, and keys and items within one another, at most: a mistake begins with as many."""


@dataclass(frozen=True)
class Loaded:
    """A scenario, and what a command line has set in it, as it was typed."""

    scenario: Scenario
    overrides: tuple[str, ...] = ()


def load(path: Path, settings: Sequence[Setting] = ()) -> Scenario:
    """The scenario in the YAML file at `path`, with `settings`; raises ScenarioError, one line for every
    mistake.
    """
    return load_all([path], settings)[path].scenario


def load_all(paths: Sequence[Path], settings: Sequence[Setting] = ()) -> dict[Path, Loaded]:
    """The scenarios in several files, each with those `settings` that hold for it; raises ScenarioError."""
    if not settings:
        return {path: Loaded(_validated(*_read(path))) for path in paths}
    files = {path: _read(path) for path in paths}
    read = [Read(data, _model(places, data)) for path, (data, places) in files.items()]
    return {
        path: _with(*file, mine)
        for (path, file), mine in zip(files.items(), dealt(settings, read), strict=True)
    }


def lines(text: str) -> dict[str, int]:
    """The line of each key of a scenario's text, as in errors ("load.rate[0]"); raises ScenarioError."""
    _, places = _parse(Path(), text.encode())
    return {dotted(place): int(where.rpartition(":")[2]) for place, where in places.items()}


def keys(text: str) -> tuple[Mapping[str, Any], dict[str, int]]:
    """The keys that a text sets, right or wrong, and the line of each as `lines` tells it: none where it is
    no mapping; raises ScenarioError for what is no YAML of one document.
    """
    data, places = _parse(Path(), text.encode())
    known = {dotted(place): int(where.rpartition(":")[2]) for place, where in places.items()}
    return (data, known) if isinstance(data, Mapping) else ({}, known)


def _with(data: Mapping[str, Any], places: Places, settings: Sequence[Setting]) -> Loaded:
    made = applied(data, settings)
    for setting in settings:
        _note(resolved(made, setting), setting, places)
    return Loaded(_validated(made, places), tuple(setting.text for setting in settings))


def _note(place: tuple[Key, ...], setting: Setting, places: Places) -> None:
    """Let mistakes at a place that was set, and below it, be those of the option."""
    for depth in range(len(place)):
        places.setdefault(place[:depth], setting.where)
    for known in [known for known in places if known[: len(place)] == place]:
        del places[known]
    places[place] = setting.where


def _read(path: Path) -> tuple[Mapping[str, Any], Places]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}.") from error
    if len(text) > MAX_FILE:
        raise ScenarioError(f"{path}: is larger than {MAX_FILE} bytes, so it is no scenario.")
    data, places = _parse(path, text)
    if data is None:
        raise ScenarioError(f"{path}:1: is empty; a scenario is a mapping with name, kind, load, sla.")
    if not isinstance(data, Mapping):
        raise ScenarioError(
            f"{path}:1: found {found(data)}; a scenario is a mapping with name, kind, load, sla."
        )
    return data, places


def _validated(data: Mapping[str, Any], places: Places) -> Scenario:
    model = _model(places, data)
    try:
        scenario: Any = model.model_validate(data)
        return cast("Scenario", scenario)
    except ValidationError as error:
        mistakes = [_sentence(places, model, detail) for detail in error.errors(include_url=False)]
        raise ScenarioError("\n".join(mistakes)) from None


def _model(places: Places, data: Mapping[str, Any]) -> type[BaseModel]:
    if "kind" not in data:
        raise ScenarioError(f"{places[()]}: kind is missing; allowed: {', '.join(WORKLOADS)}.")
    kind = data["kind"]
    if not isinstance(kind, str) or kind not in WORKLOADS:
        raise ScenarioError(
            f"{places['kind',]}: kind: found {found(kind)}; allowed here: {', '.join(WORKLOADS)}."
        )
    return WORKLOADS[kind].scenario


def _parse(path: Path, text: bytes) -> tuple[Any, Places]:
    try:
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            if root is None:
                return None, {}
            places: Places = {(): f"{path}:{root.start_mark.line + 1}"}
            _locate(path, root, (), places)
            return loader.construct_document(root), places
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ScenarioError(f"{where}: is not valid YAML: {error.problem or error.context}.") from error
    except (yaml.reader.ReaderError, UnicodeError) as error:
        raise ScenarioError(f"{path}: is not valid YAML: it is no text.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ScenarioError(f"{path}: is not valid YAML: {error}.") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise ScenarioError(f"{path}: is not valid YAML: a value is not what its tag says.") from error


def _locate(path: Path, node: yaml.Node, place: tuple[Key, ...], places: Places) -> None:
    """Note the line of every key below `node`; refuse what YAML would silently resolve."""
    if len(places) > MAX_KEYS:
        raise ScenarioError(f"{path}: holds more than {MAX_KEYS} keys, so it is no scenario.")
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise ScenarioError(f"{path}:{line}: a key has to be plain text.")
            below = (*place, key.value)
            if len(key.value) > MAX_KEY or len(below) > MAX_DEPTH:
                raise ScenarioError(f"{path}:{line}: a key is too long or too deep for a scenario.")
            if below in places:
                raise ScenarioError(f"{path}:{line}: {dotted(below)} stands here a second time.")
            places[below] = f"{path}:{line}"
            _locate(path, value, below, places)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            below = (*place, index)
            if len(below) > MAX_DEPTH:
                raise ScenarioError(f"{path}:{value.start_mark.line + 1}: a list is too deep for a scenario.")
            places[below] = f"{path}:{value.start_mark.line + 1}"
            _locate(path, value, below, places)


def _sentence(places: Places, model: type[BaseModel], detail: ErrorDetails) -> str:
    known = tuple(detail["loc"])
    while known not in places:
        known = known[:-1]
    said = sentence(model, detail)
    if known == ():  # of the whole file, whose sentences begin with the place that they are about
        known = max((place for place in places if _is_of(said, place)), key=len, default=())
    return f"{places[known]}: {said}"


def _is_of(said: str, place: tuple[Key, ...]) -> bool:
    return bool(place) and said.partition(" ")[0] == dotted(place)
