"""How long the controller waits for agents and for the control server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """All in seconds.

    `reconnect` is for how long a broken connection is made again before the run is given up. Agents have
    `enroll`, `serve` and `prepare` to answer a command, and `fill` beside what filling their disk takes. A
    report may be `late` after the end of its load, and what kernels counted `signs` after all of these. Once
    all others are there, agents that were refused hold them up for `reconsider`. `abort` is what telling
    agents to stop may take.
    """

    reconnect: float = 30.0
    enroll: float = 30.0
    serve: float = 60.0
    prepare: float = 100.0
    fill: float = 120.0
    late: float = 15.0
    signs: float = 1.0
    reconsider: float = 5.0
    abort: float = 5.0


USUAL = Patience()
