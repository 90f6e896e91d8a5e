"""The storage engine with a real fio on a volume, which is a loop device of our own."""

from __future__ import annotations

import math
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.agent.storage import engine, fill, target
from kb_tests.agent.storage import options as options_module
from kb_tests.localcloud.netns.faulty import FaultyFile
from kb_tests.measure.storage.merge import measure
from kb_tests.measure.storage.validity import validity
from tests.functional.storage.disk import (
    POINT,
    VOLUME,
    Freezer,
    faulty_device,
    loop_device,
    options,
    point,
    prepare,
    run,
    volume,
)
from tests.waiting import eventually, tried

pytestmark = pytest.mark.root_only("loop devices")


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
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


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[dict[str, Any], FaultyFile]]:
    """The volume VOLUME, filled, and who makes it do wrong."""
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    monkeypatch.setattr(target, "BY_ID", str(by_id))
    with faulty_device(tmp_path, 64 << 20) as (path, wrong):
        (by_id / f"virtio-{VOLUME[:20]}").symlink_to(path)
        wanted = volume(64 << 20, used=2 << 20)
        assert prepare(wanted)[0] == "disk"
        yield wanted, wrong
        fill.FILLED.pop(VOLUME, None)


@tried()
@pytest.mark.parametrize("rate", [20.0, pytest.param(0.0, marks=pytest.mark.nightly)])
def test_a_disk_that_is_slow_in_fsync_alone_is_slow(
    faulty: tuple[dict[str, Any], FaultyFile], rate: float
) -> None:
    """Each commit takes 60 ms and more; at 20 a second that is more than there is time for."""
    wanted, wrong = faulty
    log = point(mode="write", reads=0.0, rate=rate, iodepth=1, extra=(("fsync", "1"),))
    wrong.tell({"sync": 0.06})
    measured = measure(log, run(wanted, [options(log)]))
    assert not validity(log, measured)
    assert measured.write.service.percentile(50) < 0.03
    assert measured.write.syncs.percentile(1) > 0.059
    assert measured.write.response.percentile(1) > 0.059
    assert measured.write.response.percentile(99) > (0.3 if rate else 0.06)


@tried()
def test_a_frozen_disk_shows_as_stall_and_in_the_corrected_latency(device: tuple[str, Path]) -> None:
    wanted = volume(512 << 20)
    assert prepare(wanted)[0] == "disk"
    longer = point(duration=6.0)
    with Freezer(device[0]) as freezer:
        begun: list[float] = []

        def freeze(at: float, pids: list[int]) -> None:
            if at > 2.5 and not begun:
                freezer.freeze(pids)
                begun.append(at)
            if begun and at > begun[0] + 2:
                freezer.thaw()

        measured = measure(longer, run(wanted, [options(longer)], freeze))
    assert not validity(longer, measured)
    assert measured.achieved == pytest.approx(1, abs=0.05)
    assert measured.stall == pytest.approx(2.05, abs=0.15)
    assert measured.read.service.percentile(99) < 0.2
    assert measured.read.response.percentile(99) == pytest.approx(1.95, abs=0.15)
    assert measured.read.response.count == pytest.approx(600, abs=30)


@tried()
@pytest.mark.parametrize(
    "most_logged", [options_module.MOST_LOGGED, pytest.param(0, marks=pytest.mark.nightly)]
)
def test_a_disk_that_does_not_keep_the_rate_is_slower_than_any_limit(
    device: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, most_logged: int
) -> None:
    """40 of 100 I/Os a second, each in 25 ms: fio alone tells a p99 of 26 ms, and nothing of the other 60."""
    monkeypatch.setattr(options_module, "MOST_LOGGED", most_logged)
    wanted = volume(512 << 20)
    assert prepare(wanted)[0] == "disk"
    one_by_one = point(iodepth=1, duration=4.0)
    with Freezer(device[0]) as freezer:
        begun: list[int] = []

        def slow(_: float, pids: list[int]) -> None:
            if pids and not begun:
                begun.extend(pids)
                freezer.slow(pids, 40)

        measured = measure(one_by_one, run(wanted, [options(one_by_one)], slow))
    assert not validity(one_by_one, measured)
    assert measured.iops.read == pytest.approx(40, abs=5)
    assert measured.read.service.max < 0.5
    assert measured.read.response.count == 400
    assert measured.read.response.percentile(30) > 1
    assert measured.read.response.percentile(80) == math.inf


@tried()
@pytest.mark.parametrize("rate", [100.0, pytest.param(0.0, marks=pytest.mark.nightly)])
def test_what_is_under_way_when_the_window_ends_is_waited_for(device: tuple[str, Path], rate: float) -> None:
    """The disk freezes half a second before the end, and for two."""
    wanted = volume(512 << 20)
    assert prepare(wanted)[0] == "disk"
    asked = point(rate=rate, iodepth=4)
    with Freezer(device[0]) as freezer:
        begun: list[float] = []

        def freeze(at: float, pids: list[int]) -> None:
            if at > 3.5 and not begun:
                freezer.freeze(pids)
                begun.append(at)
            if begun and at > begun[0] + 2:
                freezer.thaw()

        measured = measure(asked, run(wanted, [options(asked, drain=10.0)], freeze))
    assert not validity(asked, measured)
    assert measured.read.response.max > 1.4
    due = rate * (4 - begun[0])
    assert measured.read.response.slower(1.0) >= max(1, 0.9 * due)
    assert measured.stall > 0.4


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
        load.prepare(time.monotonic() + 60)
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


@tried()
@pytest.mark.parametrize("file_system", ["xfs", pytest.param("ext4", marks=pytest.mark.nightly)])
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
    events: list[tuple[str, dict[str, Any]]] = []

    def ended() -> bool:
        events.extend(preparation.events())
        return bool(events) and events[-1][0] != "filling"

    eventually(ended)
    assert [kind for kind, _ in events] == ["filling", "disk"]
    assert events[0][1]["bytes"] == events[1][1]["bytes"] == 16 << 20
    link.unlink()
    failed = prepare(volume(512 << 20), hotplug=0.0)[1]
    assert "No device of this server carries the volume" in failed["error"]


def test_a_full_disk_is_refused_with_its_numbers(device: tuple[str, Path]) -> None:
    kind, failed = prepare(volume(512 << 20, used=511 << 20, file_system="ext4"))
    assert kind == "failed"
    assert "bytes free, a file of 535822336 bytes does not fit" in failed["error"]
