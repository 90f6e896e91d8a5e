"""What is said of tests that ask for a load which no scenario named has."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kb_tests.session.selection import Selection
from kb_tests.session.unnamed import sentences

PLAIN = """
name: mine
kind: http
topology: {servers_per_network: 1}
load: {rate: [400], connections: 10}
sla: {latency: {p99: 50ms}}
"""
SEARCH = PLAIN.replace("rate: [400]", "capacity: {of: rate, from: 400, to: 4000}")


def said(folder: Path, text: str, *fixtures: str) -> str:
    file = folder / "mine.yaml"
    file.write_text(text)
    item = SimpleNamespace(
        path=folder / "test_it.py", nodeid="test_it.py::test_it[NOTSET]", fixturenames=fixtures
    )
    (sentence,) = sentences(Selection.read(["west-1"], [str(file)]), [cast("Any", item)], alone=True)
    return sentence


@pytest.mark.parametrize(
    ("text", "fixtures", "told"),
    [
        (SEARCH, ("kb_http", "kb_point"), "runs single points, and mine searches a capacity"),
        (PLAIN, ("kb_http", "kb_search"), "runs searches for a capacity, and mine asks for none"),
        (PLAIN, ("kb_storage", "kb_point"), "asks for kb_storage, and no scenario of kind storage is named"),
    ],
    ids=["a search alone", "no search", "another kind"],
)
def test_it_says_what_the_scenarios_that_are_named_lack(
    tmp_path: Path, text: str, fixtures: tuple[str, ...], told: str
) -> None:
    assert told in said(tmp_path, text, *fixtures)
