from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.http.collect import HttpGathering
from kb_tests.fleet.http.messages import BlockReport, SecondReport
from kb_tests.load import http
from kb_tests.load.blocks import block_seconds
from kb_tests.scenario.http import HttpPoint

POINT = HttpPoint(
    id="p",
    scenario="s",
    clients=3,
    rate=500.0,
    connections=100,
    page_size=32768,
    keep_alive=True,
    warm_up=5.0,
    duration=60.0,
    max_duration=60.0,
    timeout=4.0,
)


class FakeFleet:
    def __init__(self) -> None:
        self.calls: list[Any] = []

    def serve(self, pages: list[int], connections: int, *, tls: bool) -> None:
        self.calls.append(("serve", pages, connections, tls))

    def run(
        self, command: dict[str, Any], clients: int, seconds: float, gathering: Any, on_report: Any
    ) -> list[Any]:
        self.calls.append(("run", command, clients, seconds, gathering))
        kinds: tuple[Any, ...] = (SecondReport, BlockReport)
        for kind in kinds:
            on_report(kind.model_construct())
        return []


def test_a_point_becomes_one_command() -> None:
    fleet = FakeFleet()
    seen: list[SecondReport] = []
    assert http.run(POINT, cast("Fleet", fleet), seen.append) == []
    assert [type(report) for report in seen] == [SecondReport]
    serve, run = fleet.calls
    assert serve == ("serve", [32768], 100, False)
    _, command, clients, seconds, gathering = run
    assert (clients, seconds, gathering) == (3, 69.0, HttpGathering)
    assert command == {
        "kind": "load",
        "http": {
            "rate": 500.0,
            "connections": 100,
            "path": "/32768",
            "size": 32768,
            "keep_alive": True,
            "warm_up": 5.0,
            "duration": 60.0,
            "timeout": 4.0,
            "block": 2.0,
            "port": 80,
            "tls": False,
            "limits": [],
        },
    }


@pytest.mark.parametrize(
    ("duration", "block"), [(3, 1), (30, 1), (59, 1), (60, 2), (120, 4), (600, 4), (3600, 8)]
)
def test_blocks_of_all_windows_add_up_to_equal_ones(duration: float, block: float) -> None:
    assert block_seconds(duration) == block


def test_blocks_are_finer_where_moments_count() -> None:
    fleet = FakeFleet()
    http.run(replace(POINT, by_second=True), cast("Fleet", fleet))
    assert fleet.calls[1][1]["http"]["block"] == 0.25
