"""The storage engine with a real fio: what it makes, measures, refuses and leaves behind."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kb_tests.agent.storage import engine, fill, target
from kb_tests.measure.storage import measure
from kb_tests.measure.storage_validity import validity
from kb_tests.scenario.points import StoragePoint
from tests.functional.storage.disk import (
    VOLUME,
    Throttle,
    directory,
    loop_device,
    options,
    prepare,
    run,
    running_fio,
    volume,
)

POINT = StoragePoint(
    id="disk-clients-1-random-read",
    scenario="disk",
    clients=1,
    profile="random read",
    mode="randread",
    block_size=4096,
    iodepth=4,
    numjobs=1,
    reads=1.0,
    rate=100.0,
    unit="iops",
    extra=(),
    ramp=1.0,
    duration=3.0,
    max_duration=3.0,
    steady=False,
)


def point(**changes: Any) -> StoragePoint:
    return dataclasses.replace(POINT, **changes)


@pytest.fixture
def filled(tmp_path: Path) -> dict[str, Any]:
    wanted = directory(tmp_path)
    assert prepare(wanted)[0] == "disk"
    return wanted


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A loop device that appears as the volume VOLUME."""
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    monkeypatch.setattr(target, "BY_ID", str(by_id))
    monkeypatch.setattr(target, "WORK", str(tmp_path / "work"))
    with loop_device(tmp_path, 512 << 20) as (path, backing):
        (by_id / f"virtio-{VOLUME[:20]}").symlink_to(path)
        yield path, backing
        subprocess.run(["umount", str(tmp_path / "work" / VOLUME[:8])], check=False, capture_output=True)
        fill.FILLED.pop(VOLUME, None)


def test_an_unfilled_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    load = engine.StorageLoad(directory(tmp_path), options(POINT))
    with pytest.raises(engine.StorageError, match=r"kb\.data is not filled: the file is not there"):
        load.prepare(time.monotonic() + 10)
    (tmp_path / "kb.data").touch()
    os.truncate(tmp_path / "kb.data", 16 << 20)
    with pytest.raises(engine.StorageError, match="nothing was ever written at byte 0 of 16777216"):
        load.prepare(time.monotonic() + 10)


def test_filling_tells_bytes_and_seconds_and_is_done_once(tmp_path: Path) -> None:
    kind, first = prepare(directory(tmp_path))
    assert (kind, first["bytes"]) == ("disk", 16 << 20)
    assert first["seconds"] > 0
    assert prepare(directory(tmp_path))[1]["bytes"] == 0


def test_a_mix_of_70_to_30_measures_as_70_to_30(filled: dict[str, Any]) -> None:
    mix = point(mode="randrw", reads=0.7, rate=200.0, numjobs=2)
    measured = measure(mix, run(filled, [options(mix)]))
    assert not validity(mix, measured)
    assert measured.achieved == pytest.approx(1, abs=0.02)
    assert measured.iops.read / measured.iops.total == pytest.approx(0.7, abs=0.01)
    assert (measured.read.ios, measured.write.ios) == pytest.approx((420, 180), abs=8)


def test_four_servers_of_500_iops_achieve_2000(filled: dict[str, Any]) -> None:
    four = point(clients=4, rate=500.0, duration=5.0)
    reports = run(filled, [options(four)] * 4)
    measured = measure(four, reports)
    assert not validity(four, measured)
    assert measured.iops.read == pytest.approx(2000, rel=0.01)
    assert measured.fairness == pytest.approx(1, abs=0.001)


@pytest.mark.skipif(
    not (Throttle.ROOT / "blkio.throttle.read_bps_device").exists()
    and not (Throttle.ROOT / "blkio.throttle.io_serviced").exists(),
    reason="freezing a disk needs the blkio controller of cgroup v1",
)
def test_a_frozen_disk_shows_as_stall_and_in_the_corrected_latency(device: tuple[str, Path]) -> None:
    wanted = volume(512 << 20)
    assert prepare(wanted)[0] == "disk"
    longer = point(duration=6.0)
    with Throttle(device[0]) as throttle:
        begun: list[float] = []

        def freeze(at: float, pids: list[int]) -> None:
            if at > 2.5 and not begun:
                throttle.hold(pids)
                begun.append(at)
            if begun and at > begun[0] + 2:
                throttle.limit(0)

        measured = measure(longer, run(wanted, [options(longer)], freeze))
    assert not validity(longer, measured)
    assert measured.achieved == pytest.approx(1, abs=0.05)
    assert measured.stall == pytest.approx(2.05, abs=0.15)
    assert measured.read.service.percentile(99) < 0.2
    assert measured.read.response.percentile(99) == pytest.approx(1.95, abs=0.15)
    assert measured.read.response.count == pytest.approx(600, abs=30)


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
    assert not running_fio()


def test_io_errors_are_counted_and_the_run_goes_on(device: tuple[str, Path]) -> None:
    wanted = volume(512 << 20)
    assert prepare(wanted)[0] == "disk"

    def shorten(at: float, _: list[int]) -> None:
        if at > 2.5:
            os.truncate(device[1], 8 << 20)

    measured = measure(POINT, run(wanted, [options(POINT)], shorten))
    assert measured.servers
    assert measured.errors > 10
    assert measured.read.ios > 100


def test_a_raw_volume_is_filled_and_loaded_and_somebody_else_s_is_not(device: tuple[str, Path]) -> None:
    wanted = volume(512 << 20)
    load = engine.StorageLoad(wanted, options(POINT))
    with pytest.raises(engine.StorageError, match="only 0 of 16777216 bytes were written before"):
        load.prepare(time.monotonic() + 10)
    kind, done = prepare(wanted)
    assert (kind, done["path"]) == ("disk", device[0])
    measured = measure(POINT, run(wanted, [options(POINT)]))
    assert not validity(POINT, measured)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-L", "precious", device[0]], check=True)
    kind, failed = prepare(wanted)
    assert kind == "failed"
    assert "not ours to overwrite: it holds ext4 (precious)" in failed["error"]
    kind, failed = prepare(volume(512 << 20, file_system="ext4"))
    assert "not ours to format: it holds ext4 (precious)" in failed["error"]
    label = subprocess.run(["blkid", "-p", device[0]], check=True, capture_output=True, text=True).stdout
    assert "precious" in label


@pytest.mark.parametrize("file_system", ["xfs", "ext4"])
def test_a_file_on_a_volume_of_our_own_making(device: tuple[str, Path], file_system: str) -> None:
    wanted = volume(512 << 20, file_system=file_system)
    kind, done = prepare(wanted)
    assert kind == "disk", done
    assert done["path"] == f"{target.WORK}/{VOLUME[:8]}/kb.data"
    assert prepare(wanted)[1]["bytes"] == 0
    short = point(duration=1.0)
    assert not validity(short, measure(short, run(wanted, [options(short)])))


def test_a_volume_that_appears_late_is_waited_for(
    device: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    link = Path(target.BY_ID) / f"virtio-{VOLUME[:20]}"
    link.rename(link.with_name("late"))
    preparation = engine.Preparation(volume(512 << 20))
    preparation.start()
    time.sleep(0.7)
    assert preparation.events() == []
    link.with_name("late").rename(link)
    deadline = time.monotonic() + 20
    events = preparation.events()
    while (not events or events[-1][0] == "filling") and time.monotonic() < deadline:
        time.sleep(0.05)
        events += preparation.events()
    assert [kind for kind, _ in events] == ["filling", "disk"]
    assert events[0][1]["bytes"] == events[1][1]["bytes"] == 16 << 20
    monkeypatch.setattr(engine, "HOTPLUG", 0.0)
    link.unlink()
    assert "No device of this server carries the volume" in prepare(volume(512 << 20))[1]["error"]


def test_a_full_disk_is_refused_with_its_numbers(device: tuple[str, Path]) -> None:
    kind, failed = prepare(volume(512 << 20, used=511 << 20, file_system="ext4"))
    assert kind == "failed"
    assert "bytes free, a file of 535822336 bytes does not fit" in failed["error"]


def test_without_fio_the_image_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kb_tests.agent.process.find", lambda _: None)
    assert prepare(directory(tmp_path)) == ("failed", {"error": "fio is missing in the image."})


def test_what_fio_complains_of_is_told(filled: dict[str, Any]) -> None:
    wrong = point(extra=(("random_distribution", "zipf:1"),))
    (report,) = run(filled, [options(wrong)])
    assert report.problem.startswith("fio ended after 0.0 of 3 s: ")
    assert "zipf" in report.problem.lower()


@pytest.mark.parametrize("after", [0.0, 1.5])
def test_an_aborted_load_leaves_nothing(filled: dict[str, Any], after: float) -> None:
    load = engine.StorageLoad(filled, options(POINT))
    load.prepare(time.monotonic() + 10)
    folder = Path(load._folder)
    load.start(time.monotonic() + 0.1)
    time.sleep(after)
    assert bool(running_fio()) == bool(after)
    load.abort()
    load.abort()
    deadline = time.monotonic() + 2
    while running_fio() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not running_fio()
    assert not folder.exists()
