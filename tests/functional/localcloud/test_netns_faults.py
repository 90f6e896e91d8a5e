"""Faults that the data plane injects, as they look from outside and from inside."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kb_tests.localcloud.driver import DriverError, ServerSpec, VolumeFaults, Way
from kb_tests.localcloud.netns import faulty, linux
from tests.functional.localcloud.netns_cloud import Cloud, running
from tests.functional.localcloud.test_netns_network import expect, is_silent, serving
from tests.waiting import eventually_async

SIZE = 32 << 20


@pytest.mark.root_only("loop devices")
def test_a_faulty_file_is_served_however_long_its_mount_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mount = linux.mount

    def late(*arguments: Any) -> None:
        time.sleep(0.3)
        mount(*arguments)

    monkeypatch.setattr(linux, "mount", late)
    with (tmp_path / "volume").open("w+b") as volume:
        volume.write(b"what lies there")
        volume.flush()
        served = faulty.FaultyFile(str(tmp_path / "seen"), volume.fileno())
        try:
            assert os.pread(served.file, 100, 0) == b"what lies there"
        finally:
            served.close()
            os.waitpid(served.pid, 0)


def test_a_frozen_server_is_silent_and_goes_on_after_it() -> None:
    async def main() -> None:
        async with running() as cloud:
            client = await cloud.boot(cloud.spec("client"))
            server = await serving(cloud, "server")
            await cloud.driver.put_rules(server.nics[0].port_id, None)
            address = server.nics[0].address
            await expect(cloud, client, "tcp", address)
            await cloud.driver.freeze(server.id)
            assert await is_silent(cloud, client, "tcp", address)
            await expect(cloud, client, "icmp", address)  # its kernel lives on
            await cloud.driver.thaw(server.id)
            await expect(cloud, client, "tcp", address)
            await cloud.driver.freeze(server.id)
            await cloud.driver.destroy(server.id)
            with pytest.raises(DriverError, match="There is no server"):
                await cloud.driver.thaw(server.id)

    asyncio.run(main())


def test_a_cut_network_comes_back_by_itself() -> None:
    async def main() -> None:
        async with running() as cloud:
            client = await cloud.boot(cloud.spec("client"))
            server = await cloud.boot(cloud.spec("server"))
            address = server.nics[0].address
            await expect(cloud, client, "icmp", address)
            start = time.monotonic()
            await cloud.driver.cut_network(server.id, 2.5)
            await expect(cloud, client, "icmp", address)
            assert time.monotonic() - start >= 2.5
            await cloud.driver.cut_network(server.id, 0.2)
            await cloud.driver.destroy(server.id)
            await asyncio.sleep(0.4)

    asyncio.run(main())


def test_links_get_a_rate_and_a_loss() -> None:
    async def main() -> None:
        async with running() as cloud:
            client = await cloud.boot(cloud.spec("client"))
            server = await cloud.boots("server", "nohup python3 -m http.server -d /opt 80 & cd /opt; "
                                       "head -c 5000000 /dev/zero > zeros")  # fmt: skip
            address, port = server.nics[0].address, server.nics[0].port_id
            fetch = f"curl -s -o /dev/null -w '%{{speed_download}}' http://{address}/zeros"
            free = float(await cloud.run(client, fetch))
            await cloud.driver.set_link(port, Way(20_000_000), Way(20_000_000))
            limited = float(await cloud.run(client, fetch))
            assert 500_000 < limited < 3_200_000, "a busy machine is slower, and none is faster"
            assert free > 3 * limited
            await cloud.driver.set_link(port, Way(), Way())
            assert float(await cloud.run(client, fetch)) > 3 * limited
            await cloud.driver.set_link(port, Way(loss=0.5), Way(loss=0.5))
            pings = await cloud.run(client, f"ping -q -f -c 200 -W 1 {address}", check=False)
            received = int(pings.partition(" received")[0].split()[-1])
            assert 20 < received < 80, "a quarter of 200"
            await cloud.driver.set_link(port, Way(), Way())
            assert " 0% packet loss" in await cloud.run(client, f"ping -q -f -c 200 {address}")
            with pytest.raises(DriverError, match="a share between 0 and 1"):
                await cloud.driver.set_link(port, Way(loss=2), Way())

    asyncio.run(main())


def below(pid: int) -> list[int]:
    """The processes of a cloud's namespaces, all of which its helper starts."""
    (helper,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    children = Path(f"/proc/{helper}/task/{helper}/children")
    return [int(child) for child in children.read_text().split()]


def test_the_process_of_a_delayed_link_goes_with_its_port() -> None:
    async def main() -> None:
        async with running() as cloud:
            pid = cloud.driver.helper_pid
            assert pid is not None
            client = await cloud.boot(cloud.spec("client"))
            spec = cloud.spec("server")
            server, address, port = await cloud.boot(spec), spec.nics[0].address, spec.nics[0].port_id

            async def alone() -> bool:
                return len(below(pid)) == 2

            async def delay(seconds: float) -> None:
                await cloud.driver.set_link(port, Way(delay=seconds), Way())

            assert await alone()
            for _ in range(2):
                await delay(0.02)
                assert len(below(pid)) == 3
                await delay(0.04)
                assert len(below(pid)) == 3, "the same, told of it"
                pings = await cloud.run(client, f"ping -q -i 0.05 -c 10 {address}")
                assert 40 <= float(pings.rsplit("=", 1)[1].split("/")[0]) < 120
                await delay(0)
                await eventually_async(alone)
                await expect(cloud, client, "icmp", address)
            await delay(0.02)
            await cloud.driver.power_off(server.id)
            await eventually_async(lambda: asyncio.sleep(0, len(below(pid)) == 1))
            await cloud.driver.boot(server)
            await expect(cloud, client, "icmp", address)
            await delay(0.02)
            await cloud.driver.detach_nic(server.id, port)
            await eventually_async(alone)
            assert await is_silent(cloud, client, "icmp", address)
            await cloud.driver.attach_nic(server.id, spec.nics[0])
            await expect(cloud, client, "icmp", address)
            await delay(0.02)
            await cloud.driver.destroy(server.id)
            await eventually_async(lambda: asyncio.sleep(0, len(below(pid)) == 1))

    asyncio.run(main())


READERS = """
import os, threading, time
for _ in range(3):
    threading.Thread(target=lambda: [time.monotonic() for _ in iter(int, 1)], daemon=True).start()
print("reading", flush=True)
before = time.monotonic()
for _ in iter(int, 1):
    now = time.monotonic()
    if now < before:
        print("back by", before - now, flush=True)
    before = now
"""


def test_programs_that_read_their_clock_all_the_time_bear_being_paused() -> None:
    async def main() -> None:
        async with running() as cloud:
            server = await cloud.boots("server", f"cat > /opt/r.py <<'END'\n{READERS}\nEND\n"
                                       "python3 /opt/r.py & echo $! > /run/reader")  # fmt: skip
            await cloud.says(server, "reading")
            for _ in range(5):
                await cloud.driver.pause(server.id)
                await asyncio.sleep(0.1)
                await cloud.driver.resume(server.id)
            await cloud.run(server, "kill -0 $(cat /run/reader) && sleep 0.1 && date")
            assert "back by" not in await cloud.driver.console(server.id), (
                "as long as it stood still, no more"
            )
            await cloud.driver.pause(server.id)
            await cloud.driver.power_off(server.id)
            await cloud.driver.boot(server)
            with pytest.raises(DriverError):
                await cloud.driver.resume(server.id)
            assert await cloud.run(server, "echo well") == "well\n"

    asyncio.run(main())


FIO = (
    "fio --name=x --filename=/dev/vdb --direct=1 --bs=4k --size=16m --rw=randwrite --time_based --runtime=1 "
    "--output-format=terse --terse-version=3"
)


async def iops(cloud: Cloud, server: ServerSpec, command: str = FIO) -> float:
    """What fio writes a second to a server's /dev/vdb."""
    return float((await cloud.run(server, command)).strip().splitlines()[-1].split(";")[48])


@pytest.mark.root_only("loop devices")
def test_a_volume_becomes_slow_and_full() -> None:
    async def main() -> None:
        async with running() as cloud:
            server = await cloud.boot(cloud.spec("server"))
            volume = str(uuid.uuid4())
            await cloud.driver.put_volume(volume, SIZE)
            await cloud.driver.attach_volume(server.id, volume)
            await cloud.driver.limit_volume(server.id, volume, 10)
            assert 2 < await iops(cloud, server) < 20, "a busy machine makes less, and none makes more"
            await cloud.driver.limit_volume(server.id, volume, None)
            assert await iops(cloud, server) > 30
            fill = "dd if=/dev/zero of=/dev/vdb bs=1M oflag=direct 2>&1"
            await cloud.driver.fill_volume(volume, SIZE // 2)
            output = await cloud.run(server, fill, check=False)
            assert f"{SIZE // 2} bytes" in output
            assert "No space left" in output
            await cloud.driver.fill_volume(volume, None)
            assert f"{SIZE} bytes" in await cloud.run(server, fill, check=False)

    asyncio.run(main())


VERIFY = "fio --name=x --filename=/dev/vdb --direct=1 --bs=4k --size=8m --rw=randwrite --verify=crc32c 2>&1"
"""Writes 8 MiB and reads them back."""
WIPE = "head -c 8M /dev/urandom | dd of=/dev/vdb bs=1M iflag=fullblock oflag=direct 2>&1"
"""Or fio would take what an earlier run of it has written for its own."""


@pytest.mark.root_only("loop devices")
@pytest.mark.nightly
def test_a_faulty_volume_is_late_lies_and_fails_as_it_is_told() -> None:
    async def main() -> None:
        async with running() as cloud:
            server = await cloud.boot(cloud.spec("server"))
            volume = str(uuid.uuid4())
            await cloud.driver.put_volume(volume, SIZE)
            await cloud.driver.attach_volume(server.id, volume, faulty=True)
            wrong = partial(cloud.driver.set_volume, volume)
            flushing = FIO.replace("--rw=randwrite", "--rw=randwrite --fsync=1")
            assert "verify failed" not in await cloud.run(server, VERIFY)
            assert await iops(cloud, server) > 200
            await wrong(VolumeFaults(latency=0.01))
            assert 60 < await iops(cloud, server) < 101
            deep = FIO.replace("--rw", "--ioengine=libaio --iodepth=8 --rw")
            assert 300 < await iops(cloud, server, deep) < 810, "late each, and not one after the other"
            await wrong(VolumeFaults(sync=0.05))
            assert await iops(cloud, server) > 200, "only flushes are late"
            assert 10 < await iops(cloud, server, flushing) < 21
            for faults, said in (
                (VolumeFaults(lost=0.05), "bad magic header"),
                (VolumeFaults(changed=0.05), "verify failed"),
                (VolumeFaults(failed=0.05), "Input/output error"),
            ):
                await cloud.driver.set_volume(volume, VolumeFaults())
                await cloud.run(server, WIPE)
                await wrong(faults)
                assert said in await cloud.run(server, VERIFY, check=False)
            await wrong(VolumeFaults())
            await cloud.run(server, VERIFY)
            await cloud.driver.power_off(server.id)
            await cloud.driver.boot(server)
            await cloud.run(server, VERIFY)
            await cloud.driver.detach_volume(server.id, volume)
            await cloud.driver.attach_volume(server.id, volume)
            with pytest.raises(DriverError, match="whose type has the property kb:faulty=true"):
                await wrong(VolumeFaults(lost=1))
            await cloud.run(server, VERIFY)

    asyncio.run(main())


def test_what_lies_on_a_volume_is_changed() -> None:
    async def main() -> None:
        async with running() as cloud:
            server = await cloud.boot(cloud.spec("server"))
            volume = str(uuid.uuid4())
            await cloud.driver.put_volume(volume, SIZE)
            await cloud.driver.attach_volume(server.id, volume)
            again = VERIFY.replace("fio ", "fio --verify_only ")
            await cloud.run(server, VERIFY)
            await cloud.run(server, again)
            assert await cloud.driver.corrupt_volume(volume, 1 << 20) == SIZE >> 20
            assert "verify failed" in await cloud.run(server, again, check=False)
            with pytest.raises(DriverError, match="There is no volume"):
                await cloud.driver.corrupt_volume("nothing", 4096)

    asyncio.run(main())


BURN = """
import os, time
start = time.monotonic()
child = os.fork()
while time.monotonic() - start < 2: pass
if child:
    os.wait()
    t = os.times()
    print(t.user + t.system + t.children_user + t.children_system)
"""


@pytest.mark.root_only("control groups")
def test_flavors_limit_cpu_and_memory() -> None:
    async def main() -> None:
        async with running() as cloud:
            notes = " ".join(cloud.driver.notes)
            server = await cloud.boot(cloud.spec("small"))  # 1 vCPU, 512 MiB
            if "vCPU is enforced" in notes:
                assert float(await cloud.run(server, "python3 -", stdin=BURN.encode())) < 2.4
            output = await cloud.run(server, "python3 -c 'print(len(bytearray(700<<20)))'", check=False)
            assert ("734003200" in output) == ("RAM is enforced" not in notes)
            assert await cloud.run(server, "hostname") == "small\n"

    asyncio.run(main())
