"""Nothing that stands where fio should be makes a storage point pass, nor ends in a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kb_tests.measure.storage.merge import measure
from kb_tests.measure.storage.validity import validity
from kb_tests.scenario.storage import StorageSla
from kb_tests.sla.storage.judge import judge
from kb_tests.sla.verdict import Outcome
from tests.functional.storage import false_fio
from tests.functional.storage.disk import directory, options, point, prepare, run

pytestmark = pytest.mark.nightly

POINT = point(duration=6.0, max_duration=6.0)
SLA = StorageSla.model_validate({"read_latency": {"p50": "2s"}, "achieved": "50%", "errors": "10%"})
"""As generous as it may be."""


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("nothing", "fio ended after 0.0 of 6 s"),
        ("ends early", "fio ended after"),
        ("no job", "has an unknown shape"),
        ("two jobs", "has an unknown shape"),
        ("no numbers", "has an unknown shape"),
        ("backwards", "went backwards"),
        ("writes", "of which fio counts 0"),
        ("foreign bins", "1000 ns is none of fio's latency bins"),
        ("more times than I/Os", "of which fio counts"),
        ("too many I/Os", "I/Os where the rate allows"),
        ("another clock", "clock"),
        ("no log", "log cannot be read"),
        ("garbage in its log", "log cannot be read"),
        ("a log of more I/Os", "of which fio counts"),
    ],
)
def test_a_fio_that_is_none_makes_the_point_invalid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, told: str
) -> None:
    verdict, reasons = judged(tmp_path, monkeypatch, how)
    assert verdict is Outcome.INVALID, reasons
    assert told in reasons
    assert "Traceback" not in reasons


@pytest.mark.parametrize("how", ["no I/O", "half of it", "never ends"])
def test_a_disk_that_does_nothing_is_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    verdict, reasons = judged(tmp_path, monkeypatch, how)
    assert verdict is Outcome.FAIL, reasons


@pytest.mark.parametrize("how", ["nothing else", "chatters"])
def test_what_is_as_fio_is_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    verdict, reasons = judged(tmp_path, monkeypatch, how)
    assert verdict is Outcome.PASS, reasons


def judged(folder: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> tuple[Outcome, str]:
    """What comes of a point whose fio is wrong in this way, and why."""
    target = directory(folder)
    assert prepare(target)[0] == "disk"
    program = folder / "fio"
    subprocess.run([sys.executable, false_fio.__file__, program, how], check=True)
    monkeypatch.setattr("kb_tests.agent.process.find", lambda _: str(program))
    measured = measure(POINT, run(target, [options(POINT)]))
    verdict = judge(POINT, measured, SLA, checks=1)
    return verdict.outcome, " ".join(
        (*verdict.reasons, *validity(POINT, measured), *map(str, verdict.checks))
    )
