"""Reading scenario files: safe YAML; an error names file, line, key, what was found and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kb_tests.errors import ScenarioError
from kb_tests.scenario.base import Scenario
from kb_tests.scenario.mistakes import Key, dotted, found, sentence
from kb_tests.scenario.workloads import WORKLOADS

Lines = dict[tuple[Key, ...], int]

MAX_FILE = 1 << 20
"""Bytes of a scenario file; a larger one is something else."""

MAX_KEYS = 10_000
"""Keys and items of a scenario, aliases followed; more is an attempt to exhaust memory."""


def load(path: Path) -> Scenario:
    """The scenario in the YAML file at `path`; raises ScenarioError, one line for every mistake."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}.") from error
    if len(text) > MAX_FILE:
        raise ScenarioError(f"{path}: is larger than {MAX_FILE} bytes, so it is no scenario.")
    data, lines = _parse(path, text)
    if not isinstance(data, Mapping):
        raise ScenarioError(
            f"{path}:1: found {found(data)}; a scenario is a mapping with name, kind, load, sla."
        )
    model = _model(path, lines, data)
    try:
        scenario: Any = model.model_validate(data)
        return cast("Scenario", scenario)
    except ValidationError as error:
        mistakes = [_sentence(path, lines, model, detail) for detail in error.errors(include_url=False)]
        raise ScenarioError("\n".join(mistakes)) from None


def _model(path: Path, lines: Lines, data: Mapping[str, Any]) -> type[BaseModel]:
    if "kind" not in data:
        raise ScenarioError(f"{path}:{lines[()]}: kind is missing; allowed: {', '.join(WORKLOADS)}.")
    kind = data["kind"]
    if not isinstance(kind, str) or kind not in WORKLOADS:
        raise ScenarioError(
            f"{path}:{lines['kind',]}: kind: found {found(kind)}; allowed here: {', '.join(WORKLOADS)}."
        )
    return WORKLOADS[kind].scenario


def _parse(path: Path, text: bytes) -> tuple[Any, Lines]:
    try:
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            if root is None:
                return None, {}
            lines: Lines = {(): root.start_mark.line + 1}
            _locate(path, root, (), lines)
            return loader.construct_document(root), lines
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ScenarioError(f"{where}: is not valid YAML: {error.problem or error.context}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ScenarioError(f"{path}: is not valid YAML: {error}.") from error


def _locate(path: Path, node: yaml.Node, place: tuple[Key, ...], lines: Lines) -> None:
    """Note the line of every key below `node`; refuse what YAML would silently resolve."""
    if len(lines) > MAX_KEYS:
        raise ScenarioError(f"{path}: holds more than {MAX_KEYS} keys, so it is no scenario.")
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise ScenarioError(f"{path}:{line}: a key has to be plain text.")
            below = (*place, key.value)
            if below in lines:
                raise ScenarioError(f"{path}:{line}: {dotted(below)} stands here a second time.")
            lines[below] = line
            _locate(path, value, below, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            below = (*place, index)
            lines[below] = value.start_mark.line + 1
            _locate(path, value, below, lines)


def _sentence(path: Path, lines: Lines, model: type[BaseModel], detail: ErrorDetails) -> str:
    known = tuple(detail["loc"])
    while known not in lines:
        known = known[:-1]
    return f"{path}:{lines[known]}: {sentence(model, detail)}"
