"""The process of `kb ui`: one server on the loopback interface, which ends at once when it is told to."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn

from kb_tests.errors import UiError
from kb_tests.events import sessions
from kb_tests.web.app import App, Options
from kb_tests.web.tokens import Tokens, new_token

ADDRESS = "127.0.0.1"
PORT = 8765
HEADER_BYTES = 16 << 10
CONNECTIONS = 256
_GRACE = 1


def serve(options: Options, port: int, *, viewer: bool, told: Callable[[str, str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; `told` gets the operator's address and the viewer's, "" without.

    Raises UiError where the port is not to be had.
    """
    listening = _listen(port)
    token, looking = new_token(), new_token() if viewer else ""
    app = App(options, Tokens(token, looking))
    place = f"http://{ADDRESS}:{listening.getsockname()[1]}"
    config = uvicorn.Config(
        app.asgi,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        http="h11",
        server_header=False,
        date_header=True,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=HEADER_BYTES,
        timeout_graceful_shutdown=_GRACE,
    )
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    address = f"{place}/#token={token}"
    found = _found_by(listening.getsockname()[1], address)
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _nothing)  # uvicorn sends itself again what it was told
        told(address, f"{place}/#token={looking}" if looking else "")
        _Server(config, app).run(sockets=[listening])
    finally:
        listening.close()
        if found is not None:
            found.unlink(missing_ok=True)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """All is done already."""


class _Server(uvicorn.Server):
    """Ends the streams when it is told to end, since it waits for its answers to be whole."""

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came."""
        self._app.streams.close()
        super().handle_exit(sig, frame)


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((ADDRESS, port))
    except OSError as error:
        listening.close()
        raise UiError(
            f"{ADDRESS}:{port} cannot be listened on: {error.strerror}.",
            remedy="Name another port by --port; 0 is any free one.",
        ) from error
    return listening


def _found_by(port: int, address: str) -> Path | None:
    """A file by which this user's own programs find the server; None where it cannot be written."""
    folder = sessions.root().parent
    path = folder / f"ui-{port}.json"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with open(fd, "w", encoding="utf-8") as file:  # noqa: PTH123 (it is open already)
            json.dump({"pid": os.getpid(), "port": port, "address": address}, file)
        return path
    return None
