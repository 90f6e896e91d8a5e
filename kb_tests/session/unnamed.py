"""Tests that ask for a kind of load of which no scenario was named.

One of somebody's own would silently not run; that is a mistake of usage. The suite's own tests are one for
each point of whatever scenarios there are: those of a kind that nobody named are left out, unless nothing
else is there to load.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from kb_tests.scenario.load import load
from kb_tests.scenario.shipped import shipped
from kb_tests.session.selection import Selection
from kb_tests.session.target import LOCAL
from kb_tests.session.workloads import WORKLOADS, kinds_for

_PACKAGE = Path(__file__).parents[1]


def sentences(selection: Selection, idle: Sequence[pytest.Item], *, alone: bool) -> list[str]:
    """What is wrong with the tests `idle`, of a kind that no scenario is of; a sentence a kind. `alone`: no
    other test loads a cloud.
    """
    asking: dict[str, tuple[str, bool]] = {}
    for item in idle:
        if alone or item.path.parent != _PACKAGE:
            fixtures = getattr(item, "fixturenames", ())
            for kind in sorted(kinds_for(fixtures)):
                asking.setdefault(kind, (item.nodeid.partition("[")[0], "kb_search" in fixtures))
    return [_sentence(selection, kind, test, searching=one) for kind, (test, one) in asking.items()]


def _sentence(selection: Selection, kind: str, test: str, *, searching: bool) -> str:
    named = {target.scenario.name: target for target in selection.targets}
    if same := ", ".join(name for name, target in named.items() if target.scenario.kind == kind):
        if searching:
            return f"{test} runs searches for a capacity, and {same} asks for none: that is load.capacity."
        return f"{test} runs single points, and {same} searches a capacity: that asks for kb_search."
    known = ", ".join(f"{name} is of kind {target.scenario.kind}" for name, target in named.items())
    options = [f"--kb-scenario {name}" for name in _files(selection)]
    demo = selection.clouds == (LOCAL,)
    ours = [path.stem for path in shipped() if load(path).kind == kind]
    ours.sort(key=lambda name: name.startswith("demo") != demo)
    options += [f"--kb-scenario {name}" for name in ours[:1]]
    return (
        f"{test} asks for {WORKLOADS[kind].fixture}, and no scenario of kind {kind} is named: {known}. "
        f"Name one beside it, such as {' '.join(options)}; `kb scenario list` shows those that are shipped."
    )


def _files(selection: Selection) -> list[str]:
    """How the scenarios of the selection are named on a command line."""
    ours = set(shipped())
    files = dict.fromkeys(target.file for target in selection.targets)
    return [file.stem if file in ours else str(file) for file in files]
