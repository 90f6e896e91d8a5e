"""Whether one agent's reports are all there: numbered 1, 2, 3 ... from each start of the agent."""

from __future__ import annotations

from collections import deque

from kb_tests.fleet.messages import Hello
from kb_tests.fleet.reports import Report

TWICE = 8
"""Reports that an agent may send a second time, in order, since their connection broke: as many as it has
under way at once."""


class ReportSequence:
    """Follows one agent's numbers from its hello on, which may have any number: the controller may
    have come later than the agent.
    """

    def __init__(self) -> None:
        self.instance = ""
        self._last = 0
        self._lately: deque[int] = deque(maxlen=TWICE)

    def follow(self, report: Report, raw: bytes) -> tuple[bool, str]:
        """Whether the report is new, and what is wrong with its number, in one sentence, or "". None is new
        that comes after one of its number, or of a higher one: where the control server refused the first of
        several for a moment, all of them come again.
        """
        if isinstance(report, Hello) and report.instance != self.instance:
            restarted = self.instance != ""
            self.instance, self._last = report.instance, report.seq
            self._lately.clear()
            self._lately.append(hash(raw))
            return True, "it was started again" if restarted else ""
        if self.instance == "":
            return False, ""
        last, known = self._last, self._lately
        back = last - report.seq
        if 0 <= back < len(known) and known[-1 - back] == hash(raw):
            return False, ""
        if back >= 0:
            return False, f"it sent report {report.seq} after report {last}"
        self._last = report.seq
        if back < -1:
            known.clear()
        known.append(hash(raw))
        return True, "" if back == -1 else f"{-back - 1} of its reports were lost"
