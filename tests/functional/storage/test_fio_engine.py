"""The storage engine with a real fio: what it makes, measures, refuses and leaves behind."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kb_tests.agent.storage import engine
from kb_tests.measure.storage.merge import measure
from kb_tests.measure.storage.validity import validity
from tests.functional.storage.disk import POINT, directory, options, point, prepare, run, running_fio
from tests.waiting import eventually, tried


@pytest.fixture
def filled(tmp_path: Path) -> dict[str, Any]:
    wanted = directory(tmp_path)
    assert prepare(wanted)[0] == "disk"
    return wanted


def test_an_unfilled_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    load = engine.StorageLoad(directory(tmp_path), options(POINT))
    with pytest.raises(engine.StorageError, match=r"kb\.data is not filled: the file is not there"):
        load.prepare(time.monotonic() + 60)
    (tmp_path / "kb.data").touch()
    os.truncate(tmp_path / "kb.data", 16 << 20)
    with pytest.raises(engine.StorageError, match="nothing was ever written at byte 0 of 16777216"):
        load.prepare(time.monotonic() + 60)


def test_filling_tells_bytes_and_seconds_and_is_done_once(tmp_path: Path) -> None:
    kind, first = prepare(directory(tmp_path))
    assert (kind, first["bytes"]) == ("disk", 16 << 20)
    assert first["seconds"] > 0
    assert prepare(directory(tmp_path))[1]["bytes"] == 0


@tried()
def test_a_mix_of_70_to_30_measures_as_70_to_30(filled: dict[str, Any]) -> None:
    mix = point(mode="randrw", reads=0.7, rate=200.0, numjobs=2)
    measured = measure(mix, run(filled, [options(mix)]))
    assert not validity(mix, measured)
    assert measured.achieved == pytest.approx(1, abs=0.02)
    assert measured.iops.read / measured.iops.total == pytest.approx(0.7, abs=0.01)
    assert (measured.read.ios, measured.write.ios) == pytest.approx((420, 180), abs=8)


@tried()
def test_four_servers_of_500_iops_achieve_2000(filled: dict[str, Any]) -> None:
    four = point(clients=4, rate=500.0, duration=5.0)
    reports = run(filled, [options(four)] * 4)
    measured = measure(four, reports)
    assert not validity(four, measured)
    assert measured.iops.read == pytest.approx(2000, rel=0.01)
    assert measured.fairness == pytest.approx(1, abs=0.001)


@tried()
def test_a_frozen_fio_shows_as_a_stall_too(filled: dict[str, Any]) -> None:
    frozen = False

    def freeze(at: float, pids: list[int]) -> None:
        """For the last answer of the ramp, too: it comes late, and the window begins in time."""
        nonlocal frozen
        if frozen != (0.8 < at < 1.7 or 3.5 < at < 5.5):
            frozen = not frozen
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    longer = point(ramp=2.0, duration=5.0)
    (report,) = run(filled, [options(longer)], freeze)
    measured = measure(longer, [report])
    assert not validity(longer, measured)
    assert measured.servers[0].late == pytest.approx(0, abs=0.1)
    assert [second.index for second in report.seconds] == sorted({second.index for second in report.seconds})
    assert measured.stall == pytest.approx(2.05, abs=0.15)


@tried()
def test_a_disk_that_never_answers_is_told_as_hung_and_leaves_no_process(filled: dict[str, Any]) -> None:
    stopped: list[int] = []

    def freeze(at: float, pids: list[int]) -> None:
        if at > 2.5 and not stopped:
            stopped.extend(pids)
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)

    measured = measure(POINT, run(filled, [options(POINT, drain=1.0)], freeze))
    assert not validity(POINT, measured)
    assert measured.servers[0].hung
    assert measured.errors == 1
    assert measured.stall > 2
    assert not running_fio(filled["directory"])


def test_without_fio_the_image_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kb_tests.agent.process.find", lambda _: None)
    assert prepare(directory(tmp_path)) == ("failed", {"error": "fio is missing in the image."})


def test_what_fio_complains_of_is_told(filled: dict[str, Any]) -> None:
    wrong = point(extra=(("random_distribution", "zipf:1"),))
    (report,) = run(filled, [options(wrong)])
    assert re.match(r"fio ended after \d\.\d of 3 s: ", report.problem)
    assert "zipf" in report.problem.lower()


@pytest.mark.parametrize("begun", [False, True])
def test_an_aborted_load_leaves_nothing(filled: dict[str, Any], *, begun: bool) -> None:
    load = engine.StorageLoad(filled, options(POINT))
    load.prepare(time.monotonic() + 60)
    folder = Path(load._folder)
    load.start(time.monotonic() + 0.1)
    if begun:
        eventually(lambda: running_fio(filled["directory"]))
    load.abort()
    load.abort()
    eventually(lambda: not running_fio(filled["directory"]))
    assert not folder.exists()
