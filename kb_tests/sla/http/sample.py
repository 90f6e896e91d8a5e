"""A measurement in the units of the statistics: requests by batches of time, and by agent."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Block, HttpMeasurement
from kb_tests.measure.http.merge import total
from kb_tests.sla.achieved import Achieved
from kb_tests.sla.bounds import Share, batches


@dataclass(frozen=True)
class Group:
    """Some of the requests that were due in the window.

    `response` also holds how long those took that were given up, which is `timeout` or more.
    """

    due: int
    completed: int
    response: Histogram
    timeout: float

    @classmethod
    def of(cls, blocks: Sequence[Block], timeout: float) -> Group:
        """All requests of `blocks`."""
        counts = total(block.counts for block in blocks)
        response = Histogram.merged(block.response for block in blocks)
        return cls(counts.due, counts.completed, response, timeout)

    @property
    def given_up(self) -> int:
        """How many response times are not those of successful requests."""
        return max(0, self.response.count - self.completed)

    def slower(self, limit: float) -> int:
        """How many were not successful within `limit` seconds."""
        within = self.response.count_at_most(limit)
        if limit >= self.timeout:
            within -= self.given_up
        return self.due - max(0, min(self.completed, within))

    def percentile(self, percent: float) -> float:
        """The seconds within which `percent` of them were successful; infinite if they were not."""
        rank = max(1, math.ceil(round(self.due * percent / 100, 6)))
        time = self.response.at_rank(rank)
        return time if time < self.timeout else self.response.at_rank(rank + self.given_up)


class Sample:
    """All requests of a measurement, those of each batch of time blocks, and those of each agent."""

    lost = "of the requests failed"

    def __init__(self, measurement: HttpMeasurement, timeout: float) -> None:
        self.measurement = measurement
        by_time: defaultdict[float, list[Block]] = defaultdict(list)
        by_agent: defaultdict[str, list[Block]] = defaultdict(list)
        for block in measurement.blocks:
            by_time[round(block.at, 2)].append(block)
            by_agent[block.agent].append(block)
        times = [by_time[at] for at in sorted(by_time)]
        joined = [[block for time in times[part] for block in time] for part in batches(len(times))]
        self.times = [Group.of(blocks, timeout) for blocks in joined]
        self.agents = [Group.of(blocks, timeout) for blocks in by_agent.values()]
        counts = measurement.counts
        self.whole = Group(counts.due, counts.completed, measurement.response, timeout)

    def __str__(self) -> str:
        return f"{self.whole.due:,} requests in {len(self.times)} batches of time"

    def slower(self, limit: float) -> Share:
        """The share of the requests due that were not successful within `limit` seconds (inf: at all)."""
        return Share.of(
            [group.slower(limit) for group in self.times],
            [group.due for group in self.times],
            [group.slower(limit) for group in self.agents],
            [group.due for group in self.agents],
        )

    def percentile(self, percent: float) -> float:
        """The seconds within which `percent` of all requests were successful; infinite if they were not."""
        return self.whole.percentile(percent)

    def times_taken(self) -> list[float]:
        """Every response time that was found, ascending."""
        return self.whole.response.distribution()[0]

    def achieved(self) -> Achieved:
        """Requests per second that ended well inside the window, by its whole seconds: no more of them than
        were due in it (`measure.merge.achieved`), whichever seconds a backlog from before it fell into.
        """
        seconds = self.measurement.seconds
        rates = [s.completed for s in seconds if 0 <= s.at < math.floor(self.measurement.duration)]
        found = sum(rates) / len(rates) if rates else 0.0
        kept = min(1.0, self.measurement.achieved / found) if found else 1.0
        return Achieved.of([kept * rate for rate in rates], self.measurement.offered, self.slower(math.inf))
