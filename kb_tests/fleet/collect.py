"""What the agents say of one command, gathered into one `AgentReport` each; bounded in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from kb_tests.cloud.topology import Server
from kb_tests.fleet.messages import AgentReport, BlockReport, Done, Failed, Ready, Report, SecondReport

MAX_HISTOGRAM = 256 << 10
"""Characters of one encoded histogram that are kept; a full one of 3 digits has about a third."""

_SLACK = 120
_Indexed = TypeVar("_Indexed", SecondReport, BlockReport)


class Gathering:
    """One agent's part: `problem` is "" while nothing is wrong, and keeps the first thing that was."""

    def __init__(self, server: Server, limit: int) -> None:
        self.server = server
        self.ready: Ready | None = None
        self.done: Done | None = None
        self.problem = ""
        self.last_heard = 0.0
        self._limit = limit
        self._seconds: dict[int, SecondReport] = {}
        self._blocks: dict[int, BlockReport] = {}

    @property
    def ended(self) -> bool:
        """Whether nothing more is to be waited for."""
        return self.done is not None or self.problem != ""

    def blame(self, problem: str) -> None:
        """Note what is wrong, unless something already is."""
        self.problem = self.problem or problem

    def take(self, report: Ready | SecondReport | BlockReport | Done | Failed) -> None:
        """Add one report that carries this command's id."""
        match report:
            case Ready():
                self.ready = report
            case SecondReport():
                self._keep(self._seconds, report)
            case BlockReport():
                if max(len(report.response), len(report.service)) > MAX_HISTOGRAM:
                    self.blame("it sent a histogram that is too large")
                else:
                    self._keep(self._blocks, report)
            case Done():
                if self.done is not None:
                    self.blame("it was done twice")
                self.done = report
            case Failed():
                self.blame(report.error or "it failed without a word")

    def report(self) -> AgentReport:
        """All of it; incomplete ones carry their problem."""
        if self.done is None:
            self.blame("it fell silent")
        elif not self._blocks or sorted(self._blocks) != list(range(len(self._blocks))):
            self.blame("blocks are missing from its report")
        return AgentReport(
            agent=self.server.name,
            host=self.server.host,
            clock_error=self.ready.clock_error if self.ready else 0.0,
            seconds=tuple(self._seconds[index] for index in sorted(self._seconds)),
            blocks=tuple(self._blocks[index] for index in sorted(self._blocks)),
            done=self.done,
            problem=self.problem,
        )

    def _keep(self, kept: dict[int, _Indexed], report: _Indexed) -> None:
        if self.done is not None:
            self.blame(f"it sent a {report.kind} after it was done")
        elif report.index in kept:
            self.blame(f"it sent {report.kind} {report.index} twice")
        elif len(kept) >= self._limit:
            self.blame(f"it sent more than {self._limit} reports of kind {report.kind}")
        else:
            kept[report.index] = report


class Collection:
    """One command under way: its id, and who takes part."""

    def __init__(self, command_id: str, servers: Iterable[Server], seconds: float) -> None:
        self.id = command_id
        limit = int(seconds) + _SLACK
        self.parts: Mapping[str, Gathering] = {server.name: Gathering(server, limit) for server in servers}

    def take(self, report: Report) -> Gathering | None:
        """Add a report if it belongs here; the part it went to. A failure without an id belongs to
        whatever is under way: its sender could not read the command.
        """
        part = self.parts.get(report.agent)
        if part is None or not isinstance(report, Ready | SecondReport | BlockReport | Done | Failed):
            return None
        if report.id != self.id and not (isinstance(report, Failed) and report.id == ""):
            return None
        part.take(report)
        return part

    def waiting(self) -> list[Gathering]:
        """Those that have neither ended nor failed."""
        return [part for part in self.parts.values() if not part.ended]

    def unready(self) -> list[Gathering]:
        """Those that have not answered `ready` and have not failed."""
        return [part for part in self.parts.values() if part.ready is None and not part.problem]

    def failed(self) -> list[Gathering]:
        """Those with a problem."""
        return [part for part in self.parts.values() if part.problem]

    def reports(self) -> list[AgentReport]:
        """One report from each, in the order of the generators."""
        return [part.report() for part in self.parts.values()]
