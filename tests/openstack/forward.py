"""The way in: listens outside on the cloud's address, and connects inside of its network namespace.

`python -m tests.openstack.forward --netns NAME --pid-file FILE ADDRESS:PORT...`: sockets belong to the
namespace that they were made in, so that this process makes its listening ones first, and then moves.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import resource
import signal
import socket
from contextlib import closing
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_CHUNK = 1 << 16


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--netns", required=True)
    parser.add_argument("--pid-file", type=Path, required=True)
    parser.add_argument("targets", nargs="+", metavar="ADDRESS:PORT")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    listeners = [listen(target) for target in options.targets]
    enter(options.netns)
    options.pid_file.write_text(str(os.getpid()))
    asyncio.run(forward(listeners))


def listen(target: str) -> socket.socket:
    """A socket that listens on ADDRESS:PORT."""
    address, _, port = target.rpartition(":")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, int(port)))
    listener.listen(1024)
    listener.setblocking(False)
    return listener


def enter(netns: str) -> None:
    """Move this process into a named network namespace (setns(2), which Python has from 3.12 on)."""
    with Path("/run/netns", netns).open("rb") as file:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(file.fileno(), _CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, f"setns: {os.strerror(number)}")


async def forward(listeners: list[socket.socket]) -> None:
    """Hand every connection to the same address and port in here, until SIGTERM."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    for listener in listeners:
        await asyncio.start_server(Forwarder(*listener.getsockname()).accept, sock=listener, backlog=1024)
    await ended.wait()


class Forwarder:
    """Hands connections to one target."""

    def __init__(self, address: str, port: int) -> None:
        self._target = (address, port)
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # asyncio itself keeps no task alive.
        task = asyncio.create_task(self._hand_over(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hand_over(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            try:
                far_reader, far_writer = await asyncio.open_connection(*self._target)
            except OSError:
                return
            with closing(far_writer):
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction to its end; the other one may go on."""
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


if __name__ == "__main__":
    main()
