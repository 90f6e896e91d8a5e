"""The whole cloud: up, down, and how it is."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from tests.openstack import bootstrap, config, daemons, databases, guest, netns, packages
from tests.openstack.box import Box
from tests.openstack.config.services import INSTANCE_PREFIX
from tests.openstack.settings import PORTS, ROOT, OpenStackError, Settings, prepare

_AGENTS = 240.0
"""Seconds in which every agent must have reported."""


def up(settings: Settings, say: Callable[[str], None]) -> None:
    """Bring the cloud up; what is there and runs is left alone. OpenStackError when it cannot be."""
    _require_root()
    prepare(settings)
    with _alone(settings):
        if missing := packages.missing():
            say(f"packages: installing {' '.join(missing)}, and what they need")
            packages.install(missing, settings.log / "apt.log")
        with ThreadPoolExecutor() as pool:
            image = pool.submit(guest.build, settings)
            since = _start(settings, say, pool)
            say("agents")
            bootstrap.wait_for_agents(settings, since, _AGENTS)
            box = Box(settings)
            # A new host belongs to no cell until it was looked for.
            _once(
                settings,
                "host",
                lambda: box.run("nova-manage", "cell_v2", "discover_hosts", log="setup-nova"),
            )
            _once(settings, "resources", lambda: bootstrap.resources(settings))
            say("image")
            file = image.result()
            _once(settings, "image", lambda: guest.register(settings, file))
    say("up")


def _start(settings: Settings, say: Callable[[str], None], pool: ThreadPoolExecutor) -> float:
    """Everything that runs; returns when (time.time()) the box was made."""
    box = Box(settings)
    if box.pid is None:
        say("namespaces")
        config.write(settings)
        netns.create(settings)
        box.start()
    since = (settings.run / "box.pid").stat().st_mtime
    _start_forwarder(settings)
    say("database, cache, queue")
    _once(settings, "mariadb", lambda: databases.install(box, settings))
    infrastructure = daemons.infrastructure(settings)
    daemons.start(box, infrastructure)
    daemons.wait(box, settings, infrastructure)
    _once(settings, "databases", lambda: databases.create(box, settings))
    tables = {
        step: pool.submit(_once, settings, f"tables-{step.__name__}", partial(step, box, settings))
        for step in (databases.keystone, databases.nova, databases.neutron, databases.others)
    }
    say("keystone")
    tables[databases.keystone].result()
    keystone = daemons.keystone(settings)
    daemons.start(box, [keystone])
    daemons.wait(box, settings, [keystone])
    bootstrap.write_clouds_yaml(settings)
    _once(settings, "accounts", lambda: bootstrap.accounts(settings))
    say("glance, placement, nova, neutron, cinder")
    for table in tables.values():
        table.result()
    for group in (daemons.control(settings), daemons.host(settings)):
        daemons.start(box, group)
        daemons.wait(box, settings, group)
    return since


def down(settings: Settings, *, purge: bool) -> None:
    """End everything; with `purge` nothing of the cloud is left, without it `up` continues it."""
    _require_root()
    if not settings.run.exists():
        return
    with _alone(settings):
        box = Box(settings)
        # Both write what they have, so that the next start has nothing to repair.
        for name in ("rabbitmq", "mariadb"):
            box.terminate(name)
        box.end()
        _end_forwarder(settings)
        _free_containers(settings)
        netns.delete(settings)
        if purge:
            subprocess.run(["rm", "-rf", "--one-file-system", settings.state], check=True)


def status(settings: Settings) -> dict[str, bool]:
    """Every daemon, the forwarder too, and whether it runs; empty while the cloud is down."""
    box = Box(settings)
    if box.pid is None:
        return {}
    return box.daemons() | {"forwarder": _forwarder(settings) is not None}


def _require_root() -> None:
    if os.geteuid() != 0:
        raise OpenStackError("Namespaces and packages of this kind take root: run it as root or with sudo.")


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    with (settings.run / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OpenStackError(f"Somebody else is bringing {settings.state} up or down.") from None
        yield


def _once(settings: Settings, name: str, step: Callable[[], None]) -> None:
    """Do what has never been done to its end."""
    mark = settings.run / f"done.{name}"
    if not mark.exists():
        step()
        mark.touch()


def _start_forwarder(settings: Settings) -> None:
    if _forwarder(settings) is not None:
        return
    pid_file = settings.run / "forward.pid"
    pid_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.openstack.forward", "--netns", settings.netns]
    command += ["--pid-file", str(pid_file)]
    command += [f"{settings.address}:{port}" for port in PORTS.values()]
    log = settings.log / "forward.log"
    with log.open("ab") as output:
        started = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    while _forwarder(settings) is None:
        if started.poll() is not None:
            raise OpenStackError(f"The forwarder does not start: see {log}.")
        time.sleep(0.05)


def _forwarder(settings: Settings) -> int | None:
    """Its process id, if it runs."""
    with suppress(OSError, ValueError):
        pid = int((settings.run / "forward.pid").read_text())
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        if "tests.openstack.forward" in arguments and settings.netns in arguments:
            return pid
    return None


def _end_forwarder(settings: Settings) -> None:
    pid = _forwarder(settings)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    while _forwarder(settings) is not None:
        time.sleep(0.05)


def _free_containers(settings: Settings) -> None:
    """What containers leave in the kernel when they are not ended one by one."""
    command = ("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE")
    loops = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for device, _, disk in (line.partition(" ") for line in loops.splitlines()):
        if disk.strip().startswith(f"{settings.lib}/"):
            subprocess.run(("losetup", "-d", device), check=False)
    for machine in Path("/sys/fs/cgroup").glob("*/machine"):
        for container in machine.glob(f"lxc-*-{INSTANCE_PREFIX}*"):
            for folder, _, _ in os.walk(container, topdown=False):
                with suppress(OSError):
                    Path(folder).rmdir()
        with suppress(OSError):
            machine.rmdir()
