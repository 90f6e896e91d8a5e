"""What is wrong with the text of a scenario, by line, while it is written."""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Any

from kb_tests.cloud.workloads import plan
from kb_tests.errors import ScenarioError
from kb_tests.scenario.load import keys, lines
from kb_tests.scenario.points import expand
from kb_tests.web import child
from kb_tests.web.problems import Problem
from kb_tests.web.scenarios import COMMANDS, LARGEST, holds_commands, read
from kb_tests.web.shapes.scenarios import Check, CheckRequest, TextFinding
from kb_tests.web.workloads import WORKLOADS

SECONDS = 60.0
_LINE = re.compile(r"line (\d+):? ?(.*)")
_KEY = re.compile(r"([a-z_]+(?:\.[\w.]+|\[\d+\])*): ")
_MOST = 100
_REPEATED = 4
"""Times the size of the largest text that one may come to by its aliases and still be shown in a form."""


def checked(request: CheckRequest) -> Check:
    """What `kb scenario check` says of a text, and what the scenario comes to, as far as it can be read."""
    text = request.text
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A scenario has {LARGEST} bytes at most.")
    data, known = _keys(text)
    try:
        scenario = read(text, "the scenario")
        needs = plan(scenario).needs
    except ScenarioError as error:
        return Check(findings=tuple(_mistakes(str(error))), lines=known, data=data)
    points = expand(scenario)
    face = WORKLOADS[scenario.kind]
    findings = [*_commands(text), *(_unshowable(text) if request.feasible else ())]
    return Check(
        findings=tuple(findings[:_MOST]),
        lines=known,
        name=scenario.name,
        kind=scenario.kind,
        data=data,
        points=tuple((point.id, f"{face.how(point)}: {face.load(point)}") for point in points),
        needs=asdict(needs),
        shortest=sum(point.before + point.duration for point in points),
        longest=sum(point.before + point.max_duration for point in points),
    )


def _mistakes(said: str) -> Iterator[TextFinding]:
    for sentence in said.splitlines()[:_MOST]:
        found = _LINE.fullmatch(sentence)
        yield TextFinding(
            line=int(found[1]) if found else 0,
            key=key[1] if (key := _KEY.match(found[2] if found else sentence)) else "",
            level="mistake",
            sentence=found[2] if found else sentence,
        )


def _keys(text: str) -> tuple[dict[str, Any], dict[str, int]]:
    """What a text says, as JSON, and the line of each key; nothing where it cannot be read."""
    try:
        data, known = keys(text)
        if _size(data) > _REPEATED * LARGEST:
            return {}, {}
        return {name: _plain(value) for name, value in data.items()}, known
    except (ScenarioError, UnicodeEncodeError, RecursionError):
        return {}, {}


def _size(value: object) -> int:
    """Characters of all texts; what an alias repeats counts each time, as it would in an answer."""
    if isinstance(value, Mapping):
        return sum(_size(key) + _size(each) for key, each in value.items())
    return sum(map(_size, value)) if isinstance(value, list) else len(_text(value))


def _plain(value: object) -> Any:
    """A value of YAML as JSON; a date and the like are texts there."""
    if isinstance(value, Mapping):
        return {_text(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return _text(value)


def _text(value: object) -> str:
    return str(value).encode("utf-8", "replace").decode()


def _commands(text: str) -> Iterator[TextFinding]:
    if holds_commands(text):
        yield TextFinding(
            line=lines(text).get(COMMANDS, 0),
            level="mistake",
            sentence=f"{COMMANDS} run commands on this machine: such a scenario is kept in a file of your "
            "own, and started from a shell.",
        )


def _unshowable(text: str) -> Iterator[TextFinding]:
    """Limits that no result could show to be kept; a child finds them, since that takes statistics."""
    with tempfile.TemporaryDirectory(prefix="kb-ui-") as folder:
        path = Path(folder) / "scenario.yaml"
        path.write_text(text, encoding="utf-8")
        answered = child.ask("scenario", "check", "--json", str(path), seconds=SECONDS)
    try:
        found = json.loads(answered.output.splitlines()[-1])["mistakes"]
        said = [str(sentence) for sentence in found]
    except (ValueError, KeyError, IndexError, TypeError):
        raise Problem(HTTPStatus.INTERNAL_SERVER_ERROR, answered.complaint) from None
    known = lines(text)
    for sentence in said:
        key = _KEY.match(sentence)
        name = key[1] if key else ""
        yield TextFinding(line=known.get(name, 0), key=name, level="cannot_tell", sentence=sentence)
