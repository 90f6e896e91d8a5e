"""A way into the servers of a local cloud while a session loads them: their processes, seen from the host."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.campaign.outside import entering

HERE = Path(__file__).parent


class Process(NamedTuple):
    """One process of the cloud or of a server on it."""

    pid: int
    parent: int
    arguments: str

    @property
    def root(self) -> Path:
        """The server's file system."""
        return Path(f"/proc/{self.pid}/root")


def processes(cloud: int) -> list[Process]:
    """All that descend from the cloud's process `cloud`."""
    by_parent: dict[int, list[Process]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                arguments = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                by_parent.setdefault(parent, []).append(Process(int(folder.name), parent, arguments))
    found: list[Process] = []
    level = [cloud]
    while level:
        children = [child for parent in level for child in by_parent.get(parent, [])]
        found += children
        level = [child.pid for child in children]
    return found


def redis(cloud: int) -> Process:
    """The proxy's Redis."""
    return next(one for one in processes(cloud) if one.arguments.startswith("/usr/bin/redis-server"))


def nginx(cloud: int) -> Process:
    """The HTTP server's nginx: its master."""
    return next(one for one in processes(cloud) if one.arguments.startswith("nginx: master"))


def nginx_workers(cloud: int) -> list[int]:
    """The processes that answer."""
    return [one.pid for one in processes(cloud) if one.arguments.startswith("nginx: worker")]


def agent(cloud: int) -> Process:
    """The generator's agent."""
    own = processes(cloud)
    shells = {one.pid for one in own if one.arguments.startswith("sh -c while")}
    for one in own:
        if (
            one.parent in shells
            and "agent/__main__.py" in one.arguments
            and agent_config(one)["role"] == "client"
        ):
            return one
    raise LookupError("There is no generator.")


def generators(cloud: int) -> list[int]:
    """The processes that the agent's load runs in."""
    parent = agent(cloud).pid
    return [one.pid for one in processes(cloud) if one.parent == parent]


def agent_config(one: Process) -> dict[str, str]:
    """What the agent `one` was told at boot."""
    text = (one.root / "var/lib/kb-agent/config.json").read_text()
    return dict(json.loads(text))


class Intruder:
    """Programs of ours that run in servers' networks; they end with the block."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[str]] = []

    def start(self, inside: Process, program: str, *arguments: str) -> None:
        """Start one of the programs of this folder in the network of `inside`, and wait until it serves."""
        command = [*entering(inside.pid), sys.executable, str(HERE / program)]
        process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)
        self._running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    def end(self) -> None:
        """End them all."""
        for process in self._running:
            process.kill()
            process.communicate()
        self._running.clear()


@contextlib.contextmanager
def intruding() -> Iterator[Intruder]:
    """An intruder, for as long as the block."""
    intruder = Intruder()
    try:
        yield intruder
    finally:
        intruder.end()


def clear_port(server: Process) -> None:
    """Let nginx go on on another port than the generators ask for."""
    config = server.root / "var/lib/kb-nginx/nginx.conf"
    config.write_text(config.read_text().replace("listen 80 ", "listen 81 "))
    os.kill(server.pid, signal.SIGHUP)
