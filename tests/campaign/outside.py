"""What there is on the cloud and on the machine, asked of the cloud's API and of the kernel."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from openstack.connection import Connection

Things = frozenset[tuple[str, str]]
"""(kind, name and id) of everything there is."""

_LISTINGS = (
    ("compute", "/servers/detail?all_tenants=1", "servers"),
    ("compute", "/flavors/detail?is_public=None", "flavors"),
    ("network", "/networks", "networks"),
    ("network", "/subnets", "subnets"),
    ("network", "/ports", "ports"),
    ("network", "/routers", "routers"),
    ("network", "/floatingips", "floatingips"),
    ("network", "/security-groups", "security_groups"),
    ("image", "/images", "images"),
    ("block_storage", "/volumes/detail?all_tenants=1", "volumes"),
    ("identity", "/projects", "projects"),
    ("identity", "/users", "users"),
)


def on_cloud(connection: Connection, users: frozenset[str]) -> Things:
    """All resources of all projects; keypairs can only be asked for by user, so also those of `users`."""
    found: set[tuple[str, str]] = set()
    for service, path, kind in _LISTINGS:
        for entry in _get(connection, service, path)[kind]:
            found.add((kind, f"{entry.get('name') or entry.get('floating_ip_address', '')} {entry['id']}"))
    found |= {("quotas", quota["project_id"]) for quota in _get(connection, "network", "/quotas")["quotas"]}
    known = {name.split()[-1] for kind, name in found if kind == "users"}
    for user in known | users:
        answer = _get(connection, "compute", f"/os-keypairs?user_id={user}", microversion="2.10")
        found |= {("keypairs", f"{entry['keypair']['name']} {user}") for entry in answer["keypairs"]}
    return frozenset(found)


def _get(connection: Connection, service: str, path: str, **options: Any) -> Any:
    answer = getattr(connection, service).get(path, **options)
    answer.raise_for_status()
    return answer.json()


def on_machine(cloud_pid: int, state: Path) -> Things:
    """Processes, mounts, network devices, control groups, volume files and ports of the local cloud."""
    processes = tree(cloud_pid)
    helper = next((pid for pid, argv in processes.items() if argv[-2:-1] == [_HELPER]), None)
    found = {("process", f"{pid} {' '.join(argv)[:80]}") for pid, argv in processes.items()}
    found |= {("cgroup", path) for path in _control_groups(cloud_pid)}
    found |= {("volume", str(path)) for path in state.glob("kb-volumes-*/*")}
    found |= {("port", port) for port in _listening(cloud_pid)}
    found |= {("mount", path) for path in _mounts("self") if path.startswith(f"{state}/")}
    if helper is not None:
        found |= {("mount", path) for path in _mounts(helper) - _mounts("self")}
        found |= {("device", name) for name in _devices(helper)}
        found |= {("namespace", link) for link in _links(helper) if link.startswith(("net:", "mnt:", "pid:"))}
    return frozenset(found)


_HELPER = "kb_tests.localcloud.netns.helper"


def processes() -> Iterator[tuple[int, int, list[str]]]:
    """(pid, parent's pid, arguments) of every process but zombies."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with suppress(OSError, ValueError, IndexError):
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                argv = (entry / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
                yield int(entry.name), int(parent), argv


def tree(root: int) -> dict[int, list[str]]:
    """The process `root` and all below it: {pid: arguments}."""
    everything = {pid: (parent, argv) for pid, parent, argv in processes()}
    below: dict[int, list[str]] = {}
    for pid in everything:
        at = pid
        while at in everything and at != root:
            at = everything[at][0]
        if at == root:
            below[pid] = everything[pid][1]
    return below


def marked(variable: str) -> dict[int, list[str]]:
    """The processes whose environment has `variable` (NAME=value)."""
    found = {}
    for pid, _, argv in processes():
        with suppress(OSError):
            if variable.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found[pid] = argv
    return found


def entering(pid: int) -> list[str]:
    """The command that goes before one to be run in the network and with the host name of `pid`: an
    ordinary user owns the user namespace of a cloud, and enters that first.
    """
    first = [] if os.geteuid() == 0 else ["-U", "--preserve-credentials"]
    return ["nsenter", "-t", str(pid), *first, "-n", "-u"]


def _control_groups(cloud_pid: int) -> list[str]:
    command = ["find", "/sys/fs/cgroup", "-type", "d", "-path", f"*/kb-cloud-{cloud_pid}-*/*"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()


def _mounts(pid: int | str) -> set[str]:
    """Mount points in the namespace of `pid`. Those of the host come and go in the helper's, too."""
    return {line.split()[4] for line in _lines(Path(f"/proc/{pid}/mountinfo"))}


def _devices(helper: int) -> list[str]:
    command = [*entering(helper), "ip", "-j", "link"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return [device["ifname"] for device in json.loads(answer.stdout or "[]")]


def _links(pid: int) -> list[str]:
    found = []
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found.append(str(entry.readlink()))
    return found


def _listening(pid: int) -> set[str]:
    inodes = {link[8:-1] for link in _links(pid) if link.startswith("socket:")}
    rows = [line.split() for line in _lines(Path("/proc/net/tcp"))[1:]]
    return {row[1] for row in rows if row[3] == "0A" and row[9] in inodes}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
