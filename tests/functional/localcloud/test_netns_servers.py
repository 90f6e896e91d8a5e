"""What a server is: its own root, its user_data, SSH, console, metadata, power."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from kb_tests.localcloud.driver import DriverError, Power
from kb_tests.localcloud.netns.forwarder import local_port
from tests.functional.localcloud.netns_cloud import EVERYTHING, running
from tests.waiting import eventually_async


def test_user_data_runs_as_root_with_a_root_of_its_own() -> None:
    async def main() -> None:
        async with running() as cloud:
            server = await cloud.boots(
                "one",
                """
                set -e
                echo "I am $(id -un) on $(hostname) with $PATH"
                useradd --create-home joe
                echo joe:secret | chpasswd
                usermod -p '*' joe
                install -o joe -m 600 /etc/hosts /opt/mine
                stat -c '%U %a' /opt/mine
                for place in /etc /var/lib /opt /run /tmp /root /srv /home /usr/local/bin /var/log/nginx; do
                    echo x > $place/written-by-kb
                done
                ls /root/.ssh
                grep -c . /proc/net/dev
                cat /etc/hostname
                ! ls /root/.bashrc
                """,
            )
            console = await cloud.driver.console(server.id)
            assert (
                "I am root on one with /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
                in console
            )
            assert "joe 600" in console
            assert "user_data ended with status 0" in console

    asyncio.run(main())


def test_daemons_outlive_the_script_and_low_ports_can_be_bound() -> None:
    script = """
    set -e
    mkdir -p /etc/kb /srv/www && echo hello > /srv/www/index.html
    cat > /etc/kb/nginx.conf <<'END'
user root;
events { }
pid /run/nginx.pid;
http { access_log /var/log/nginx/access.log; server { listen 80; root /srv/www; } }
END
    nginx -c /etc/kb/nginx.conf
    redis-server --port 6379 --bind 0.0.0.0 --save '' --daemonize yes --protected-mode no
    nohup python3 -c 'import time; time.sleep(600)' &
    """

    async def main() -> None:
        async with running() as cloud:
            server = await cloud.boots("web", script)
            assert "status 0" in await cloud.driver.console(server.id)
            assert await cloud.run(server, "curl -s http://127.0.0.1/") == "hello\n"
            processes = await cloud.run(server, "ps -eo args")
            assert "nginx: master" in processes
            assert "redis-server" in processes
            assert "time.sleep" in processes

    asyncio.run(main())


def test_ssh_serves_the_host_key_that_user_data_installed() -> None:
    script = """
    ssh-keygen -q -t ed25519 -N '' -f /tmp/k
    install -m 600 /tmp/k /etc/ssh/ssh_host_ed25519_key
    kill -HUP $(cat /run/sshd.pid)
    awk '{print "public", $2}' /tmp/k.pub
    """

    async def main() -> None:
        async with running() as cloud:
            server = await cloud.boots("keys", script)
            console = await cloud.driver.console(server.id)
            public = console.partition("public ")[2].split()[0]
            assert await cloud.run(server, "hostname") == "keys\n"
            address = await cloud.floating(server)
            scan = await asyncio.create_subprocess_exec(
                *("ssh-keyscan", "-p", str(local_port(22)), "-t", "ed25519", address),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            shown, _ = await scan.communicate()
            assert public in shown.decode()

    asyncio.run(main())


def test_every_server_makes_a_host_key_of_its_own() -> None:
    async def main() -> None:
        async with running() as cloud:
            keys = set()
            for name in ("a", "b"):
                server = await cloud.boot(cloud.spec(name))
                keys.add(await cloud.run(server, "cat /etc/ssh/ssh_host_ed25519_key.pub; ls /etc/ssh"))
            assert len(keys) == 2

    asyncio.run(main())


def test_cloud_config_writes_files_and_runs_commands() -> None:
    config = """#cloud-config
write_files:
  - path: /etc/deep/down/file
    content: "text\\n"
    permissions: '0600'
  - {path: /opt/coded, encoding: b64, content: aGVsbG8K, owner: 'www-data:www-data', permissions: 0640}
runcmd:
  - stat -c '%a %U' /etc/deep/down/file
  - [sh, -c, 'cat /opt/coded; stat -c "%U %a" /opt/coded']
"""

    async def main() -> None:
        async with running() as cloud:
            server = await cloud.boot(cloud.spec("configured", config))
            console = await cloud.says(server, "user_data ended with status 0")
            assert "600 root" in console
            assert "hello\nwww-data 640" in console

    asyncio.run(main())


def test_metadata_and_config_drive() -> None:
    script = """
    base=http://169.254.169.254
    curl -sf $base/openstack/latest/meta_data.json; echo
    curl -sf $base/openstack/latest/user_data | head -1
    curl -sf $base/openstack/latest/network_data.json | python3 -c 'import json,sys; json.load(sys.stdin)'
    for name in hostname instance-id local-ipv4; do curl -sf $base/latest/meta-data/$name; echo; done
    curl -s -o /dev/null -w 'missing %{http_code}\\n' $base/openstack/latest/nothing
    cmp /mnt/config/openstack/latest/user_data /var/lib/cloud/instance/user-data.txt && echo same
    echo x > /mnt/config/openstack/latest/user_data || echo read-only
    """

    async def main() -> None:
        async with running() as cloud:
            first = await cloud.boots("meta1", script)
            second = await cloud.boots("meta2", script)
            for server in (first, second):
                console = await cloud.driver.console(server.id)
                assert json.dumps(server.meta_data) in console
                assert "#!/bin/bash" in console
                assert f"\n{server.id}\n" in console
                assert f"\n{server.nics[0].address}\n" in console
                assert "missing 404" in console
                assert "same\n" in console
                assert "read-only\n" in console

    asyncio.run(main())


def test_a_stopped_server_keeps_its_disk_and_runs_user_data_once() -> None:
    async def main() -> None:
        async with running() as cloud:
            folder = "/var/lib/cloud/scripts/per-boot"
            server = await cloud.boots(
                "disk",
                "echo booted >> /opt/log; echo x > /run/gone\n"
                f"mkdir -p {folder}; cd {folder}; touch no-program\n"
                "printf '#!/bin/sh\\necho again >> /opt/each' > again; chmod 700 again",
            )
            await cloud.run(server, "echo more >> /etc/kept")
            await cloud.driver.power_off(server.id)
            assert await cloud.driver.power() == {server.id: Power.STOPPED}
            await cloud.driver.power_off(server.id)
            await cloud.driver.boot(server)
            assert await cloud.driver.power() == {server.id: Power.RUNNING}
            assert await cloud.run(server, "cat /opt/log /etc/kept; ls /run/gone", check=False) == (
                "booted\nmore\nls: cannot access '/run/gone': No such file or directory\n"
            )
            waiting = "until [ -s /opt/each ]; do sleep 0.1; done; cat /opt/each"
            assert await cloud.run(server, waiting) == "again\n"
            await cloud.driver.destroy(server.id)
            assert await cloud.driver.power() == {}
            await cloud.driver.destroy(server.id)
            fresh = await cloud.boots("disk", "cat /opt/log")
            assert "No such file" in await cloud.driver.console(fresh.id)

    asyncio.run(main())


def test_nothing_of_a_prepared_server_runs_until_it_boots() -> None:
    async def main() -> None:
        async with running() as cloud:
            neighbour = await cloud.boot(cloud.spec("neighbour"))
            server = cloud.spec("slow", "#!/bin/sh\necho ran")
            await cloud.driver.put_rules(server.nics[0].port_id, EVERYTHING)
            await cloud.driver.prepare(server)
            port_22 = f"timeout 60 bash -c 'head -c 7 </dev/tcp/{server.nics[0].address}/22' 2>&1"
            assert "refused" in await cloud.run(neighbour, port_22, check=False)
            assert "ran" not in await cloud.driver.console(server.id)
            unwanted = cloud.spec("unwanted")
            await cloud.driver.prepare(unwanted)
            await cloud.driver.destroy(unwanted.id)
            await cloud.driver.boot(server)
            await cloud.says(server, "ran")
            assert await cloud.run(neighbour, port_22) == "SSH-2.0"

    asyncio.run(main())


def test_a_crash_shows() -> None:
    async def main() -> None:
        async with running() as cloud:
            server = await cloud.boots("crashing", "true")
            await cloud.driver.crash(server.id)

            async def crashed() -> bool:
                return await cloud.driver.power() == {server.id: Power.CRASHED}

            await eventually_async(crashed)
            await cloud.driver.boot(server)
            assert await cloud.run(server, "hostname") == "crashing\n"

    asyncio.run(main())


def test_the_console_is_bounded_and_keeps_the_end() -> None:
    async def main() -> None:
        async with running() as cloud:
            server = await cloud.boots("chatty", "yes | head -c 3000000; echo the end")
            console = await cloud.driver.console(server.id)
            assert len(console) <= 256 * 1024
            assert "the end" in console

    asyncio.run(main())


def test_a_server_that_cannot_boot_says_why_and_leaves_the_others_alone() -> None:
    async def main() -> None:
        async with running() as cloud:
            good = await cloud.boot(cloud.spec("good"))
            bad = cloud.spec("bad", "#!/bin/sh\necho ran", network=7)
            with pytest.raises(DriverError, match=r"bad .* did not boot: There is no network net7"):
                await cloud.driver.boot(bad)
            with pytest.raises(DriverError, match="no valid cloud-config"):
                await cloud.driver.boot(cloud.spec("worse", "#cloud-config\n]["))
            assert await cloud.run(good, "hostname") == "good\n"
            await cloud.driver.put_network("net7", 1500)
            await cloud.driver.boot(bad)
            await cloud.says(bad, "ran")
            await cloud.driver.destroy(bad.id)

    asyncio.run(main())


def test_the_umask_of_whoever_starts_the_cloud_does_not_matter() -> None:
    async def main() -> None:
        async with running() as cloud:
            server = await cloud.boot(cloud.spec("strict"))
            await cloud.run(server, "su -s /bin/sh nobody -c 'ls /etc /usr /var/lib /opt /srv /mnt/config'")

    before = os.umask(0o077)
    try:
        asyncio.run(main())
    finally:
        os.umask(before)
