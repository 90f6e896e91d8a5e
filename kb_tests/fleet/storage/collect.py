"""What the storage servers say of one fio job, and of preparing their disks for it."""

from __future__ import annotations

from dataclasses import replace

from kb_tests.cloud.topology import Server
from kb_tests.fleet.collect import Gathering, Part
from kb_tests.fleet.messages import ClockChange
from kb_tests.fleet.reports import OfCommand
from kb_tests.fleet.storage.messages import (
    DiskReport,
    Filling,
    IoBlock,
    IoDone,
    IoDue,
    IoSecond,
    IoVerifying,
    KeptIoSecond,
    StorageReport,
)
from kb_tests.scenario.units import format_size


class StorageGathering(Gathering[KeptIoSecond, IoBlock, IoDone]):
    """A storage server's part in a fio job."""

    second, block, end = KeptIoSecond, IoBlock, IoDone

    def __init__(self, server: Server, limit: int) -> None:
        super().__init__(server, limit)
        self._due: dict[int, IoDue] = {}
        self._verifying: IoVerifying | None = None

    def add(self, report: OfCommand) -> None:
        """As any, what was due in a block, and how far reading back has come."""
        match report:
            case IoSecond():
                self._keep(self._seconds, KeptIoSecond.of(report))
            case IoDue():
                self._keep(self._due, report)
            case IoVerifying():
                self._verifying = report
            case _:
                super().add(report)

    def report(self, control_clock: ClockChange | None = None) -> StorageReport:
        """As any; its blocks have what was due in them, the last one what ended after the window."""
        found = super().report(control_clock)
        blocks = [block.model_copy(update={"due": self._due.get(block.index)}) for block in found.blocks]
        if blocks and found.done is not None:
            blocks[-1] = blocks[-1].model_copy(update={"late": found.done.late})
        return replace(found, blocks=tuple(blocks))

    def check(self) -> None:
        """As any, but a disk that hangs may never fill a block."""
        if not self.complete and self._verifying is not None:
            self.set_problem(f"it had read back {self._verifying.read:,} blocks when it fell silent")
        if self.done is None or not self.done.hung:
            super().check()


class Disk(Part):
    """A storage server's part in preparing the disks."""

    def __init__(self, server: Server, limit: int) -> None:
        super().__init__(server, limit)
        self.filling: Filling | None = None
        self.filled: DiskReport | None = None

    @property
    def doing(self) -> str:
        """How far its disk is filled."""
        if self.filling is None:
            return ""
        return f"its disk took {format_size(self.filling.bytes)} in {self.filling.seconds:.0f} s"

    def add(self, report: OfCommand) -> None:
        """What was filled so far, or in the end."""
        match report:
            case Filling():
                self.filling = report
            case DiskReport():
                self.filled = report
            case _:
                super().add(report)
