"""A storage point's time series: the seconds of all servers added up."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from kb_tests.fleet.storage.messages import IoSecond
from kb_tests.measure.coarse import bucket_percentile
from kb_tests.measure.storage.measurement import IoRate, StorageSecond


def merge_seconds(
    servers: Iterable[Sequence[IoSecond]], first: float, last: float
) -> tuple[StorageSecond, ...]:
    """The common seconds from `first` to `last` that the servers' reports touch, ascending, all added up.

    Of a server whose reports overlap, the later ones are left out.
    """
    sums: defaultdict[int, _Sum] = defaultdict(_Sum)
    for seconds in servers:
        for report, at, end in _in_turn(seconds, math.floor(first), math.ceil(last)):
            for second in range(at, end):
                sums[second].add(report, 1 / (report.end - report.begin), 1 / (end - at))
            sums[end - 1].time(report)
    return tuple(sums[at].second(at) for at in sorted(sums))


def _in_turn(seconds: Sequence[IoSecond], first: int, last: int) -> Iterator[tuple[IoSecond, int, int]]:
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
        self._buckets: tuple[Counter[int], Counter[int]] = (Counter(), Counter())

    def add(self, report: IoSecond, per_second: float, share: float) -> None:
        read, write = report.read, report.write
        self._iops += IoRate(read.ios * per_second, write.ios * per_second)
        self._bandwidth += IoRate(read.bytes * per_second, write.bytes * per_second)
        self._errors += report.errors * share

    def time(self, report: IoSecond) -> None:
        """Latencies count where they were seen: at the end."""
        for counts, part in zip(self._buckets, (report.read, report.write), strict=True):
            for bucket, count in part.buckets:
                counts[bucket] += count

    def second(self, at: int) -> StorageSecond:
        return StorageSecond(
            at=float(at),
            iops=self._iops,
            bandwidth=self._bandwidth,
            read_p99=bucket_percentile(self._buckets[0], 99),
            write_p99=bucket_percentile(self._buckets[1], 99),
            errors=self._errors,
        )
