"""The changes that a run under way makes to its record, a line of JSON each.

While a run lives, `reports/{run}.ndjson` stands beside its record: first a line with the whole record of that
moment, then a line for each change. Folded, in their order, they are the record. Rewriting the record for
every point would cost a long run more and more; a line costs what it says.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from kb_tests.errors import RecordError
from kb_tests.report.beside import SUFFIX as SUFFIX
from kb_tests.report.beside import beside as beside
from kb_tests.report.measured import Part, Text
from kb_tests.report.point import PointRecord, PointStatus
from kb_tests.report.staged import TopologyRecord
from kb_tests.scenario.units import counted

if TYPE_CHECKING:
    from kb_tests.report.record import RunRecord


class _Change(Part):
    @abstractmethod
    def apply(self, record: RunRecord) -> None:
        """Make the change to `record`."""


class Selected(_Change):
    """A point is going to run."""

    change: Literal["selected"] = "selected"
    point: PointRecord

    def apply(self, record: RunRecord) -> None:
        """Add it."""
        record.select(self.point)


class Ended(_Change):
    """A point ended: what became of it, and what came out."""

    change: Literal["point"] = "point"
    point: PointRecord

    def apply(self, record: RunRecord) -> None:
        """Put it where it belongs."""
        record.put(self.point)


class Probed(_Change):
    """A probe of a search ended: what came out."""

    change: Literal["probe"] = "probe"
    point: PointRecord

    def apply(self, record: RunRecord) -> None:
        """Keep it with the others; its search is under way, until it has ended."""
        record.probes.append(self.point)
        of = self.point.search
        made = sum(1 for probe in record.probes if probe.search == of)
        reason = f"The session ended within its search, of which {counted(made, 'probe')} are kept."
        for number, point in enumerate(record.points):
            if point.point.id == of and point.status is PointStatus.NOT_RUN:
                record.points[number] = point.model_copy(update={"reason": reason})


class Staged(_Change):
    """A scenario's topology is there."""

    change: Literal["staged"] = "staged"
    scenario: Text
    topology: TopologyRecord

    def apply(self, record: RunRecord) -> None:
        """Keep it with its scenario."""
        for scenario in record.scenarios:
            if scenario.name == self.scenario:
                scenario.put(self.topology)


class Said(_Change):
    """A sentence came to one of the record's lists, or is `gone` from it again."""

    change: Literal["said"] = "said"
    where: Literal["notes", "problems", "failures", "leaks", "kept"]
    sentence: Text
    gone: bool = False

    def apply(self, record: RunRecord) -> None:
        """Add it, or take it away."""
        sentences: list[str] = getattr(record, self.where)
        if not self.gone:
            sentences.append(self.sentence)
        elif self.sentence in sentences:
            sentences.remove(self.sentence)


class Over(_Change):
    """The run ended properly."""

    change: Literal["over"] = "over"
    ended: AwareDatetime
    exit_code: int

    def apply(self, record: RunRecord) -> None:
        """Note when, and its session's exit code."""
        record.ended, record.exit_code = self.ended, self.exit_code


Change = Annotated[Selected | Ended | Probed | Staged | Said | Over, Field(discriminator="change")]
_CHANGE: TypeAdapter[Change] = TypeAdapter(Change)


def encode(change: Change) -> bytes:
    """The line of `change`."""
    return change.model_dump_json().encode("utf-8", "replace") + b"\n"


def lines(path: Path) -> tuple[bytes, list[bytes]] | None:
    """The first line of a file of changes, and the others; None if there is no such file, or not one line.

    What a crash cut off of the last line is left out. Raises RecordError if it cannot be read.
    """
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RecordError(f"The record {path} cannot be read: {error.strerror or error}.") from error
    first, *others = found[: found.rfind(b"\n") + 1].splitlines() or [b""]
    return (first, others) if first else None


def decode(path: Path, found: list[bytes]) -> Iterator[Change]:
    """The changes that lines of the file `path` tell of. Raises RecordError at one that is none, but for the
    last, of which a machine that lost its power may have written anything.
    """
    for number, line in enumerate(found, start=2):
        try:
            yield _CHANGE.validate_json(line)
        except ValidationError as error:
            if number == len(found) + 1:
                return
            first = error.errors()[0]
            raise RecordError(f"The record {path} is damaged at line {number}: {first['msg']}.") from error
