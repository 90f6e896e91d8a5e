"""What is read and written: found by its id, checked, never taken from somebody else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kb_tests.agent.storage import fill, options, target
from kb_tests.agent.storage.options import EXTRA_OPTIONS, Job, StorageError, Target
from kb_tests.scenario import profile as scenario

ID = "0f9a3c1e-77d2-4b1c-9b2e-5d1f00c0ffee"
WIRE = {
    "kind": "volume",
    "volume": ID,
    "volume_size": 1 << 30,
    "file_system": "",
    "directory": "",
    "size": 1 << 20,
}
FIO: dict[str, Any] = {
    "mode": "randrw",
    "block_size": 4096,
    "iodepth": 1,
    "numjobs": 2,
    "reads": 0.7,
    "rate": 100.0,
    "extra": {"fsync": "1"},
    "ramp": 2.0,
    "duration": 30.0,
    "block": 1.0,
    "drain": 30.0,
}


@pytest.fixture
def by_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "by-id"
    folder.mkdir()
    monkeypatch.setattr(target, "BY_ID", str(folder))
    monkeypatch.setattr(target, "BLOCKS", str(tmp_path / "block"))
    monkeypatch.setattr(target, "WORK", str(tmp_path / "work"))
    return folder


def device(by_id: Path, name: str, size: int = 1 << 20) -> Path:
    path = by_id.parent / ("disk-" + str(len(list(by_id.iterdir()))))
    path.write_bytes(b"")
    os.truncate(path, size)
    (by_id / name).symlink_to(path)
    return path


@pytest.mark.parametrize(
    "name",
    [
        f"virtio-{ID[:20]}",
        f"scsi-0QEMU_QEMU_HARDDISK_{ID}",
        f"scsi-SQEMU_QEMU_HARDDISK_{ID[:20]}",
        f"nvme-QEMU_NVMe_Ctrl_{ID.replace('-', '')[:20]}",
    ],
)
def test_a_volume_is_found_by_its_id(by_id: Path, name: str) -> None:
    device(by_id, "virtio-aaaaaaaa-bbbb-cccc-d")
    ours = device(by_id, name)
    (by_id / f"{name}-part1").symlink_to(ours.parent / "elsewhere")
    assert target.find_volume(ID) == str(ours)


def test_a_volume_is_found_by_its_serial_where_there_is_no_udev(by_id: Path) -> None:
    for name, serial in (("vda", "other"), ("vdb", ID[:20])):
        (by_id.parent / "block" / name).mkdir(parents=True)
        (by_id.parent / "block" / name / "serial").write_text(serial)
    assert target.find_volume(ID) == "/dev/vdb"


def test_a_volume_that_is_not_there_or_there_twice_is_refused(by_id: Path) -> None:
    device(by_id, "virtio-aaaaaaaa-bbbb-cccc-d")
    with pytest.raises(StorageError, match=f"No device of this server carries the volume {ID}"):
        target.find_volume(ID)
    device(by_id, f"virtio-{ID[:20]}")
    device(by_id, f"scsi-0QEMU_QEMU_HARDDISK_{ID}")
    with pytest.raises(StorageError, match="appears as several devices"):
        target.find_volume(ID)


def test_a_device_of_another_size_is_refused(by_id: Path) -> None:
    device(by_id, f"virtio-{ID[:20]}", size=1 << 29)
    with pytest.raises(StorageError, match="has 536870912 bytes, the volume should have 1073741824"):
        target.find(Target.of(WIRE))


def test_a_device_that_holds_something_is_refused(by_id: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device(by_id, f"virtio-{ID[:20]}", size=1 << 30)
    monkeypatch.setattr(target, "_facts", lambda _: {"TYPE": "ext4", "LABEL": "precious"})
    with pytest.raises(StorageError, match=r"not ours to overwrite: it holds ext4 \(precious\)"):
        target.find(Target.of(WIRE))
    with pytest.raises(StorageError, match=r"not ours to format: it holds ext4 \(precious\)"):
        target.find(Target.of({**WIRE, "file_system": "ext4"}))


def test_a_file_with_holes_is_not_filled(tmp_path: Path) -> None:
    path = tmp_path / "kb.data"
    place = target.Place(str(path))
    assert fill.missing(place, 1 << 20) == "the file is not there"
    path.write_bytes(b"x" * 65_536)
    assert fill.missing(place, 65_536) == ""
    os.truncate(path, 1 << 20)
    assert fill.missing(place, 1 << 20) == "nothing was ever written at byte 65536 of 1048576"
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, 1 << 20)
    assert "nothing was ever written" in fill.missing(place, 1 << 20)


def test_a_device_that_this_agent_did_not_fill_is_not_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    place = target.Place("/dev/vdz", raw=ID)
    assert fill.missing(place, 100) == "only 0 of 100 bytes were written before"
    monkeypatch.setitem(fill.FILLED, ID, 100)
    assert fill.missing(place, 100) == ""
    assert fill.missing(place, 101)


def test_a_disk_without_room_is_refused(tmp_path: Path) -> None:
    wire = {**WIRE, "kind": "directory", "directory": str(tmp_path), "size": 1 << 49}
    with pytest.raises(StorageError, match="bytes free, a file of 562949953421312 bytes does not fit"):
        target.find(Target.of(wire))


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "disk"},
        {"volume": "vdb"},
        {"volume": "../../../etc/passwd"},
        {"volume_size": 5},
        {"size": -1},
        {"size": "x"},
        {"file_system": "vfat"},
        {"kind": "directory", "directory": "/srv/../etc"},
        {"kind": "directory", "directory": "relative"},
    ],
)
def test_a_target_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(StorageError, match="The storage target"):
        Target.of({**WIRE, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "trim"},
        {"iodepth": 0},
        {"rate": -1.0},
        {"rate": "fast"},
        {"extra": {"filename": "/etc/passwd"}},
        {"extra": {"ioengine": "external:/tmp/x.so"}},
        {"extra": ["ioengine"]},
        {"extra": {"fsync": "1"}, "iodepth": 4},
        {"extra": {"fdatasync": "8", "ioengine": "libaio"}, "iodepth": 1},
        {"ramp": 0.0},
        {"duration": 1e9},
    ],
)
def test_a_job_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(StorageError, match="The fio command"):
        Job.of({**FIO, **change})


def test_the_command_line_splits_a_total_rate_by_direction_and_job() -> None:
    line = Job.of(FIO).arguments("/usr/bin/fio", "/dev/disk:1", 1 << 20, "/run/x")
    assert line[0] == "/usr/bin/fio"
    assert {"--rate=143360,61440", "--rwmixread=70", "--fsync=1", r"--filename=/dev/disk\:1"} <= set(line)
    assert {"--size=524288", "--offset_increment=524288", "--numjobs=2"} <= set(line)
    reads = Job.of({**FIO, "mode": "read", "reads": 1.0}).arguments("fio", "/dev/vdb", 1 << 20, "/run/x")
    assert "--rate=204800" in reads
    writes = Job.of({**FIO, "mode": "write", "reads": 0.0}).arguments("fio", "/dev/vdb", 1 << 20, "/run/x")
    assert "--rate=,204800" in writes
    free = Job.of({**FIO, "rate": 0.0}).arguments("fio", "/dev/vdb", 1 << 20, "/run/x")
    assert not [option for option in free if option.startswith("--rate")]


def test_with_syncs_fio_is_run_so_that_it_times_them() -> None:
    synced = Job.of(FIO).arguments("fio", "/dev/vdb", 1 << 20, "/run/x")
    assert {"--ioengine=psync", "--clat_percentiles=1", "--lat_percentiles=0", "--disable_clat=0"} <= set(
        synced
    )
    for extra in ({}, {"fsync": "0"}):
        plain = Job.of({**FIO, "extra": extra}).arguments("fio", "/dev/vdb", 1 << 20, "/run/x")
        assert {"--ioengine=libaio", "--clat_percentiles=0", "--lat_percentiles=1"} <= set(plain)


def test_agent_and_scenario_allow_the_same_options() -> None:
    assert EXTRA_OPTIONS == scenario.EXTRA_OPTIONS
    assert (options.SYNCS, options.ONE_AT_A_TIME) == (scenario.SYNCS, scenario.ONE_AT_A_TIME)
