"""What the storage servers say of one fio job, gathered into one `StorageReport` each."""

from __future__ import annotations

from kb_tests.cloud.topology import Server
from kb_tests.fleet.collect import Part
from kb_tests.fleet.reports import OfCommand
from kb_tests.fleet.storage_messages import DiskReport, IoBlock, IoDone, IoSecond, StorageReport


class StorageGathering(Part):
    """A storage server's part in a fio job."""

    def __init__(self, server: Server, limit: int) -> None:
        super().__init__(server, limit)
        self._done: IoDone | None = None
        self._seconds: dict[int, IoSecond] = {}
        self._blocks: dict[int, IoBlock] = {}

    def add(self, report: OfCommand) -> None:
        """A second, a block, or the end."""
        match report:
            case IoSecond():
                self.keep(self._seconds, report)
            case IoBlock():
                self.keep(self._blocks, report)
            case IoDone():
                if self.complete:
                    self.blame("it was done twice")
                self._done, self.complete = report, True
            case _:
                super().add(report)

    def report(self) -> StorageReport:
        """All of it; incomplete ones carry their problem. A disk that hangs may never fill a block."""
        if self._done is None or not self._done.hung:
            self.check(self._blocks)
        return StorageReport(
            agent=self.server.name,
            host=self.server.host,
            clock_error=self.ready.clock_error if self.ready else 0.0,
            seconds=tuple(self._seconds[index] for index in sorted(self._seconds)),
            blocks=tuple(self._blocks[index] for index in sorted(self._blocks)),
            done=self._done,
            problem=self.problem,
        )


class Disk(Part):
    """A storage server's part in preparing the disks."""

    def __init__(self, server: Server, limit: int) -> None:
        super().__init__(server, limit)
        self.filled: DiskReport | None = None

    def add(self, report: OfCommand) -> None:
        """What was filled."""
        if isinstance(report, DiskReport):
            self.filled = report
        else:
            super().add(report)
