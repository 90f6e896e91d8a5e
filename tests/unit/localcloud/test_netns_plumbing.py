"""The parts between driver and helper: messages, batches, listening ports, control groups, volumes."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.localcloud.netns import cgroups, congestion, wire
from kb_tests.localcloud.netns.addresses import AddressBlock
from kb_tests.localcloud.netns.batch import Batch
from kb_tests.localcloud.netns.forwarder import listening_ports
from kb_tests.localcloud.netns.link import HelperLink
from kb_tests.localcloud.netns.neighbours import NeighbourLimit
from kb_tests.localcloud.netns.volumes import Volumes, fill

KEYS = st.text().filter(lambda key: key != "fds")  # which says how many descriptors a message has


@given(st.lists(st.dictionaries(KEYS, st.text(max_size=2000)), max_size=5), st.integers(1, 50))
def test_messages_arrive_whole_however_they_are_cut(messages: list[dict[str, str]], size: int) -> None:
    left, right = socket.socketpair()
    with left, right:
        reader = wire.Reader(right)
        got: list[wire.Message] = []
        data = b"".join(map(wire.encode, messages))
        for start in range(0, len(data), size * 100):
            left.sendall(data[start : start + size * 100])
            got += [message for message, _ in reader.receive()]
        assert got == messages


def test_descriptors_stay_with_their_message_and_the_end_shows() -> None:
    left, right = socket.socketpair()
    with right:
        reader = wire.Reader(right)
        with left:
            first, second = os.pipe()
            wire.send(left, {"n": 1}, (first,))
            wire.send(left, {"n": 2})
            wire.send(left, {"n": 3, "big": "x" * 100_000}, (second,))
            os.write(second, b"hello")
            got: dict[int, list[int]] = {}
            while len(got) < 3:
                got.update({message["n"]: fds for message, fds in reader.receive()})
        assert got[2] == []
        assert os.read(got[1][0], 5) == b"hello"
        assert not os.get_inheritable(got[3][0])
        for fd in (first, second, *got[1], *got[3]):
            os.close(fd)
        with pytest.raises(EOFError):
            list(reader.receive())


def test_a_batch_joins_what_waits_and_tells_everybody_their_own_error() -> None:
    sent: list[str] = []

    async def send(text: str) -> None:
        sent.append(text)
        await asyncio.sleep(0)
        if "bad" in text:
            raise ValueError(text)

    async def main() -> list[Any]:
        batch = Batch(send)
        first = asyncio.create_task(batch.add("one;"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        others = [asyncio.create_task(batch.add(text)) for text in ("two;", "bad;", "four;")]
        return list(await asyncio.gather(first, *others, return_exceptions=True))

    results = asyncio.run(main())
    assert sent[:2] == ["one;", "two;bad;four;"]
    assert [isinstance(result, ValueError) for result in results] == [False, False, True, False]
    assert str(results[2]) == "bad;"


@given(st.lists(st.tuples(st.integers(1, 65535), st.integers(1, 65535)).map(lambda r: (min(r), max(r)))))
def test_listening_ports_are_allowed_few_and_hold_ssh(ranges: list[tuple[int, int]]) -> None:
    ports = listening_ports(ranges)
    assert list(ports) == sorted(ports)
    assert len(ports) <= 19 * len(ranges)
    for port in ports:
        assert any(first <= port <= last for first, last in ranges)
    for first, last in ranges:
        assert first in ports
        assert not first <= 22 <= last or 22 in ports
        if last - first < 16:
            assert all(ports.get(port) for port in range(first, last + 1)), "a small range means each"
    small = [(first, last) for first, last in ranges if last - first < 16]
    for port, meant in ports.items():
        assert meant == any(first <= port <= last for first, last in small)


@pytest.mark.parametrize("size", [0, 1, 4096, 5 << 20, (4 << 20) + 1234])
def test_a_filled_file_has_every_byte_written(tmp_path: Path, size: int) -> None:
    path = tmp_path / "volume"
    fd = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        if size:
            fill(fd, size, threading.Event())
        data = path.read_bytes()
        assert len(data) == size
        for offset in range(0, size, 4096):
            block = data[offset : offset + 4096]
            assert len(block) < 16 or len(set(block)) > 4, f"zeros at {offset}"
        assert path.stat().st_blocks * 512 >= size
    finally:
        os.close(fd)


def test_filling_is_given_up_on_request(tmp_path: Path) -> None:
    given_up = threading.Event()
    given_up.set()
    with (tmp_path / "volume").open("wb") as file, pytest.raises(OSError, match="cancel"):
        fill(file.fileno(), 8 << 20, given_up)


def test_the_next_start_removes_what_killed_clouds_left(tmp_path: Path) -> None:
    async def main() -> None:
        nobody = HelperLink(lambda _: None, lambda: None)
        alive, later = Volumes(nobody, tmp_path), Volumes(nobody, tmp_path)
        dead = tmp_path / "kb-volumes-dead"
        dead.mkdir()
        (dead / "volume").touch()
        first = alive.open()
        second = later.open()
        assert {first, second} == set(tmp_path.iterdir())
        alive.close()
        later.close()
        assert list(tmp_path.iterdir()) == []

    asyncio.run(main())


def fake_v1(root: Path) -> None:
    for controller in ("cpu", "memory"):
        (root / controller).mkdir()
        (root / controller / "cgroup.procs").touch()


def test_control_groups_of_version_1(tmp_path: Path) -> None:
    fake_v1(tmp_path)
    groups = cgroups.Groups("kb-cloud-1-1", str(tmp_path))
    assert groups.controllers == {"cpu", "memory"}
    groups.create()
    groups.limit("server", 2, 512)
    assert (tmp_path / "cpu/kb-cloud-1-1/cpu.shares").read_text() == "10240"
    assert (tmp_path / "cpu/kb-cloud-1-1/server/cpu.cfs_quota_us").read_text() == "200000"
    assert (tmp_path / "memory/kb-cloud-1-1/server/memory.limit_in_bytes").read_text() == str(512 << 20)
    with pytest.raises(OSError, match="block I/O"):
        groups.throttle("server", 7 << 8, 100, None)


def test_control_groups_of_version_2(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu io memory pids")
    (tmp_path / "cgroup.subtree_control").write_text("cpu io memory")
    groups = cgroups.Groups("kb-cloud-1-1", str(tmp_path))
    assert groups.controllers == {"cpu", "memory", "blkio"}
    groups.create()
    groups.limit("server", 1, 64)
    home = tmp_path / "kb-cloud-1-1"
    assert set((home / "cgroup.subtree_control").read_text().split()) == {"+cpu", "+memory", "+io"}
    assert (home / "cpu.weight").read_text() == "1000"
    assert (home / "server/cpu.max").read_text() == "100000 100000"
    groups.throttle("server", os.makedev(7, 3), 100, None)
    assert (home / "server/io.max").read_text() == "7:3 riops=100 wiops=100 rbps=max wbps=max"


def test_the_next_start_sweeps_the_groups_of_the_dead(tmp_path: Path) -> None:
    dead = int(Path("/proc/sys/kernel/pid_max").read_text())
    fake_v1(tmp_path)
    for name in (f"kb-cloud-{dead}-1", f"kb-cloud-{os.getpid()}-1", "kb-cloud-x", "other"):
        (tmp_path / "cpu" / name / "server").mkdir(parents=True)
    elsewhere = cgroups.Groups(f"kb-cloud-{dead}-2", str(tmp_path))
    elsewhere.create()
    cgroups.sweep(str(tmp_path))
    left = {path.name for path in (tmp_path / "cpu").iterdir()}
    alive = {f"kb-cloud-{os.getpid()}-1", f"kb-cloud-{dead}-2"}
    assert left == alive | {"kb-cloud-x", "other", "cgroup.procs"}


def test_the_limit_of_neighbours_is_raised_when_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    second, third = tmp_path / "gc_thresh2", tmp_path / "gc_thresh3"
    second.write_text("512\n")
    third.write_text("1024\n")
    limit = NeighbourLimit(tmp_path)
    limit.make_room(100)
    assert (second.read_text(), third.read_text()) == ("512\n", "1024\n")
    assert limit.make_room(400) == [(second, "6400", "512"), (third, "6400", "1024")]
    assert limit.entries == 6400
    assert limit.make_room(1000) == [(second, "16000", "512"), (third, "16000", "1024")]


def test_an_ordinary_user_leaves_the_limit_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (tmp_path / "gc_thresh3").write_text("1024")
    limit = NeighbourLimit(tmp_path)
    limit.make_room(1000)
    assert limit.entries == 1024


def test_no_two_clouds_have_the_same_floating_addresses() -> None:
    first, second = AddressBlock(), AddressBlock()
    assert first.last < second.first
    first.close()
    again = AddressBlock()
    assert again.first < second.first
    for block in (second, again):
        block.close()


@pytest.mark.parametrize(
    ("allowed", "chosen"),
    [("reno bbr cubic", "cubic"), ("reno bbr", "reno"), ("bbr", "reno"), (None, "reno")],
)
def test_a_cloud_has_the_congestion_control_of_guests(
    tmp_path: Path, allowed: str | None, chosen: str
) -> None:
    if allowed is not None:
        (tmp_path / "allowed").write_text(f"{allowed}\n")
    assert congestion.of_guests(str(tmp_path / "allowed")) == chosen
