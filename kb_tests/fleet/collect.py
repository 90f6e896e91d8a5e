"""What the agents say of one command, gathered into one `LoadReport` each; bounded in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from kb_tests.cloud.topology import Server
from kb_tests.fleet.messages import B, ClockChange, D, Failed, Hello, LoadReport, Numbered, Ready, S
from kb_tests.fleet.reports import OfCommand, Report
from kb_tests.scenario.units import counted

_SLACK = 120
Indexed = TypeVar("Indexed", bound=Numbered)


class Part:
    """One agent's part in a command: `problem` is "" while nothing is wrong, and keeps the first thing
    that was; `complete` once its last report came. `late` is by how many seconds it missed the start.
    """

    def __init__(self, server: Server, limit: int) -> None:
        self.server = server
        self.ready: Ready | None = None
        self.complete = False
        self.problem = ""
        self.late = 0.0
        self.limit = limit

    @property
    def doing(self) -> str:
        """What it said last of something that takes its time; "" if nothing."""
        return ""

    def set_problem(self, problem: str) -> None:
        """Note what is wrong, unless something already is."""
        self.problem = self.problem or problem

    def take(self, report: OfCommand) -> None:
        """Add one report that carries this command's id."""
        match report:
            case Ready():
                self.ready = report
            case Failed():
                self.set_problem(report.error or "it failed without a word")
                self.late = report.late
            case _:
                self.add(report)

    def add(self, report: OfCommand) -> None:
        """Add what this kind of command has to say."""
        self.set_problem(f"it sent a report of kind {report.kind}, which nobody asked for")


class Gathering(Part, Generic[S, B, D]):
    """One agent's part in a load of any kind: numbered seconds and blocks, and the end."""

    second: type[S]
    block: type[B]
    end: type[D]

    @classmethod
    def each(cls, _command: Mapping[str, Any]) -> int:
        """How many reports of one kind a second of this command brings at most."""
        return 1

    def __init__(self, server: Server, limit: int) -> None:
        super().__init__(server, limit)
        self.done: D | None = None
        self._seconds: dict[int, S] = {}
        self._blocks: dict[int, B] = {}

    def add(self, report: OfCommand) -> None:
        """A second, a block, or the end."""
        if isinstance(report, self.second):
            self._keep(self._seconds, report)
        elif isinstance(report, self.block):
            self._keep(self._blocks, report)
        elif isinstance(report, self.end):
            if self.complete:
                self.set_problem("it was done twice")
            self.done, self.complete = report, True
        else:
            super().add(report)

    def _keep(self, kept: dict[int, Indexed], report: Indexed) -> None:
        if self.complete:
            self.set_problem(f"it sent a {report.kind} after it was done")
        elif report.index in kept:
            self.set_problem(f"it sent {report.kind} {report.index} twice")
        elif len(kept) >= self.limit:
            self.set_problem(f"it sent more than {self.limit} reports of kind {report.kind}")
        else:
            kept[report.index] = report

    def check(self) -> None:
        """Blame an agent whose report is not whole."""
        if not self.complete:
            told = counted(len(self._seconds), "second")
            self.set_problem(
                f"it fell silent after {told} of its report: it was ended, or its way to the proxy is cut, or"
                " too slow"
                if self._seconds
                else "it fell silent"
            )
        elif not self._blocks or sorted(self._blocks) != list(range(len(self._blocks))):
            self.set_problem("blocks are missing from its report")

    def report(self, control_clock: ClockChange | None = None) -> LoadReport[S, B, D]:
        """All of it, and what the control server's clock did; incomplete ones carry their problem."""
        self.check()
        return LoadReport(
            agent=self.server.name,
            host=self.server.host,
            clock_error=self.ready.clock_error if self.ready else 0.0,
            seconds=tuple(self._seconds[index] for index in sorted(self._seconds)),
            blocks=tuple(self._blocks[index] for index in sorted(self._blocks)),
            done=self.done,
            problem=self.problem,
            control_clock=control_clock,
        )


P = TypeVar("P", bound=Part)


class Collection(Generic[P]):
    """One command under way: its id, and who takes part, each in a `part` of its own.

    It takes `seconds`, of which each brings `each` reports of one kind at most.
    """

    def __init__(
        self, command_id: str, servers: Iterable[Server], seconds: float, part: type[P], each: int = 1
    ) -> None:
        self.id = command_id
        limit = int(seconds) * each + _SLACK
        self.parts: Mapping[str, P] = {server.name: part(server, limit) for server in servers}

    def take(self, report: Report) -> P | None:
        """Add a report if it belongs here; the part it went to. A failure without an id belongs to
        whatever is under way: its sender could not read the command.
        """
        part = self.parts.get(report.agent)
        if part is None or isinstance(report, Hello):
            return None
        if report.id != self.id and not (isinstance(report, Failed) and report.id == ""):
            return None
        part.take(report)
        return part

    def waiting(self) -> bool:
        """Whether any has neither ended nor failed."""
        return any(not part.complete and not part.problem for part in self.parts.values())

    def preparing(self) -> bool:
        """Whether any has neither answered `ready` nor failed."""
        return any(part.ready is None and not part.problem for part in self.parts.values())

    def unready(self) -> list[P]:
        """Those that have not answered `ready` and have not failed."""
        return [part for part in self.parts.values() if part.ready is None and not part.problem]

    def failed(self) -> list[P]:
        """Those with a problem."""
        return [part for part in self.parts.values() if part.problem]
