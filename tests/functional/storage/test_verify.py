"""What a real fio wrote is read back from a file, and from volumes that lose and change it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.agent.storage import fill, target
from kb_tests.localcloud.netns.faulty import FaultyFile
from kb_tests.measure.storage.measurement import StorageMeasurement
from kb_tests.measure.storage.merge import measure
from kb_tests.measure.storage.validity import validity
from kb_tests.scenario.storage import StoragePoint
from tests.functional.storage.disk import (
    VOLUME,
    directory,
    faulty_device,
    options,
    point,
    prepare,
    run,
    volume,
)
from tests.waiting import tried

SIZE = 2 << 20
"""So little that each block is written several times over."""

WRITES = point(mode="randwrite", reads=0.0, rate=800.0, iodepth=8, duration=1.0, verify=True)


def verified(asked: StoragePoint, wanted: dict[str, Any]) -> StorageMeasurement:
    found: list[StorageMeasurement] = []

    @tried()
    def measured() -> None:
        found.append(measure(asked, run(wanted, [options(asked)])))
        assert not validity(asked, found[-1])

    measured()
    return found[-1]


@pytest.mark.parametrize(
    "asked",
    [
        point(mode="randrw", reads=0.5, rate=1000.0, numjobs=2, iodepth=4, duration=1.0, verify=True),
        point(
            mode="write",
            reads=0.0,
            rate=400.0,
            block_size=512,
            iodepth=1,
            duration=1.0,
            verify=True,
            extra=(("fdatasync", "8"),),
        ),
        point(
            mode="randwrite",
            reads=0.0,
            rate=800.0,
            iodepth=32,
            duration=1.0,
            verify=True,
            extra=(("norandommap", "1"), ("random_distribution", "zipf:1.2")),
        ),
    ],
    ids=["a mix of two jobs", "small blocks, synced", "the same blocks at once"],
)
def test_a_true_disk_has_what_was_written(tmp_path: Path, asked: StoragePoint) -> None:
    wanted = directory(tmp_path, SIZE)
    assert prepare(wanted)[0] == "disk"
    found = verified(asked, wanted).verified
    assert found is not None
    assert found.bad == 0
    assert found.read == found.written > 50


@pytest.fixture
def lying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[dict[str, Any], FaultyFile]]:
    """The volume VOLUME, filled, and who makes it do wrong."""
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    monkeypatch.setattr(target, "BY_ID", str(by_id))
    with faulty_device(tmp_path, 64 << 20) as (path, wrong):
        (by_id / f"virtio-{VOLUME[:20]}").symlink_to(path)
        wanted = volume(64 << 20, used=SIZE)
        assert prepare(wanted)[0] == "disk"
        yield wanted, wrong
        fill.FILLED.pop(VOLUME, None)


@pytest.mark.root_only("loop devices")
def test_a_volume_that_loses_or_changes_writes_is_found_out(
    lying: tuple[dict[str, Any], FaultyFile],
) -> None:
    """It is true at first, so that where a write is lost later there is a whole block of an earlier one."""
    wanted, wrong = lying
    found = verified(WRITES, wanted).verified
    assert found is not None
    assert found.bad == 0
    wrong.tell({"lost": 0.05, "changed": 0.05})
    found = verified(WRITES, wanted).verified
    assert found is not None
    assert found.old > 3
    assert found.wrong > 3
    wrong.tell({"lost": 1.0})
    found = verified(WRITES, wanted).verified
    assert found is not None
    assert found.wrong == found.read == found.written
