"""The process of the local cloud: `python -m kb_tests.localcloud.server`, started by `control.up`.

Takes the state directory for itself (a lock in it), starts the driver, serves on 127.0.0.1, writes
clouds.yaml and then `ready.json`, and on SIGTERM, SIGINT or the parent's end takes everything down.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import functools
import json
import logging
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from kb_tests.localcloud import settings
from kb_tests.localcloud.chosen import follow
from kb_tests.localcloud.cloud import Cloud
from kb_tests.localcloud.drivers import NAMES, choose_driver
from kb_tests.localcloud.netns.forwarder import local_port
from kb_tests.localcloud.nova.lifecycle import watch_power
from kb_tests.localcloud.services import by_port
from kb_tests.localcloud.settings import Settings
from kb_tests.localcloud.state_dir import CLOUD_NAME, REGION, StateDir

MOST_HOSTS = 1000
_LOOKS = 1.0
"""Seconds between two looks at whether it is to stay without its parent."""

log = logging.getLogger("kb_tests.localcloud")


class CannotStartError(Exception):
    """One sentence on why the cloud cannot be started."""


def main(arguments: list[str] | None = None) -> int:
    """Run until told to end."""
    parser = argparse.ArgumentParser(prog="kb_tests.localcloud.server")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--driver", choices=NAMES, default="auto")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--parent-pid", type=int)
    parser.add_argument(
        "--then", type=json.loads, default=[], metavar="JSON", help="a command for when the parent has ended"
    )
    parser.add_argument(
        "--stay", type=float, default=0.0, metavar="SECONDS", help="outlive the parent: see control.up"
    )
    parser.add_argument("--temporary", action="store_true", help="remove the state directory at the end")
    parser.add_argument("--name", default=CLOUD_NAME)
    parser.add_argument("--hosts", type=int, default=2)
    parser.add_argument("--zones", type=int, default=1)
    parser.add_argument("--beside", type=Path, metavar="STATE")
    parser.add_argument("--token-lifetime", type=float, default=3600.0, metavar="SECONDS")
    parser.add_argument("--region", action="append", default=[], metavar="NAME")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    state = StateDir(options.state)
    try:
        with _locked(state):
            asyncio.run(_serve(options, state))
    except Exception as error:
        with contextlib.suppress(OSError):  # a full disk
            state.failure.write_text(f"{error}\n")
        log.exception("the local cloud ends")
        return 1
    if options.temporary:
        shutil.rmtree(state.folder, ignore_errors=True)
    return 0


@contextlib.contextmanager
def _locked(state: StateDir) -> Iterator[None]:
    state.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with state.lock.open("w") as file:
        _take(file, state)
        state.ready.unlink(missing_ok=True)
        yield
        for left in (state.ready, state.clouds_yaml):
            left.unlink(missing_ok=True)


def _take(file: IO[str], state: StateDir) -> None:
    """Lock it; whoever only looks at the state holds the lock for a moment, so try for a second."""
    for _ in range(20):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(0.05)
    raise CannotStartError(f"Another local cloud runs in {state.folder}: stop it first.")


async def _serve(options: argparse.Namespace, state: StateDir) -> None:
    for name in options.region:
        if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]*", name) or [REGION, *options.region].count(name) > 1:
            raise CannotStartError(f"{name!r} cannot be the name of one more region.")
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]*", options.name):
        raise CannotStartError(
            f"A cloud cannot be called {options.name!r}: letters, digits, ., _ and - will do."
        )
    if not 0 <= options.port <= 65535:
        raise CannotStartError(
            f"There is no port {options.port}: ports are 1 to 65535, and 0 is any free one."
        )
    others = _others(options.beside)
    if options.name in others:
        raise CannotStartError(f"{options.beside} has a cloud {options.name} already: choose another --name.")
    if not 1 <= options.zones <= options.hosts <= MOST_HOSTS:
        raise CannotStartError(f"A cloud has 1 to {MOST_HOSTS} hosts, in 1 to as many zones.")
    sockets = [_listen(port) for port in (options.port, *(0 for _ in options.region))]
    addresses = [f"http://127.0.0.1:{listening.getsockname()[1]}" for listening in sockets]
    driver = choose_driver(options.driver, state.folder)
    cloud = Cloud(addresses[0], driver, state.folder, hosts=options.hosts, zones=options.zones)
    cloud.settings = _settings(options.set)
    password = secrets.token_urlsafe(24)
    cloud.bootstrap(password, timedelta(seconds=options.token_lifetime))
    clouds = [cloud]
    for number, name in enumerate(options.region, 1):
        clouds.append(cloud.add_region(name, addresses[number], number, len(sockets)))
    for each in clouds:
        follow(each)
    publish = functools.partial(_publish, cloud, state, password, options.name, others)
    ended = asyncio.Event()
    stays = functools.partial(state.stays, options.stay)
    with _ends(ended, options.parent_pid, options.then, stays), contextlib.ExitStack() as files:
        for each in clouds:
            each.requests.file = files.enter_context(state.requests_of(each.region).open("w"))
        try:
            await cloud.driver.start()
            for each in clouds:
                each.spawn(each.dataplane.run())
                each.spawn(watch_power(each))
            await _until(ended, clouds, sockets, publish)
        finally:
            for region in clouds[1:]:
                await region.end()
            await cloud.stop()
    log.info("ended")


def _listen(port: int) -> socket.socket:
    # By name: asyncio turns Nagle's algorithm off for these alone; answers waited 40 ms for the client's ACK.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        raise CannotStartError(f"Port {port} of 127.0.0.1 cannot be used: {error.strerror}.") from None
    listening.listen(2048)
    return listening


def _settings(words: list[str]) -> Settings:
    try:
        return Settings().changed(settings.parse(words))
    except ValueError as error:
        raise CannotStartError(str(error)) from None


def _others(beside: Path | None) -> dict[str, Any]:
    """The entries of another local cloud's clouds.yaml."""
    if beside is None:
        return {}
    try:
        return StateDir(beside).clouds()
    except OSError:
        raise CannotStartError(f"No local cloud runs in {beside}.") from None


def _publish(cloud: Cloud, state: StateDir, password: str, name: str, others: dict[str, Any]) -> None:
    """Say how clients reach the cloud, and then that it serves."""
    state.write_clouds_yaml(name, cloud.keystone, tuple(cloud.regions), password, local_port(22), others)
    driver = cloud.driver
    facts = {"pid": os.getpid(), "url": cloud.url, "driver": driver.name, "notes": list(driver.notes)}
    state.write_ready(facts | {"cloud": name, "regions": cloud.regions})


async def _until(
    ended: asyncio.Event, clouds: list[Cloud], sockets: list[socket.socket], publish: Callable[[], None]
) -> None:
    ports = (listening.getsockname()[1] for listening in sockets)
    config = uvicorn.Config(
        by_port(dict(zip(ports, clouds, strict=True))),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        http=_Protocol,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=sockets))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if serving.done():
        raise CannotStartError("The web server did not start: see the log.")
    publish()
    log.info("serving on %s, driver %s", clouds[0].url, clouds[0].driver.name)
    await ended.wait()
    server.should_exit = True
    await serving


class _Protocol(H11Protocol):
    """Hands the connection to the application, which drops it when a fault asks for that."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class _Server(uvicorn.Server):
    """Leaves the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _ends(
    ended: asyncio.Event, parent_pid: int | None, then: Sequence[str], stays: Callable[[], bool]
) -> Iterator[None]:
    """Set `ended` on SIGTERM, SIGINT, and when the parent process is gone; then `then` is started, too. While
    it `stays` all the same, that is put off.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    descriptor: int | None = None

    def look() -> None:
        if stays():
            loop.call_later(_LOOKS, look)
        else:
            ended.set()

    def orphaned() -> None:
        look()
        if descriptor is not None:
            loop.remove_reader(descriptor)
        nothing = subprocess.DEVNULL
        with contextlib.suppress(OSError):
            if then:
                subprocess.Popen(then, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)

    if parent_pid is not None:
        try:
            descriptor = os.pidfd_open(parent_pid)
        except ProcessLookupError:
            orphaned()
        else:
            loop.add_reader(descriptor, orphaned)
    try:
        yield
    finally:
        if descriptor is not None:
            loop.remove_reader(descriptor)
            os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
