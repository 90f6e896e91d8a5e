"""Collects what generators send of one HTTP point."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from kb_tests.fleet.collect import Gathering
from kb_tests.fleet.http.messages import BlockReport, Done, KeptSecond, SecondReport
from kb_tests.fleet.reports import OfCommand

MAX_HISTOGRAM = 256 << 10
"""Characters of one encoded histogram that are kept; a full one of 3 digits has about a third."""


class HttpGathering(Gathering[KeptSecond, BlockReport, Done]):
    """A traffic generator's part."""

    second, block, end = KeptSecond, BlockReport, Done

    @classmethod
    def each(cls, command: Mapping[str, Any]) -> int:
        """As many blocks as it asks for."""
        return math.ceil(1 / float(command["http"].get("block", 1.0)))

    def add(self, report: OfCommand) -> None:
        """As any, but for histograms that are too large."""
        if isinstance(report, SecondReport):
            self._keep(self._seconds, KeptSecond.of(report))
        elif (
            isinstance(report, BlockReport) and max(len(report.response), len(report.service)) > MAX_HISTOGRAM
        ):
            self.set_problem("it sent a histogram that is too large")
        else:
            super().add(report)
