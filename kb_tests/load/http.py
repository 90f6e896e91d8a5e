"""HTTP load: a point becomes one command to the generators."""

from __future__ import annotations

from kb_tests.fleet.boot import HTTP_PORT
from kb_tests.fleet.fleet import Fleet, OnSecond
from kb_tests.fleet.http.messages import AgentReport
from kb_tests.load.blocks import block_seconds
from kb_tests.scenario.http import HttpPoint


def run(
    point: HttpPoint, fleet: Fleet, on_second: OnSecond | None = None, port: int = HTTP_PORT
) -> list[AgentReport]:
    """Run one point on the fleet; one report from each of its generators."""
    fleet.serve([point.page_size], point.connections, tls=point.tls)
    options = {
        "rate": point.rate,
        "connections": point.connections,
        "path": f"/{point.page_size}",
        "size": point.page_size,
        "keep_alive": point.keep_alive,
        "warm_up": point.warm_up,
        "duration": point.duration,
        "timeout": point.timeout,
        "block": block_seconds(point.duration, by_second=point.by_second),
        "port": port,
        "tls": point.tls,
    }
    seconds = point.warm_up + point.duration + point.timeout
    return fleet.run({"kind": "load", "http": options}, point.clients, seconds, on_second)
