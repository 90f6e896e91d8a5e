"""Why the measurement of a test of one's own is not to be believed, for every kind of load."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from kb_tests.measure.http.merge import measure
from kb_tests.measure.storage.merge import measure as measure_storage
from kb_tests.session.http.runner import HttpRunner
from kb_tests.session.storage.runner import StorageRunner
from tests.unit.measure import io_reports
from tests.unit.measure.reports import POINT, SLA, facts, fleet

HTTP = cast("HttpRunner", SimpleNamespace(scenario=SimpleNamespace(sla=SLA)))
STORAGE = cast("StorageRunner", SimpleNamespace())


@pytest.mark.parametrize(
    ("reports", "doubt", "note"),
    [
        (fleet(), "", ""),
        (fleet()[:1], "1 of 2 generators are missing", ""),
        (facts(fleet(), cpu=0.95), "had no CPU to spare", ""),
        (facts(fleet(), lag_p99=0.1), "", "sent too late"),
    ],
    ids=["good", "missing", "cpu", "late"],
)
def test_of_generators(reports: Any, doubt: str, note: str) -> None:
    found = HttpRunner.doubts(HTTP, POINT, measure(POINT, reports))
    _are(found, doubt, note)


@pytest.mark.parametrize(
    ("each", "changes", "doubt", "note"),
    [
        (300, {}, "", ""),
        (300, {"blocks": 11}, "1 of 1 servers are missing", ""),
        (290, {"cpu": 0.97}, "fell behind its rate", ""),
        (300, {"waiting": 0.3}, "", "waited for a CPU"),
    ],
    ids=["good", "missing", "behind", "waited"],
)
def test_of_storage_servers(each: int, changes: dict[str, Any], doubt: str, note: str) -> None:
    report = io_reports.report(io_reports.steady_blocks(each=each), **changes)
    measured = measure_storage(io_reports.POINT, [report])
    _are(StorageRunner.doubts(STORAGE, io_reports.POINT, measured), doubt, note)


def _are(found: tuple[tuple[str, ...], tuple[str, ...]], *words: str) -> None:
    for told, expected in zip(found, words, strict=True):
        assert bool(told) == bool(expected), found
        assert expected in " ".join(told)
