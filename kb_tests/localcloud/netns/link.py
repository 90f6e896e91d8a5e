"""The driver's end of the conversation with the helper, in an asyncio loop."""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import socket
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from kb_tests.localcloud.driver import DriverError
from kb_tests.localcloud.netns import wire

_PACKAGE_ROOT = Path(__file__).resolve().parents[3]
_STOP_TIMEOUT = 20.0


class HelperGoneError(DriverError):
    """The helper ended, and everything of the cloud with it: there is nothing left to remove."""


def namespace_command(*, rootless: bool) -> list[str]:
    """What runs a command as process 1 of new namespaces, and ends it when we end."""
    user = ["--user", "--map-auto", "--map-root-user"] if rootless else []
    kinds = ["--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return ["unshare", *user, *kinds]


class HelperLink:
    """Starts the helper, asks it, and tells of the servers that ended (`on_exit`) and of its own end
    (`on_lost`).
    """

    def __init__(self, on_exit: Callable[[str], None], on_lost: Callable[[], None]) -> None:
        self._on_exit = on_exit
        self._on_lost = on_lost
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[list[int]]] = {}
        self._outbox: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._process: asyncio.subprocess.Process | None = None
        self._socket: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The process that holds the namespaces (`unshare`), as the host sees it."""
        return self._process.pid if self._process else None

    async def start(self, *, rootless: bool) -> None:
        """Start the helper; it answers from here on."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *namespace_command(rootless=rootless),
                sys.executable,
                "-S",
                "-m",
                "kb_tests.localcloud.netns.helper",
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                cwd="/",
                env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(_PACKAGE_ROOT)},
                start_new_session=True,
            )
        ours.setblocking(False)
        self._socket = ours
        self._reader = wire.Reader(ours)
        asyncio.get_running_loop().add_reader(ours, self._readable)

    async def stop(self) -> None:
        """Let go of the helper and wait until it and all its processes are gone."""
        self._lose()
        if self._process is not None:
            try:
                await asyncio.wait_for(self._process.wait(), _STOP_TIMEOUT)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
            self._process = None

    async def ask(self, operation: str, fds: tuple[int, ...] = (), **arguments: Any) -> list[int]:
        """Have the helper do something; the result is the file descriptors it gave us.

        Raises `DriverError`.
        """
        if self._socket is None:
            raise HelperGoneError(f"The local cloud's helper process is gone; {operation!r} was not done.")
        number = next(self._numbers)
        message = {"id": number, "op": operation, **arguments}
        if fds:
            message["fds"] = len(fds)
        self._outbox.append((wire.encode(message), fds))
        answer: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._flush()
        return await answer

    async def ask_removal(self, operation: str, **arguments: Any) -> None:
        """`ask` for something to be removed, which a helper that is gone has done already."""
        with suppress(HelperGoneError):
            await self.ask(operation, **arguments)

    def _flush(self) -> None:
        if self._socket is None:
            return
        loop = asyncio.get_running_loop()
        while self._outbox:
            data, fds = self._outbox.popleft()
            try:
                sent = socket.send_fds(self._socket, [data], list(fds)) if fds else self._socket.send(data)
            except BlockingIOError:
                self._outbox.appendleft((data, fds))
                loop.add_writer(self._socket, self._flush)
                return
            except OSError:
                self._lose()
                return
            if sent < len(data):
                self._outbox.appendleft((data[sent:], ()))
        loop.remove_writer(self._socket)

    def _readable(self) -> None:
        try:
            for message, fds in self._reader.receive():
                self._take(message, fds)
        except BlockingIOError:
            return
        except EOFError:
            self._lose()
            self._on_lost()

    def _take(self, message: wire.Message, fds: list[int]) -> None:
        if message.get("event") == "exit":
            self._on_exit(message["server"])
            return
        answer = self._waiting.pop(message["id"], None)
        if answer is None or answer.done():
            for fd in fds:
                os.close(fd)
        elif message["error"] is None:
            answer.set_result(fds)
        else:
            answer.set_exception(DriverError(message["error"]))

    def _lose(self) -> None:
        if self._socket is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        loop.remove_writer(self._socket)
        self._socket.close()
        self._socket = None
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(HelperGoneError("The local cloud's helper process is gone."))
