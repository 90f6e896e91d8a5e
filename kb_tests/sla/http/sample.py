"""A measurement in the units of the statistics: requests by batches of time, and by agent."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kb_tests.measure.histogram import Histogram, Stacked
from kb_tests.measure.http.measurement import Block, HttpMeasurement
from kb_tests.measure.http.merge import total
from kb_tests.sla.achieved import Achieved
from kb_tests.sla.bounds import AGENTS, Share, batches, number_of_batches, pooled
from kb_tests.sla.tally import Tally


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


class Window:
    """The requests of a measurement in each batch of time blocks, and of each agent where agents count."""

    def __init__(self, measurement: HttpMeasurement, timeout: float) -> None:
        by_time: defaultdict[float, list[Block]] = defaultdict(list)
        by_agent: defaultdict[str, list[Block]] = defaultdict(list)
        for block in measurement.blocks:
            by_time[round(block.at, 2)].append(block)
            by_agent[block.agent].append(block)
        times = [by_time[at] for at in sorted(by_time)]
        parts = batches(len(times), number_of_batches(measurement.duration))
        joined = [[block for time in times[part] for block in time] for part in parts]
        self.times = [Group.of(blocks, timeout) for blocks in joined]
        self.agents = {}
        if len(by_agent) >= AGENTS:
            self.agents = {agent: Group.of(blocks, timeout) for agent, blocks in by_agent.items()}
        self._timeout = timeout
        self._due = tuple(group.due for group in self.times)
        self._completed = np.array([group.completed for group in self.times], np.int64)
        self._given_up = np.array([group.given_up for group in self.times], np.int64)
        self._times = Stacked([group.response for group in self.times])

    def slower(self, limit: float) -> Tally:
        """How many were not successful within `limit` seconds, by batch and by agent."""
        within = self._times.count_at_most(limit) - (self._given_up if limit >= self._timeout else 0)
        good = np.clip(within, 0, self._completed).tolist()
        return Tally(
            tuple(due - well for due, well in zip(self._due, good, strict=True)),
            self._due,
            {agent: (group.slower(limit), group.due) for agent, group in self.agents.items()},
        )


class Sample:
    """All requests of one or several windows of the same load, in the order in which they ran."""

    lost = "of the requests failed"

    def __init__(self, measurements: Sequence[HttpMeasurement], timeout: float) -> None:
        self.measurements = measurements
        self.windows = [Window(measurement, timeout) for measurement in measurements]
        self.counts = total(measurement.counts for measurement in measurements)
        response = Histogram.merged(measurement.response for measurement in measurements)
        self.whole = Group(self.counts.due, self.counts.completed, response, timeout)

    def __str__(self) -> str:
        number = sum(len(window.times) for window in self.windows)
        looks = f" of {len(self.windows)} looks" if len(self.windows) > 1 else ""
        return f"{self.whole.due:,} requests in {number} batches of time{looks}"

    def slower(self, limit: float) -> Share:
        """The share of the requests due that were not successful within `limit` seconds (inf: at all)."""
        return pooled([window.slower(limit) for window in self.windows])

    def percentile(self, percent: float) -> float:
        """The seconds within which `percent` of all requests were successful; infinite if they were not."""
        return self.whole.percentile(percent)

    def times_taken(self) -> list[float]:
        """Every response time that was found, ascending."""
        return self.whole.response.distribution()[0]

    @property
    def rate(self) -> float:
        """Requests per second that ended well inside the windows."""
        seconds = sum(one.duration for one in self.measurements)
        return sum(one.achieved * one.duration for one in self.measurements) / seconds if seconds else 0.0

    def achieved(self) -> Achieved:
        """Requests per second that ended well inside the windows, by their whole seconds: no more of them
        than were due in each (`measure.merge.achieved`), whichever second a backlog from before it fell into.
        """
        rates: list[float] = []
        for one in self.measurements:
            inside = [s.completed for s in one.seconds if 0 <= s.at < math.floor(one.duration)]
            found = sum(inside) / len(inside) if inside else 0.0
            kept = min(1.0, one.achieved / found) if found else 1.0
            rates += [kept * rate for rate in inside]
        return Achieved.of(rates, self.measurements[-1].offered, self.slower(math.inf))
