"""What an xdist worker tells the controller: what each test loads, and what happened.

xdist carries the ids of a worker's tests, and test reports. What a test loads stands behind its id on the
way, so that nobody has to read it from the id, which any plugin may change. What happened stands in the next
report.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any, cast

import pytest

from kb_tests.session.keys import UNNAMED
from kb_tests.session.outbox import Outbox
from kb_tests.session.selection import Load, Selection

_SEPARATOR = "\0"
"""No id holds one: pytest escapes it."""

_REFUSAL = _SEPARATOR * 2


class Courier:
    """Registered as a plugin in every worker."""

    def __init__(self, selection: Selection, outbox: Outbox) -> None:
        self._selection = selection
        self._outbox = outbox

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> Generator[None]:
        """Let xdist send what each test loads behind the test's id."""
        items = session.items
        labelled = [cast("pytest.Item", _Labelled(item, self._selection)) for item in items]
        said = session.config.stash.get(UNNAMED, [])
        session.items = labelled + [cast("pytest.Item", _Refusal(sentence)) for sentence in said]
        try:
            yield
        finally:
            session.items = items

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Let what happened travel with the report. One that a plugin keeps to itself takes nothing along."""
        vars(report)["kb_events"] = self._outbox.drain()


class _Refusal:
    """In place of an item behind all others: why the session cannot run."""

    def __init__(self, sentence: str) -> None:
        self.nodeid = _REFUSAL + sentence


class _Labelled:
    """An item under an id that says what it loads; in all else the item itself."""

    def __init__(self, item: pytest.Item, selection: Selection) -> None:
        self._item = item
        self.nodeid = item.nodeid + _label(selection, selection.load_of(item))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._item, name)


def _label(selection: Selection, load: Load | None) -> str:
    if load is None:
        return ""
    target = next(index for index, known in enumerate(selection.targets) if known is load.target)
    points = (index for index, known in enumerate(selection.points) if known is load.selected)
    return f"{_SEPARATOR}{target}{_SEPARATOR}{next(points, -1)}"


def refusals(labelled: Iterable[str]) -> list[str]:
    """Why the session cannot run, as a worker says."""
    return [text.removeprefix(_REFUSAL) for text in labelled if text.startswith(_REFUSAL)]


def unpacked(selection: Selection, labelled: Iterable[str]) -> tuple[list[str], dict[str, Load]]:
    """Ids of a worker's tests as they are, and what those load that load a cloud."""
    ids: list[str] = []
    loads: dict[str, Load] = {}
    for text in labelled:
        if text.startswith(_REFUSAL):
            continue
        nodeid, *places = text.split(_SEPARATOR)
        ids.append(nodeid)
        if places:
            loads[nodeid] = _load(selection, [int(place) for place in places])
    return ids, loads


def _load(selection: Selection, places: Sequence[int]) -> Load:
    target, point = places
    return Load(selection.targets[target], selection.points[point] if point >= 0 else None)
