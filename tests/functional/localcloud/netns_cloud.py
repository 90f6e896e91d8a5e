"""A small cloud of namespaces for tests: one network behind one router, driven without any API."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from kb_tests.localcloud.driver import FloatingIp, Nic, RouterPort, RouterSpec, Rule, ServerSpec
from kb_tests.localcloud.netns import relay
from kb_tests.localcloud.netns.driver import NetnsDriver
from kb_tests.localcloud.netns.forwarder import local_port
from tests.waiting import PATIENCE, eventually_async

EVERYTHING = (Rule("egress", None, None, None, ()), Rule("ingress", None, None, None, ()))
OUT_ONLY = (Rule("egress", None, None, None, ()),)
SSH = Rule("ingress", "tcp", 22, 22, ("0.0.0.0/0",))


class Cloud:
    """The driver, and what a test needs to make servers and to look into them."""

    def __init__(self, driver: NetnsDriver, key: Path) -> None:
        self.driver = driver
        self.key = key
        self._hosts = itertools.count(10)
        self._floating = itertools.count(1)
        self._servers: dict[str, str] = {}

    def spec(self, name: str, user_data: str | bytes = b"", *, network: int = 1, nics: int = 1) -> ServerSpec:
        """A server with its ports in the given network (10.`network`.0.0/16)."""
        server_id = str(uuid.uuid4())
        ports: list[Nic] = []
        for _ in range(nics):
            host = next(self._hosts)
            ports.append(
                Nic(
                    port_id=str(uuid.uuid4()),
                    network_id=f"net{network}",
                    mac=f"fa:16:3e:00:{host >> 8:02x}:{host & 255:02x}",
                    address=f"10.{network}.0.{host}",
                    prefix=16,
                    gateway=f"10.{network}.0.1" if not ports else None,
                )
            )
        return ServerSpec(
            id=server_id,
            name=name,
            hostname=name,
            vcpus=1,
            ram_mib=512,
            nics=tuple(ports),
            user_data=user_data.encode() if isinstance(user_data, str) else user_data,
            meta_data={"uuid": server_id, "hostname": name},
            public_keys=(self.key.with_suffix(".pub").read_text(),),
            hypervisor="hypervisor-1",
        )

    async def boot(self, spec: ServerSpec, rules: tuple[Rule, ...] | None = EVERYTHING) -> ServerSpec:
        """Boot with `rules` on every port, and a floating IP for `run`."""
        for nic in spec.nics:
            await self.driver.put_rules(nic.port_id, rules)
        await self.driver.boot(spec)
        return spec

    async def floating(self, spec: ServerSpec, ports: tuple[tuple[int, int], ...] = ((1, 65535),)) -> str:
        """A floating IP for the server's first port."""
        address = str(self.driver.floating_pool[0] + next(self._floating))
        await self.driver.put_floating_ip(FloatingIp(address, spec.id, spec.nics[0].address, ports))
        self._servers[spec.id] = address
        return address

    async def run(self, spec: ServerSpec, command: str, *, check: bool = True, stdin: bytes = b"") -> str:
        """What a command prints (standard output and error) in a server, by SSH as root, once sshd is up."""
        address = self._servers.get(spec.id) or await self.floating(spec)
        await eventually_async(lambda: _greets(address), what=f"no SSH server of {spec.name} answers")
        process = await asyncio.create_subprocess_exec(
            *("ssh", "-F", "none", "-i", str(self.key), "-p", str(local_port(22))),
            *("-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"),
            *("-o", "BatchMode=yes", "-o", "ConnectTimeout=10", f"root@{address}", command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(stdin), PATIENCE)
        text = output.decode()
        assert not check or process.returncode == 0, f"{command!r}: status {process.returncode}: {text}"
        return text

    async def says(self, spec: ServerSpec, text: str, seconds: float = PATIENCE) -> str:
        """Wait until a server's console holds `text`; the console."""
        console = ""

        async def there() -> bool:
            nonlocal console
            console = await self.driver.console(spec.id)
            return text in console

        await eventually_async(there, seconds, lambda: f"{text!r} on the console of {spec.name}: {console}")
        return console

    async def boots(self, name: str, script: str, **how: int) -> ServerSpec:
        """A server whose user_data is `script`, and has come to its end."""
        spec = await self.boot(self.spec(name, f"#!/bin/bash\n{script}\n", **how))
        await self.says(spec, "user_data ended")
        return spec


async def _greets(address: str) -> bool:
    """Whether an SSH server says what it is: a server that is booted may have none yet."""
    try:
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(address, local_port(22))
            try:
                return (await reader.read(4)) == b"SSH-"
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


@asynccontextmanager
async def running(networks: int = 1, patience: float = relay.CONNECT) -> AsyncIterator[Cloud]:
    """A cloud with networks 10.1.0.0/16, 10.2.0.0/16, ... and a router with a leg in each."""
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        driver = NetnsDriver(Path(folder), patience)
        await driver.start()
        try:
            for number in range(1, networks + 1):
                await driver.put_network(f"net{number}", 1500)
            await driver.put_router(router_spec(networks))
            yield Cloud(driver, key)
        finally:
            await driver.stop()


def router_spec(networks: int) -> RouterSpec:
    """The router of `running`."""
    legs = [
        RouterPort(f"leg{number}", f"net{number}", f"fa:16:3e:ff:00:{number:02x}", f"10.{number}.0.1", 16)
        for number in range(1, networks + 1)
    ]
    return RouterSpec("router", tuple(legs))


def with_nics(spec: ServerSpec, *nics: Nic) -> ServerSpec:
    """The same server with other ports."""
    return replace(spec, nics=nics)
