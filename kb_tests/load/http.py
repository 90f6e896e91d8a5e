"""HTTP load: a point becomes one command to the generators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

from kb_tests.fleet.boot import HTTP_PORT
from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.http.collect import HttpGathering
from kb_tests.fleet.http.messages import HttpReport, SecondReport
from kb_tests.fleet.reports import OfCommand
from kb_tests.load.blocks import FINER, block_seconds
from kb_tests.scenario.http import HttpPoint

OnSecond = Callable[[SecondReport], None]

_STAYS = {"id", "scenario", "clients", "max_duration", "by_second", "find_warm_up", "page_size", "search"}
"""What generators need not know of a point."""


def run(
    point: HttpPoint,
    fleet: Fleet,
    on_second: OnSecond | None = None,
    port: int = HTTP_PORT,
    limits: Sequence[float] = (),
) -> list[HttpReport]:
    """Run one point on the fleet; one report from each of its generators. Seconds count what took longer than
    each of `limits` (seconds).
    """
    fleet.serve([point.page_size], point.connections, tls=point.tls)
    options = {key: value for key, value in asdict(point).items() if key not in _STAYS} | {
        "path": f"/{point.page_size}",
        "size": point.page_size,
        "block": FINER if point.by_second else block_seconds(point.duration),
        "port": port,
        "limits": [*limits],
    }
    seconds = point.warm_up + point.duration + point.timeout

    def take(report: OfCommand) -> None:
        if on_second and isinstance(report, SecondReport):
            on_second(report)

    return fleet.run({"kind": "load", "http": options}, point.clients, seconds, HttpGathering, take)
