from __future__ import annotations

from typing import Any, cast

from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.storage.messages import DiskReport, Filling
from kb_tests.scenario.storage_topology import StorageTopology
from kb_tests.session.progress import Progress
from kb_tests.session.storage import filling

TOPOLOGY = StorageTopology.model_validate(
    {"servers": 2, "target": "ephemeral", "file_size": "1GiB", "flavor": {"ram": "1GiB"}}
)


class Shown:
    """Stands for the terminal."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def show(self, phase: str, text: str, *, last: bool = False) -> None:
        self.lines.append(text.rpartition(",")[0] + " for good" * last)


def filled(*told: tuple[str, int]) -> list[str]:
    class Told:
        def prepare_disks(self, target: dict[str, Any], on_filling: Any) -> list[DiskReport]:
            for agent, size in told:
                on_filling(Filling(v=1, kind="filling", agent=agent, seq=1, id="x", bytes=size, seconds=1.0))
            return []

    shown = Shown()
    assert filling.fill(TOPOLOGY, cast("Fleet", Told()), cast("Progress", shown), interval=0.0) == []
    return shown.lines


def test_the_share_that_all_servers_have_filled_is_shown() -> None:
    lines = filled(("a", 1 << 29), ("b", 1 << 29), ("a", 1 << 30), ("b", 1 << 30))
    assert lines == [
        *(f"filling disks: {share}% of 2GiB" for share in (0, 25, 50, 75, 100)),
        "filling disks: 100% of 2GiB for good",
    ]


def test_disks_that_were_full_are_said_to_be() -> None:
    assert filled()[-1] == " for good"
