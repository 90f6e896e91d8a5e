"""The load tool, which runs in the servers: TCP connections at a rate, each timed from when it was due."""

import os
import socket
import threading
import time
from typing import Any


class Load:
    """`target` is the address that this generator loads; `seconds` is how long the load takes at most."""

    def __init__(self, target: str, options: dict[str, Any], cpus: int) -> None:
        self._to, self._options = (target, options["port"]), options
        self.seconds = options["duration"] * (1 + options["timeout"])
        self._events: list[tuple[str, dict[str, Any]]] = []
        self._readable, self._wake = os.pipe()
        self._stopped = threading.Event()

    def prepare(self, deadline: float) -> None:
        """Be ready to start; raise an exception of one sentence if that cannot be."""

    def start(self, at: float) -> None:
        """Begin at this second of CLOCK_MONOTONIC, and come back at once."""
        threading.Thread(target=self._run, args=(at,), daemon=True).start()

    def fileno(self) -> int:
        """Readable when `events` has something."""
        return self._readable

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """What there is to report: (kind, fields), at last the one whose kind ends in "_done"."""
        os.read(self._readable, 4096)
        found, self._events = self._events, []
        return found

    def abort(self) -> None:
        """Stop at once; may be called at any time, and again."""
        self._stopped.set()

    def _run(self, at: float) -> None:
        rate = self._options["rate"]
        for second in range(self._options["duration"]):
            took = [self._connect(at + second + number / rate) for number in range(rate)]
            self._tell("connects_second", index=second, took=took)
        self._tell("connects_done")

    def _connect(self, due: float) -> float:
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            if not self._stopped.is_set():
                socket.create_connection(self._to, self._options["timeout"]).close()
                return time.monotonic() - due
        except OSError:
            pass
        return -1.0

    def _tell(self, kind: str, **fields: Any) -> None:
        self._events.append((kind, fields))
        os.write(self._wake, b".")
