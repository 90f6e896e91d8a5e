"""Work in a process of its own, which talks to the agent over a socket pair and ends with it."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from typing import Any, Callable, Dict, List, Optional

from ..worker_channel import Channel
from .options import StorageError

Message = Dict[str, Any]

_GRACE = 3.0  # seconds that it may take to clean up


class AbortedError(Exception):
    """The agent is gone, or wants the work to end."""


class Child:
    """A forked process that runs `work(channel)`.

    What it raises becomes the message {"failed": sentence}; a child that dies without a word has failed too.
    """

    def __init__(self, work: Callable[[Channel], None]) -> None:
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if not self.pid:
            _be_child(work, theirs)
        theirs.close()
        self._channel = Channel(ours)
        self._said_last = False

    def fileno(self) -> int:
        """Readable when `messages` has something."""
        return self._channel.fileno()

    def put(self, message: Message) -> None:
        """Send it a message."""
        self._channel.put(message)

    def messages(self) -> List[Message]:
        """What it has said since, without waiting; the last of all is "done" or "failed"."""
        if self._said_last:
            return []
        try:
            found = self._channel.get()
        except ValueError as error:
            found = [{"failed": f"The storage load's process sent garbage: {error}."}]
        last = next((i for i, message in enumerate(found) if {"done", "failed"} & message.keys()), None)
        if last is not None:
            self._said_last = True
            return found[: last + 1]
        if self._channel.closed:
            self._said_last = True
            found.append({"failed": "The storage load's process died."})
        return found

    def wait(self, deadline: float) -> Optional[Message]:
        """Its next message, or None at `deadline` (CLOCK_MONOTONIC)."""
        while True:
            found = self.messages()
            if found:
                return found[0]
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fileno()], [], [], left)[0]:
                return None

    def end(self) -> None:
        """End it, and by it what it started; may be called again."""
        if not self.pid:
            return
        pid, self.pid = self.pid, 0
        self._channel.close()  # tells it to clean up and go
        deadline = time.monotonic() + _GRACE
        while os.waitpid(pid, os.WNOHANG)[0] != pid:
            if time.monotonic() > deadline + _GRACE:
                return  # what a disk that hangs does not let go
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)


def _be_child(work: Callable[[Channel], None], sock: socket.socket) -> None:
    """The forked process, which never returns and keeps nothing of its parent's open."""
    try:
        os.closerange(3, sock.fileno())
        os.closerange(sock.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        channel = Channel(sock)
        try:
            work(channel)
        except StorageError as error:
            channel.put({"failed": str(error)})
        except AbortedError:
            pass
        except BaseException as error:  # whatever it is, the controller must learn it
            channel.put({"failed": f"The storage load's process failed: {error!r:.300}."})
        while not channel.flush():
            select.select([], [channel.fileno()], [])
    finally:
        os._exit(0)
