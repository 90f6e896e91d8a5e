"""A control plane on 127.0.0.1: a real Redis with the shipped ACL, a real sshd, real agents.

Tests and benchmarks both use it.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from kb_tests.cloud.topology import Access, Role, Server, StagingFacts, Topology
from kb_tests.fleet import boot, bundle
from kb_tests.fleet.secrets import Secrets

RUN = "c0ffee00"
HOST = "127.0.0.1"


_PATIENCE = 300.0
_PORTS = 12_000
"""So many, below those that the kernel gives to whoever connects: what is free there stays so."""


def free_port() -> int:
    """A port that nobody uses now, nor soon by chance."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(lowest - _PORTS, lowest) if lowest > 2 * _PORTS else 0  # noqa: S311
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return int(probe.getsockname()[1])


class Plane:
    """All of it, in a folder of its own; `with` ends every process."""

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets
        self.folder = Path(tempfile.mkdtemp(prefix="kb-plane-"))
        self.folder.chmod(0o755)
        self.redis_port = free_port()
        self.ssh_port = free_port()
        self.http_port = free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Plane:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGCONT)
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        subprocess.run(["rm", "-rf", str(self.folder)], check=True)

    def spawn(self, name: str, arguments: Sequence[str]) -> None:
        """Start a process in a group of its own."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )

    def kill(self, name: str) -> None:
        """End a process group at once."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def log(self, name: str) -> str:
        """What a process said."""
        return (self.folder / f"{name}.log").read_text()

    def _listening(self, port: int, name: str) -> None:
        """Until the process `name` takes connections on `port`; raises TimeoutError."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(self.log(name))
            time.sleep(0.02)

    def start_redis(self, maxmemory: str = "64mb") -> None:
        """Redis as the proxy's user_data configures it."""
        (self.folder / "users.acl").write_text(boot.acl(RUN, self.secrets) + "\n")
        conf = boot.redis_conf(HOST, self.redis_port, str(self.folder / "users.acl"))
        (self.folder / "redis.conf").write_text(f"{conf}\nmaxmemory {maxmemory}\n")
        self.spawn("redis", ["redis-server", str(self.folder / "redis.conf")])
        self._listening(self.redis_port, "redis")

    def start_sshd(self, secrets: Secrets | None = None) -> None:
        """Sshd with the pinned host key; whoever runs the tests stands in for the user kb."""
        secrets = secrets or self.secrets
        key = self.folder / "host_key"
        key.write_text(secrets.host.private)
        key.chmod(0o600)
        allowed = f'restrict,port-forwarding,permitopen="{HOST}:{self.redis_port}" {secrets.client.public}\n'
        (self.folder / "authorized_keys").write_text(allowed)
        Path("/run/sshd").mkdir(exist_ok=True)
        (self.folder / "sshd_config").write_text(
            f"Port {self.ssh_port}\nListenAddress {HOST}\nHostKey {key}\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\nStrictModes no\nPermitRootLogin yes\n"
        )
        self.spawn("sshd", ["/usr/sbin/sshd", "-D", "-e", "-f", str(self.folder / "sshd_config")])
        self._listening(self.ssh_port, "sshd")

    def start_agent(self, server: Server, **changes: object) -> None:
        """The shipped agent under the system's own Python."""
        folder = self.folder / f"{server.role}-agent"
        agent = folder / "__main__.py"
        if not agent.exists():  # else an agent that is starting reads them
            bundle.write(server.role, folder)
        config = boot.agent_config(server.role, RUN, HOST, self.secrets) | {
            "port": self.redis_port,
            "folder": str(self.folder / server.name),
            "listen": f"{HOST}:{self.http_port}",
            "name": server.name,
            "uuid": server.id,
            **changes,
        }
        path = self.folder / f"{server.name}.json"
        path.write_text(json.dumps(config))
        self.spawn(server.name, ["/usr/bin/python3", "-IS", str(agent), str(path)])

    def topology(self, clients: int = 1, proxy_command: str = "") -> Topology:
        """As staged: `clients` generators, all of which load the one HTTP server."""

        def server(role: Role, number: int, peer: str = "") -> Server:
            return Server(
                id=f"00000000-0000-0000-{role:>.4s}-{number:012d}",
                name=f"kb-{RUN}-{role}-{number}",
                role=role,
                address=HOST,
                network="net",
                project_id="project",
                host="host",
                peer=peer,
            )

        return Topology(
            run_id=RUN,
            scenario="test",
            cloud="none",
            proxy=server(Role.PROXY, 0),
            servers=(server(Role.SERVER, 0),),
            clients=tuple(server(Role.CLIENT, number, HOST) for number in range(clients)),
            access=Access(HOST, self.ssh_port, HOST, self.redis_port, proxy_command),
            staging=StagingFacts(0.0, 0),
        )


def user() -> str:
    """Who runs these tests."""
    return pwd.getpwuid(os.getuid()).pw_name


@contextlib.contextmanager
def plane(secrets: Secrets) -> Iterator[Plane]:
    """A plane with Redis and sshd up."""
    with Plane(secrets) as made:
        made.start_redis()
        made.start_sshd()
        yield made
