"""A storage point's time series: the seconds of all servers added up."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from kb_tests.fleet.packed import added
from kb_tests.fleet.storage.messages import KeptIoSecond
from kb_tests.measure.coarse import bucket_percentile
from kb_tests.measure.heat import Heat
from kb_tests.measure.storage.measurement import IoRate, StorageSecond


def merge_seconds(
    servers: Iterable[Sequence[KeptIoSecond]], first: float, last: float
) -> tuple[tuple[StorageSecond, ...], Heat, Heat]:
    """The common seconds from `first` to `last` that the servers' reports touch, ascending, all added up; and
    the latencies of reads and of writes, where they were seen.

    Of a server whose reports overlap, the later ones are left out.
    """
    sums: defaultdict[int, _Sum] = defaultdict(_Sum)
    for seconds in servers:
        for report, at, end in _in_turn(seconds, math.floor(first), math.ceil(last)):
            for second in range(at, end):
                sums[second].add(report, 1 / (report.end - report.begin), 1 / (end - at))
            sums[end - 1].time(report)
    times = {at: each.times() for at, each in sums.items()}
    reads, writes = (Heat.of({at: each[part] for at, each in times.items()}, first, last) for part in (0, 1))
    return tuple(sums[at].second(at, *times[at]) for at in sorted(sums)), reads, writes


def _in_turn(
    seconds: Sequence[KeptIoSecond], first: int, last: int
) -> Iterator[tuple[KeptIoSecond, int, int]]:
    """Reports and the common seconds that they stand for; what is less than half a second is left out."""
    known = first
    for report in sorted(seconds, key=lambda report: report.begin):
        at, end = math.floor(report.begin + 0.5), math.floor(report.end + 0.5)
        if known <= at < end <= last:
            yield report, at, end
            known = end


class _Sum:
    """One common second, while the servers are added up."""

    def __init__(self) -> None:
        self._iops = self._bandwidth = IoRate()
        self._errors = 0.0
        self._packed: tuple[list[bytes], list[bytes]] = ([], [])

    def add(self, report: KeptIoSecond, per_second: float, share: float) -> None:
        read, write = report.read, report.write
        self._iops += IoRate(read.ios * per_second, write.ios * per_second)
        self._bandwidth += IoRate(read.bytes * per_second, write.bytes * per_second)
        self._errors += report.errors * share

    def time(self, report: KeptIoSecond) -> None:
        """Latencies count where they were seen: at the end."""
        self._packed[0].append(report.read.packed)
        self._packed[1].append(report.write.packed)

    def times(self) -> tuple[dict[int, int], dict[int, int]]:
        """The latencies of reads and of writes, by bucket."""
        return added(self._packed[0]), added(self._packed[1])

    def second(self, at: int, reads: Mapping[int, int], writes: Mapping[int, int]) -> StorageSecond:
        return StorageSecond(
            at=float(at),
            iops=self._iops,
            bandwidth=self._bandwidth,
            read_p99=bucket_percentile(reads, 99),
            write_p99=bucket_percentile(writes, 99),
            errors=self._errors,
        )
