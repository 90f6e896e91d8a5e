"""Whether one agent's reports are all there: numbered 1, 2, 3 ... from each start of the agent."""

from __future__ import annotations

from kb_tests.fleet.messages import Hello
from kb_tests.fleet.reports import Report


class ReportSequence:
    """Follows one agent's numbers from its hello on, which may have any number: the controller may
    have come later than the agent.
    """

    def __init__(self) -> None:
        self.instance = ""
        self._last = 0
        self._raw = b""

    def follow(self, report: Report, raw: bytes) -> tuple[bool, str]:
        """Whether the report is new, and what is wrong with its number, in one sentence, or ""."""
        if isinstance(report, Hello) and report.instance != self.instance:
            restarted = self.instance != ""
            self.instance, self._last, self._raw = report.instance, report.seq, raw
            return True, "it was started again" if restarted else ""
        if self.instance == "":
            return False, ""
        last, self._last = self._last, report.seq
        previous, self._raw = self._raw, raw
        if report.seq == last and raw == previous:
            return False, ""
        if report.seq == last + 1:
            return True, ""
        if report.seq > last + 1:
            return True, f"{report.seq - last - 1} of its reports were lost"
        return False, f"it sent report {report.seq} after report {last}"
