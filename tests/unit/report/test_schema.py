"""The published schema of records says what we write."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kb_tests.cli import main
from kb_tests.report.schema import schema
from tests.unit.report import build


def names(part: Any) -> set[str]:
    """The keys of all objects that a schema describes."""
    if isinstance(part, list):
        return set().union(*map(names, part))
    if not isinstance(part, dict):
        return set()
    return set(part.get("properties", {})).union(*map(names, part.values()))


def test_every_key_that_we_write_is_in_it() -> None:
    written = json.loads(build.run([build.judged()]).model_dump_json())
    known = names(schema())
    point = written["points"][0]
    for part in (written, point, point["verdict"], point["measurement"], point["measurement"]["agents"][0]):
        assert part.keys() <= known
    assert schema()["properties"]["schema_version"]["const"] == 2


def test_a_number_may_be_the_word_for_one_that_json_has_not() -> None:
    check = schema()["$defs"]["Check"]["properties"]["value"]
    assert check["anyOf"] == [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "record"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()
