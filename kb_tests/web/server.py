"""The process of `kb ui`: one server on the loopback interface, which ends at once when it is told to."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import stat
from collections.abc import Callable
from html import escape
from pathlib import Path
from types import FrameType

import uvicorn

from kb_tests.errors import UiError
from kb_tests.events import sessions
from kb_tests.web import child
from kb_tests.web.app import App, Options
from kb_tests.web.protocol import Impatient
from kb_tests.web.tokens import Tokens, new_token

ADDRESS = "127.0.0.1"
PORT = 8765
HEADER_BYTES = 32 << 10
CONNECTIONS = 256
_GRACE = 1


def serve(
    options: Options,
    port: int,
    *,
    viewer: bool,
    told: Callable[[str, str, Path | None], None],
    path: Path | None = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C, or until its terminal is gone. `told` gets the operator's address, the
    viewer's ("" without), and a page that leads to the operator's, if it could be written. With `path` it
    listens on a Unix socket there, and on no port; `port` is then the one that is forwarded to it.

    Raises UiError where the port or the socket is not to be had.
    """
    listening = _listen(port) if path is None else listen_at(path)
    token, looking = new_token(), new_token() if viewer else ""
    app = App(options, Tokens(token, looking))
    number = port if path else listening.getsockname()[1]
    place = f"http://{ADDRESS}:{number}"
    config = uvicorn.Config(
        app.asgi,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        http=Impatient,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=HEADER_BYTES,
        timeout_graceful_shutdown=_GRACE,
    )
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    address = f"{place}/#token={token}"
    found = _Found(number, address)
    server = _Server(config, app)
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
                signal.signal(number, server.handle_exit)  # before uvicorn does, and when it says it again
        told(address, f"{place}/#token={looking}" if looking else "", found.page)
        server.run(sockets=[listening])
    finally:
        listening.close()
        found.remove()
        if path is not None:
            path.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """Ends streams and children when it is told to end, since it waits for its answers to be whole."""

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came."""
        self._app.streams.close()
        child.end()
        super().handle_exit(sig, frame)


def _listen(port: int) -> socket.socket:
    # By name: asyncio turns Nagle's algorithm off for these alone.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((ADDRESS, port))
        listening.listen(CONNECTIONS)  # whoever is told the address may ask at once
    except OSError as error:
        listening.close()
        raise UiError(
            f"{ADDRESS}:{port} cannot be listened on: {error.strerror}.",
            remedy="Name another port by --port; 0 is any free one.",
        ) from error
    return listening


def listen_at(path: Path) -> socket.socket:
    """A Unix socket that this user alone reaches: in a folder of mode 0700, whatever the socket's own is.

    Raises UiError where that cannot be.
    """
    folder = path.absolute().parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.stat()
    except OSError as error:
        raise UiError(f"{folder} cannot be made: {error.strerror}.") from error
    if about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise UiError(
            f"{folder} is open to others, who could reach the socket in it.",
            remedy=f"Name one of your own, or close it: chmod 700 {folder}.",
        )
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISSOCK(path.lstat().st_mode):
                raise UiError(f"{path} is there, and is no socket.")
            try:
                listening.connect(str(path))
                raise UiError(f"{path} is in use by another `kb ui`.")
            except ConnectionRefusedError:
                path.unlink()  # of one that was killed
            listening.close()
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listening.bind(str(path))
        finally:
            os.umask(before)
        listening.listen(CONNECTIONS)
    except OSError as error:
        listening.close()
        raise UiError(f"{path} cannot be listened on: {error.strerror or error}.") from error
    except UiError:
        listening.close()
        raise
    return listening


class _Found:
    """Files by which this user alone finds the server: `ui-PORT.json`, and a page that leads to it.

    A browser is started by that page, since who can see its command line could read the token there.
    """

    def __init__(self, port: int, address: str) -> None:
        folder = sessions.root().parent
        about = json.dumps({"pid": os.getpid(), "port": port, "address": address})
        refresh = f'<meta http-equiv="refresh" content="0; url={escape(address)}">'
        leads = f"<!doctype html>{refresh}<title>kb ui</title>"
        self._files = [folder / f"ui-{port}.json", folder / f"ui-{port}.html"]
        written = [_write(path, text) for path, text in zip(self._files, (about, leads), strict=True)]
        self.page = self._files[1] if all(written) else None

    def remove(self) -> None:
        """The server has ended."""
        for path in self._files:
            with contextlib.suppress(OSError):
                path.unlink()


def _write(path: Path, text: str) -> bool:
    """Whether a file that only this user may read could be written."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with open(fd, "w", encoding="utf-8") as file:  # noqa: PTH123 (it is open already)
            file.write(text)
        return True
    return False
