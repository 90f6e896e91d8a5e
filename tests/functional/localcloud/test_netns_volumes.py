"""Volumes in servers: whole, of the right size, in one server alone, kept over a stop."""

from __future__ import annotations

import asyncio
import os
import uuid

import pytest

from kb_tests.localcloud.driver import DriverError
from tests.functional.localcloud.netns_cloud import running

SIZE = 64 << 20
XFS_AT_LEAST = 320 << 20


def test_a_volume_is_filled_and_found_by_its_id() -> None:
    async def main() -> None:
        async with running() as cloud:
            server, other = await cloud.boot(cloud.spec("server")), await cloud.boot(cloud.spec("other"))
            first, second = str(uuid.uuid4()), str(uuid.uuid4())
            await cloud.driver.put_volume(first, SIZE)
            await cloud.driver.put_volume(second, SIZE)
            assert await cloud.driver.attach_volume(server.id, first) == "/dev/vdb"
            assert await cloud.driver.attach_volume(server.id, second) == "/dev/vdc"
            assert await cloud.driver.attach_volume(server.id, first) == "/dev/vdb"
            device = f"/dev/disk/by-id/virtio-{first[:20]}"
            size = "blockdev --getsize64" if os.geteuid() == 0 else "stat -L -c %s"
            assert await cloud.run(server, f"{size} {device}") == f"{SIZE}\n"
            assert await cloud.run(server, f"readlink -f {device}") == "/dev/vdb\n"
            zeros = "cmp /dev/vdb /dev/zero | cut -d, -f1"
            assert "differ" in await cloud.run(server, zeros, check=False)
            listing = await cloud.run(other, "ls /dev /dev/disk/by-id")
            assert "vdb" not in listing
            assert "virtio" not in listing
            fio = (
                "fio --name=x --filename=/dev/vdb --rw=randrw --bs=4k --direct=1 --ioengine=libaio "
                f"--iodepth=4 --size={SIZE} --runtime=1 --time_based --output-format=terse --terse-version=3"
            )
            assert (await cloud.run(server, fio)).split(";")[4] == "0"
            await cloud.run(server, "echo kept | dd of=/dev/vdb bs=4096 conv=sync,notrunc oflag=direct")
            await cloud.driver.power_off(server.id)
            await cloud.driver.boot(server)
            assert (await cloud.run(server, f"head -c 4 {device}")) == "kept"
            await cloud.driver.detach_volume(server.id, first)
            await cloud.driver.detach_volume(server.id, first)
            assert "vdb" not in await cloud.run(server, "ls /dev /dev/disk/by-id")
            await cloud.driver.put_volume(first, 2 * SIZE)
            assert await cloud.driver.attach_volume(other.id, first) == "/dev/vdb"
            assert (await cloud.run(other, f"head -c 4 {device}")) == "kept"
            assert await cloud.run(other, f"{size} {device}") == f"{2 * SIZE}\n"
            assert "differ" in await cloud.run(other, f"cmp -i {SIZE}:0 {device} /dev/zero", check=False)
            await cloud.driver.destroy(other.id)
            await cloud.driver.delete_volume(first)
            await cloud.driver.delete_volume(first)
            with pytest.raises(DriverError, match="There is no volume"):
                await cloud.driver.attach_volume(server.id, first)

    asyncio.run(main())


def test_a_volume_that_does_not_fit_is_refused() -> None:
    async def main() -> None:
        async with running() as cloud:
            with pytest.raises(DriverError, match=r"cannot be made in .*: (No space left|File too large)"):
                await cloud.driver.put_volume(str(uuid.uuid4()), 1 << 50)
            volume = str(uuid.uuid4())
            await cloud.driver.put_volume(volume, 1 << 20)
            with pytest.raises(DriverError, match=r"No space left|File too large"):
                await cloud.driver.put_volume(volume, 1 << 50)
            server = await cloud.boot(cloud.spec("server"))
            await cloud.driver.attach_volume(server.id, volume)
            size = "blockdev --getsize64" if os.geteuid() == 0 else "stat -L -c %s"
            assert await cloud.run(server, f"{size} /dev/vdb") == f"{1 << 20}\n"
            if os.geteuid() != 0:
                with pytest.raises(DriverError, match="only a volume that is attached as a loop device"):
                    await cloud.driver.limit_volume(server.id, volume, 100)

    asyncio.run(main())


@pytest.mark.root_only("file systems that servers mount")
def test_a_server_mounts_its_own_volumes_and_nothing_else() -> None:
    async def main() -> None:
        async with running() as cloud:
            server = await cloud.boot(cloud.spec("server"))
            volume = str(uuid.uuid4())
            await cloud.driver.put_volume(volume, SIZE)
            await cloud.driver.attach_volume(server.id, volume)
            device = f"/dev/disk/by-id/virtio-{volume[:20]}"
            await cloud.run(server, f"mkfs.ext4 -q {device} && mkdir -p /srv/data")
            await cloud.run(server, f"mount -o noatime {device} /srv/data && echo hello > /srv/data/file")
            assert " /srv/data ext4 rw,nosuid,nodev,noatime" in await cloud.run(server, "cat /proc/mounts")
            assert await cloud.run(server, "findmnt -no SOURCE /srv/data") != ""
            await cloud.run(server, "umount /srv/data && ! test -e /srv/data/file")
            await cloud.run(server, f"mount -t ext4 -o ro {device} /srv/data && cat /srv/data/file")
            for refused in (
                "mount /dev/vdc /srv",
                "mount -t tmpfs none /srv",
                f"mount -o suid,x-mount.mkdir {device} /srv",
                f"mount -t proc {device} /srv",
                "umount /proc/sys",
                "umount /usr",
                "mount /dev/vdb relative/../../nowhere",
            ):
                await cloud.run(server, f"! {refused}")
            larger = str(uuid.uuid4())
            await cloud.driver.put_volume(larger, XFS_AT_LEAST)
            await cloud.driver.attach_volume(server.id, larger)
            await cloud.run(server, "mkfs.xfs -f -q -L kb-label /dev/vdc && mkdir /srv/xfs")
            await cloud.run(server, "mount -t xfs /dev/vdc /srv/xfs && umount /srv/xfs")
            assert await cloud.run(server, "blkid -p -s LABEL -o value /dev/vdc") == "kb-label\n"
            for refused in ("mkfs.xfs -f -q -L ../x /dev/vdc", "mkfs.xfs -f -q /dev/loop0"):
                await cloud.run(server, f"! {refused}")
            await cloud.driver.power_off(server.id)
            await cloud.driver.boot(server)
            await cloud.run(server, f"mount {device} /srv/data && grep hello /srv/data/file")
            await cloud.driver.destroy(server.id)
            await cloud.driver.delete_volume(volume)

    asyncio.run(main())
