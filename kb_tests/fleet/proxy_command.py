"""A ProxyCommand (ssh_config(5)): a program whose standard input and output are the way to the proxy."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading

from kb_tests.errors import ScenarioError

_KEPT = 2048
_SHOWN = 300
_PATIENCE = 1.0
_CANNOT_RUN = frozenset({126, 127})
_TOKEN = re.compile("%[hpr%]")
_ADDRESS = re.compile(r"[0-9A-Za-z:][0-9A-Za-z.:_-]*")
_NOT_THERE = re.compile(r"no such file or directory|command not found", re.IGNORECASE)


def check(command: str) -> None:
    """Whether a command can be started at all; ScenarioError where not, before anything is staged."""
    if not command:
        return
    try:
        program = shlex.split(command)[0]
    except (ValueError, IndexError) as error:
        raise ScenarioError(f"The ProxyCommand {command!r} is no command: {error}.") from None
    if shutil.which(program) is None:
        raise ScenarioError(
            f"The ProxyCommand {command!r} cannot run: there is no program {program!r} here.",
            remedy="Install it, or give its full path.",
        )


def filled(command: str, host: str, port: int, user: str) -> list[str]:
    """The command's words with ssh_config(5)'s %h, %p, %r and %% filled in; ValueError where it is none.

    The host's address is the cloud's word: it stays within the word it stands in, and what is no address is
    refused, since that word may be a script or be taken for an option.
    """
    if not _ADDRESS.fullmatch(host):
        raise ValueError(f"{host!r} is no address")
    tokens = {"%h": host, "%p": str(port), "%r": user, "%%": "%"}
    return [_TOKEN.sub(lambda found: tokens[found[0]], word) for word in shlex.split(command)]


class ProxyCommand:
    """One running command; `socket` is its other end. Raises OSError and ValueError when it cannot start.

    What it says on standard error is kept, the last of it, for a sentence on why there is no way.
    """

    def __init__(self, command: str, host: str, port: int, user: str) -> None:
        words = filled(command, host, port, user)
        self.socket, theirs = socket.socketpair()
        try:
            with theirs:
                # A session of its own: Ctrl-C must not cut the tunnel before the agents are stopped.
                self._process = subprocess.Popen(
                    words,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
        except BaseException:
            self.socket.close()
            raise
        self._said = b""
        self._listener = threading.Thread(target=self._listen, name="kb-proxy-command", daemon=True)
        self._listener.start()

    def close(self) -> None:
        """End it."""
        self.socket.close()
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._listener.join(_PATIENCE)

    def ending(self) -> str:
        """How it ended and what it said, as the rest of a sentence; "" where nothing is to be told.

        After a failure: a command that is ending gets a moment to do so.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
            self._listener.join(_PATIENCE)
        said = " / ".join(self._lines())
        if len(said) > _SHOWN:
            said = f"...{said[-_SHOWN:]}"
        code = self._process.poll()
        parts = [f"the command ended with {code}"] if code else []
        parts += [f"it said: {said}"] if said else []
        return ", ".join(parts)

    def cannot_run(self) -> bool:
        """Whether trying again is vain: a program is missing, be it one that the command starts.

        Only the last line counts: ssh warns of a missing identity file, and goes on without.
        """
        code = self._process.poll()
        last = (self._lines() or [""])[-1]
        return code in _CANNOT_RUN or (bool(code) and _NOT_THERE.search(last) is not None)

    def _lines(self) -> list[str]:
        """What it said, without what a terminal would obey."""
        text = self._said.decode("utf-8", "replace")
        lines = ("".join(filter(str.isprintable, line)).strip() for line in text.splitlines())
        return [line for line in lines if line]

    def _listen(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        with stream:
            while data := stream.read1(_KEPT):  # type: ignore[attr-defined]
                self._said = (self._said + data)[-_KEPT:]
