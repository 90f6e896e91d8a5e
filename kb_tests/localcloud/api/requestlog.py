"""Every request, for tests that count them. No body, no query, no token is kept."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import IO

SPARED_AGENT = "kb-localcloud"
"""The user agent of whoever sets faults: none befalls its calls, or they could not be removed."""


@dataclass(frozen=True)
class Entry:
    """A request that was answered (status 0: the connection was dropped on purpose).

    `time` is Unix time in seconds at its arrival, `seconds` what the answer took.
    """

    number: int
    time: float
    seconds: float
    method: str
    path: str
    status: int
    user_agent: str
    user_id: str
    project_id: str


log = logging.getLogger(__name__)


@dataclass
class RequestLog:
    """In memory the last 200,000; in `file` all of them, one JSON object a line."""

    file: IO[str] | None = None
    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=200_000))
    count: int = 0

    def add(
        self, started: float, method: str, path: str, status: int, agent: str, user_id: str, project_id: str
    ) -> None:
        """Note one request; `started` is of `time.time()`."""
        seconds = max(0.0, time.time() - started)
        entry = Entry(self.count, started, seconds, method, path, status, agent[:200], user_id, project_id)
        self.count += 1
        self.entries.append(entry)
        if self.file is not None:
            try:
                self.file.write(json.dumps(asdict(entry)) + "\n")
                self.file.flush()
            except OSError as error:
                log.warning("the request log goes on in memory alone: %s", error)
                self.file = None
