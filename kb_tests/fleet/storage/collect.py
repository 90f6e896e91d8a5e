"""What the storage servers say of one fio job, and of preparing their disks for it."""

from __future__ import annotations

from kb_tests.cloud.topology import Server
from kb_tests.fleet.collect import Gathering, Part
from kb_tests.fleet.reports import OfCommand
from kb_tests.fleet.storage.messages import DiskReport, Filling, IoBlock, IoDone, IoSecond


class StorageGathering(Gathering[IoSecond, IoBlock, IoDone]):
    """A storage server's part in a fio job."""

    second, block, end = IoSecond, IoBlock, IoDone

    def check(self) -> None:
        """As any, but a disk that hangs may never fill a block."""
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
        return f"its disk took {self.filling.bytes:,} bytes in {self.filling.seconds:.0f} s"

    def add(self, report: OfCommand) -> None:
        """What was filled so far, or in the end."""
        match report:
            case Filling():
                self.filling = report
            case DiskReport():
                self.filled = report
            case _:
                super().add(report)
