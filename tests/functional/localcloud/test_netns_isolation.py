"""A server's root cannot change its host, nor read what only the host's root may."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from tests.functional.localcloud.netns_cloud import running

CHECKOUT = Path(__file__).parents[3]
REFUSED = (
    # sysctls and the kernel
    "sysctl -w kernel.panic=7",
    "sysctl -w vm.swappiness=3",
    "sysctl -w fs.file-max=1000",
    "echo 5 > /proc/sys/kernel/panic",
    "mount -o remount,rw,bind /proc/sys",
    "umount /proc/sys",
    "echo b > /proc/sysrq-trigger",
    "date -s 2001-01-01",
    "hwclock --systohc",
    "dmesg --clear",
    "modprobe dummy",
    "insmod /tmp/x.ko",
    "kexec -u",
    "swapoff -a && swapon /tmp/x",
    # devices and file systems
    "mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk",
    "mknod /tmp/kmsg c 1 11",
    "ls /dev/vda /dev/sda /dev/mem /dev/kmsg /dev/loop-control 2>/dev/null | grep .",
    "mount -t tmpfs none /srv",
    "mount -t sysfs none /srv",
    "mount -t proc none /srv",
    "mount --bind / /srv",
    "mount -o remount,rw /sys",
    "touch /sys/kernel/x",
    "echo 1 > /sys/kernel/mm/ksm/run",
    "echo x > /mnt/config/openstack/latest/meta_data.json",
    # the namespaces of others
    "nsenter -t 1 -n ip link add x type bridge && nsenter -n/proc/2/ns/net true",
    "nsenter --mount=/proc/1/ns/mnt true",
    f"chroot /proc/1/cwd/../../.. ls {CHECKOUT}",
    "unshare --mount true",
    "kill -9 1 && sleep 0.1 && ! test -d /proc/1",
    "cat /etc/shadow | grep -v ':\\*:19000'",
    "cat /proc/kcore | head -c 1 | grep -q .",
    f"ls {CHECKOUT} /home/* 2>/dev/null | grep .",
)
ALLOWED = (
    "sysctl -w net.ipv4.tcp_fin_timeout=30",
    "sysctl -w net.core.somaxconn=4096",
    "ip link add dummy0 type bridge",
    "touch /etc/mine /var/lib/mine /srv/mine /usr/local/bin/mine",
    "su -s /bin/sh nobody -c id",
    "kill -9 -1 || true",
)


def host_state() -> dict[str, str]:
    """What must be the same after a server did its worst."""
    files = ("kernel/panic", "vm/swappiness", "fs/file-max", "net/ipv4/tcp_fin_timeout", "net/core/somaxconn")
    state = {name: Path(f"/proc/sys/{name}").read_text() for name in files}
    state["hostname"] = socket.gethostname()
    state["devices"] = " ".join(sorted(name for _, name in socket.if_nameindex() if name == "dummy0"))
    state["mine"] = " ".join(str(Path(f"{place}/mine").exists()) for place in ("/etc", "/srv", "/var/lib"))
    return state


def test_a_server_cannot_change_its_host() -> None:
    async def main() -> None:
        async with running() as cloud:
            server = await cloud.boot(cloud.spec("captive"))
            before = host_state()
            script = "".join(
                f"( {command} ) >/tmp/out 2>&1 </dev/null && echo 'DONE {number}'\n"
                for number, command in enumerate(REFUSED)
            )
            output = await cloud.run(server, "bash -s", stdin=f"{script}true\n".encode())
            done = [REFUSED[int(line.split()[1])] for line in output.splitlines() if line.startswith("DONE")]
            assert done == []
            for command in ALLOWED:
                await cloud.run(server, command, check="kill" not in command)
            assert host_state() == before

    asyncio.run(main())


def test_a_server_sees_its_own_processes_alone_and_cannot_signal_others() -> None:
    async def main() -> None:
        async with running() as cloud:
            first, second = await cloud.boot(cloud.spec("first")), await cloud.boot(cloud.spec("second"))
            listing = await cloud.run(first, "ps -e -o pid= | wc -l")
            assert int(listing) < 10
            assert (await cloud.run(first, f"kill -9 {os.getpid()}", check=False)).count("No such process")
            await cloud.run(second, "nohup sleep 600 >/dev/null 2>&1 & echo")
            await cloud.run(first, "kill -9 -1", check=False)
            assert "sleep 600" in await cloud.run(second, "ps -e -o args=")
            assert await cloud.run(first, "hostname") == "first\n", "its process 1 outlives its root's anger"

    asyncio.run(main())


@pytest.mark.parametrize("path", ["/etc/kb-secret", "/etc/ssh/kb-secret"])
@pytest.mark.root_only("secrets of the host's own")
def test_secrets_of_the_host_stay_there(path: str) -> None:
    secret = Path(path)
    secret.write_text("x")
    secret.chmod(0o600)

    async def main() -> None:
        async with running() as cloud:
            server = await cloud.boot(cloud.spec("curious"))
            assert "No such file" in await cloud.run(server, f"cat {path}", check=False)

    try:
        asyncio.run(main())
    finally:
        secret.unlink()
