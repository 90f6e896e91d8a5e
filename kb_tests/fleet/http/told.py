"""What a traffic generator tells of a load, under the names that measurements and records have for it.

All times are seconds, all sizes bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import StringConstraints

from kb_tests.agent.protocol import ERRORS
from kb_tests.fleet import messages
from kb_tests.fleet.strict import OnWire

Error = Annotated[str, StringConstraints(pattern=f"^({'|'.join(ERRORS)})$")]

Count = Annotated[int, OnWire(messages.Count)]
Seconds = Annotated[float, OnWire(messages.Seconds)]


@dataclass(frozen=True)
class Counts:
    """Requests of one agent, block or point; every request that was due ends in exactly one of
    completed, failed (one key of `errors`), `unsent` or `inflight`.

    `completed` had status 200 and the page as its whole body. `errors` keys, as in `agent.protocol.ERRORS`:
    "status" (2xx but 200), "redirect", "http_4xx", "http_5xx", "http_other", "length" (200 of another
    length), "content" (of that length, with other bytes), "connect", "reset", "timeout", "truncated",
    "protocol", "ports_exhausted".
    """

    due: Count = 0
    sent: Count = 0
    completed: Count = 0
    unsent: Count = 0
    inflight: Count = 0
    bytes: Count = 0
    errors: Annotated[Mapping[str, int], OnWire(dict[Error, messages.Count])] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Requests that ended in an error of any kind."""
        return sum(self.errors.values())


@dataclass(frozen=True)
class Connections:
    """Connections of one agent or point over the measured window.

    Of those `asked` for, `open` were so when the window began, and never fewer than `least` in it.
    `reopened` were opened in it; `refused` attempts failed (or timed out) at the server, `unavailable` ones
    for want of a local port. Where each is for one request, `open`, `least` and `reopened` are 0.
    """

    asked: Count
    open: Count
    least: Count
    reopened: Count
    refused: Count
    unavailable: Count


@dataclass(frozen=True, kw_only=True)
class Instruments:
    """The state of one agent's instruments over the measured window.

    `lag_p99` and `lag_max`: how late requests were sent although a connection was idle. `cpu` is how busy
    the busiest generator process was: its share of one CPU, or of the time in which it had something to do,
    whichever is larger (1.0 = never idle). `skew` is the agent's start against the common start. `saturated`:
    a histogram counted times beyond its range. `tls` names version and cipher suite, and the library, if TLS
    was spoken.
    """

    lag_p99: Seconds
    lag_max: Seconds
    cpu: Annotated[float, OnWire(messages.Cpu)]
    skew: Annotated[float, OnWire(messages.Instant)]
    saturated: bool
    tls: Annotated[str, OnWire(messages.Text)] = ""
