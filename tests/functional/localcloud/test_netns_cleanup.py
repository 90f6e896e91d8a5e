"""Whatever is killed, in whatever order: a moment later nothing of the cloud is left."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from kb_tests.localcloud.netns import cgroups
from tests.waiting import PATIENCE, eventually

PROGRAM = """
import asyncio, sys
from os import geteuid
from kb_tests.localcloud.netns.neighbours import NeighbourLimit
from tests.functional.localcloud.netns_cloud import running
from kb_tests.localcloud.driver import Way
async def main():
    async with running() as cloud:
        for name in ("gc_thresh2", "gc_thresh3"):
            (cloud.key.parent / name).write_text("1\\n")
        cloud.driver._neighbours = NeighbourLimit(cloud.key.parent)
        script = "setsid sleep 600 & python3 -c 'import time; time.sleep(600)' &"
        server = await cloud.boots("one", script)
        await cloud.boots("two", script)
        address = await cloud.floating(server, ((22, 22), (7777, 7777)))
        await cloud.run(server, "nohup sleep 600 >/dev/null 2>&1 &")
        await cloud.driver.put_volume("0" * 36, 4 << 20)
        await cloud.driver.attach_volume(server.id, "0" * 36)
        await cloud.driver.put_volume("1" * 36, 4 << 20)
        await cloud.driver.attach_volume(server.id, "1" * 36, faulty=geteuid() == 0)
        await cloud.driver.set_link(server.nics[0].port_id, Way(rate=10**9, delay=0.001), Way(loss=0.01))
        print(cloud.driver.helper_pid, address, cloud.key.parent, flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        {then}
asyncio.run(main())
"""


@dataclass
class Seen:
    """A cloud in another process, and what belonged to it: its processes and their namespaces."""

    api: subprocess.Popen[str]
    helper: int
    address: str
    folder: str
    processes: dict[int, str]
    namespaces: set[str]
    ticks: int
    """When all this was seen, as `started` tells times."""


def started(pid: int) -> str:
    """When a process was started (in ticks), which tells it from a later one of that number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def ticks() -> int:
    """Now."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


def state(pid: int) -> str:
    """A process's state letter."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def descendants(pid: int) -> Iterator[int]:
    """A process and all below it. What a visit by SSH started may be about to end."""
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from descendants(int(child))


def namespaces(pid: int) -> set[str]:
    """The namespaces of a process."""
    try:
        return {str(entry.readlink()) for entry in Path(f"/proc/{pid}/ns").iterdir()}
    except OSError:
        return set()


def links() -> set[str]:
    """The host's network devices that have names as a cloud gives them; others' come and go."""
    return {name for _, name in socket.if_nameindex() if re.fullmatch(r"[bp]\d+", name)}


def backing_files() -> str:
    """What lies below the loop devices, of which others come and go."""
    found = []
    for path in Path("/sys/block").glob("loop*/loop/backing_file"):
        with suppress(OSError):
            found.append(path.read_text())
    return "\n".join(found)


def groups(api: int) -> Iterator[str]:
    """The control groups of a cloud. (A search of the whole tree would meet those that are just removed.)"""
    for base in ("", "cpu", "memory", "blkio"):
        yield from map(str, Path(cgroups.ROOT, base).glob(f"{cgroups.PREFIX}{api}-*"))


@contextmanager
def cloud_in_another_process(then: str = "await asyncio.sleep(600)") -> Iterator[Seen]:
    """A cloud with two servers, their background processes, a floating IP and a volume."""
    api = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(then=then)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert api.stdout is not None
        line = api.stdout.readline()
        assert line, "the program ended early"
        helper, address, folder = line.split()
        pids = list(descendants(int(helper)))
        assert len(pids) > 8
        own = set().union(*map(namespaces, pids)) - namespaces(os.getpid())
        assert len({name for name in own if name.startswith("net")}) >= 3
        if os.geteuid() == 0:
            assert folder in backing_files()
        seen = Seen(api, int(helper), address, folder, {pid: started(pid) for pid in pids}, own, ticks())
        assert api.stdin is not None
        api.stdin.write("seen\n")
        api.stdin.flush()
        yield seen
    finally:
        api.kill()
        api.communicate()


def left_behind(seen: Seen) -> list[str]:
    """What is still there of a cloud."""
    folder = Path(seen.folder)
    found = [str(path) for path in folder.glob("kb-volumes-*")]
    found += groups(seen.api.pid)
    found += [str(path) for path in folder.glob("gc_thresh?") if path.read_text() != "1\n"]
    found += [
        f"process {pid}"
        for pid, start in seen.processes.items()
        if started(pid) == start and state(pid) not in ("Z", "X")
    ]
    for entry in Path("/proc").iterdir():
        # A later process may be another cloud's: the kernel uses the numbers of namespaces again.
        if entry.name.isdecimal() and int(started(int(entry.name)) or seen.ticks + 1) <= seen.ticks:
            found += sorted(
                f"{name} of {entry.name}" for name in namespaces(int(entry.name)) & seen.namespaces
            )
    return found


def expect_nothing_left(seen: Seen, host_links: set[str]) -> None:
    eventually(lambda: not left_behind(seen), what=lambda: left_behind(seen))
    assert links() <= host_links
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((seen.address, 7777), timeout=PATIENCE)
    mounts = Path("/proc/self/mountinfo").read_text()
    assert " /mnt/disks" not in mounts
    assert seen.folder not in backing_files()


@pytest.mark.parametrize("victims", ["api", "helper", "both", "launcher"])
def test_kill_9(victims: str) -> None:
    host_links = links()
    with cloud_in_another_process() as seen:
        (inner,) = [
            int(pid) for pid in Path(f"/proc/{seen.helper}/task/{seen.helper}/children").read_text().split()
        ]
        doomed = {
            "api": [seen.api.pid],
            "helper": [inner],
            "both": [seen.api.pid, inner],
            "launcher": [seen.helper],
        }
        for pid in doomed[victims]:
            os.kill(pid, signal.SIGKILL)
        if victims in ("helper", "launcher"):
            time.sleep(0.5)
            seen.api.kill()
        seen.api.wait(PATIENCE)
        expect_nothing_left(seen, host_links)


def test_a_normal_end_leaves_nothing_and_waits_for_it() -> None:
    host_links = links()
    with cloud_in_another_process("pass") as seen:
        assert seen.api.wait(PATIENCE) == 0
        assert left_behind(seen) == []
        expect_nothing_left(seen, host_links)


def test_the_loss_of_the_helper_shows_at_once() -> None:
    then = """
        import os, signal
        from kb_tests.localcloud.driver import DriverError, Power
        inner = int(open(f"/proc/{cloud.driver.helper_pid}/task/{cloud.driver.helper_pid}/children").read())
        os.kill(inner, signal.SIGKILL)
        while set((await cloud.driver.power()).values()) != {Power.CRASHED}:
            await asyncio.sleep(0.02)
        try:
            await cloud.driver.put_network("another", 1500)
        except DriverError as error:
            assert "helper process is gone" in str(error)
        else:
            raise AssertionError("no error")
        await cloud.driver.destroy(server.id)
        await cloud.driver.delete_volume("0" * 36)
        await cloud.driver.delete_router("router")
        await cloud.driver.delete_network("net1")
        assert len(await cloud.driver.power()) == 1
    """
    with cloud_in_another_process("".join(then).strip()) as seen:
        assert seen.api.wait(PATIENCE) == 0
