"""Running the storage engine as the agent does, on files and loop devices of our own."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kb_tests.agent.storage import engine
from kb_tests.cloud.topology import Role, Server
from kb_tests.fleet.storage.collect import StorageGathering
from kb_tests.fleet.storage.messages import IoBlock, IoDone, IoDue, IoSecond, StorageReport
from kb_tests.localcloud.netns import blockdev
from kb_tests.localcloud.netns.cgroups import PREFIX, Groups
from kb_tests.localcloud.netns.faulty import FaultyFile
from kb_tests.scenario.storage import StoragePoint
from tests.unit.measure import io_reports
from tests.waiting import PATIENCE

STEADY = {"seconds": 0.0, "error": 0.0, "elapsed": 0.0}
"""The change of a clock that was not read."""

LEAD = 0.7
"""Seconds from the command to the common start, as from a controller."""

VOLUME = "0f9a3c1e-77d2-4b1c-9b2e-5d1f00c0ffee"

POINT = dataclasses.replace(io_reports.POINT, ramp=1.0, duration=3.0, max_duration=3.0)


def point(**changes: Any) -> StoragePoint:
    return dataclasses.replace(POINT, **changes)


def directory(path: Path, size: int = 16 << 20) -> dict[str, Any]:
    """A target: a file in `path`."""
    return {
        "kind": "directory",
        "volume": "",
        "volume_size": 0,
        "file_system": "",
        "directory": str(path),
        "size": size,
    }


def volume(size: int, used: int = 16 << 20, file_system: str = "") -> dict[str, Any]:
    """A target: the volume VOLUME."""
    return {
        "kind": "volume",
        "volume": VOLUME,
        "volume_size": size,
        "file_system": file_system,
        "directory": "",
        "size": used,
    }


def options(point: StoragePoint, **changes: Any) -> dict[str, Any]:
    """The `fio` dict of a point."""
    return {
        "mode": point.mode,
        "block_size": point.block_size,
        "iodepth": point.iodepth,
        "numjobs": point.numjobs,
        "reads": point.reads,
        "rate": point.rate,
        "extra": dict(point.extra),
        "ramp": point.ramp,
        "duration": point.duration,
        "block": 1.0,
        "drain": 3.0,
        "verify": 10.0 if point.verify else 0.0,
        **changes,
    }


def prepare(target: dict[str, Any], hotplug: float = engine.HOTPLUG) -> tuple[str, dict[str, Any]]:
    """Find, format, mount, fill; the last event."""
    preparation = engine.Preparation(target, hotplug)
    preparation.start()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        select.select([preparation.fileno()], [], [], 1)
        events = preparation.events()
        if events and events[-1][0] != "filling":
            return events[-1]
    raise AssertionError("the preparation did not end")


def run(
    target: dict[str, Any],
    jobs: Sequence[dict[str, Any]],
    disturb: Callable[[float, list[int]], None] = lambda at, pids: None,
) -> list[StorageReport]:
    """Run `jobs` at the same time, each as a server would; `disturb` gets the seconds since the common
    start of the ramps, and fio's job processes, ten times a second.
    """
    loads = [engine.StorageLoad(target, job) for job in jobs]
    found: list[list[tuple[str, dict[str, Any]]]] = [[] for _ in loads]
    try:
        for load in loads:
            load.prepare(time.monotonic() + 60)
        begin = time.monotonic() + LEAD
        for load in loads:
            load.start(begin)
        while any(load.fileno() >= 0 for load in loads):
            select.select([load.fileno() for load in loads if load.fileno() >= 0], [], [], 0.1)
            now = time.monotonic() - begin
            assert now < PATIENCE
            disturb(now, [pid for load in loads for pid in workers(load)])
            for load, events in zip(loads, found, strict=True):
                events += load.events()
    finally:
        for load in loads:
            load.abort()
    return [_report(f"storage-{number}", events) for number, events in enumerate(found)]


def workers(load: engine.StorageLoad) -> list[int]:
    """The processes that make fio's I/O."""
    if load._child is None:
        return []
    return [pid for child in children(load._child.pid) for pid in children(child)]


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def running_fio(folder: str) -> list[str]:
    """Command lines of all fio processes that use a file in `folder`: others' may run beside them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode().split("\0")
        except OSError:
            continue
        if words[0].endswith("fio") and any(word.startswith(f"--filename={folder}/") for word in words):
            found.append(" ".join(words))
    return found


def _report(agent: str, events: list[tuple[str, dict[str, Any]]]) -> StorageReport:
    def parsed(kind: str, model: Any, **extra: Any) -> list[Any]:
        return [
            model.model_validate_json(
                json.dumps(
                    {"v": 1, "agent": agent, "seq": 1, "kind": f"io_{kind}", "id": "c", **extra, **body}
                )
            )
            for found, body in events
            if found == f"io_{kind}"
        ]

    gathering = StorageGathering(Server(agent, agent, Role.STORAGE, "", "", "", "h"), 1000)
    for kind, model in (("second", IoSecond), ("block", IoBlock), ("due", IoDue), ("done", IoDone)):
        more = {"clock_change": STEADY} if kind == "done" else {}
        for found in parsed(kind, model, **more):
            gathering.add(found)
    for kind, body in events:
        if kind == "failed":
            gathering.set_problem(body["error"])
    return gathering.report()


@contextmanager
def loop_device(folder: Path, size: int) -> Iterator[tuple[str, Path]]:
    """A loop device over a sparse file; its path, and the file's."""
    backing = folder / "backing"
    with backing.open("wb") as file:
        os.truncate(file.fileno(), size)
    device = subprocess.run(
        ["losetup", "--show", "-f", str(backing)], check=True, capture_output=True, text=True
    ).stdout.strip()
    try:
        yield device, backing
    finally:
        subprocess.run(["losetup", "-d", device], check=False)


@contextmanager
def faulty_device(folder: Path, size: int) -> Iterator[tuple[str, FaultyFile]]:
    """A loop device that may do wrong; its path, and who makes it do so."""
    with (folder / "volume").open("w+b") as volume:
        os.truncate(volume.fileno(), size)
        faulty = FaultyFile(str(folder / "seen"), volume.fileno())
        try:
            loop = blockdev._new_loop(faulty.file)
            try:
                yield str(Path(f"/proc/self/fd/{loop}").readlink()), faulty
            finally:
                faulty.tell({})
                os.close(loop)
        finally:
            faulty.close()
            os.waitpid(faulty.pid, 0)


class Freezer:
    """Lets a block device answer nobody, by a control group of ours. Raises `OSError` where there is none."""

    def __init__(self, device: str) -> None:
        self._device = Path(device).stat().st_rdev
        self._groups = Groups(f"{PREFIX}{os.getpid()}-fio")

    def __enter__(self) -> Freezer:
        self._groups.create()
        self._groups.limit("fio", 0, 0)
        return self

    def __exit__(self, *_: object) -> None:
        self.thaw()
        self._groups.remove("fio")
        for folder in self._groups.folders:
            Path(folder).rmdir()

    def freeze(self, pids: Sequence[int]) -> None:
        """From now on, what these processes ask of the device takes an hour."""
        self.slow(pids, None, 1)

    def slow(self, pids: Sequence[int], iops: int | None, bandwidth: int | None = None) -> None:
        """From now on, these processes get so many I/Os and bytes a second of the device."""
        for pid in pids:
            self._groups.enter("fio", pid)
        self._groups.throttle("fio", self._device, iops, bandwidth)

    def thaw(self) -> None:
        """As it was."""
        self._groups.throttle("fio", self._device, None, None)
