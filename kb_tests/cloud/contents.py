"""What a journal says: which run, on which clouds, and what it may have there."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kb_tests.cloud.account import Account
from kb_tests.cloud.mark import Mark
from kb_tests.errors import CloudError

VERSION = 1


@dataclass(frozen=True)
class Entry:
    """An intent and what became of it: `id` is empty while unknown.

    `project` is the OpenStack project it was made in, `owner` a keypair's user.
    """

    seq: int
    kind: str
    name: str
    project: str = ""
    owner: str = ""
    id: str = ""


@dataclass(frozen=True)
class Header:
    """Which run, on which cloud: the journal's first line, or that of a further cloud."""

    mark: Mark
    cloud: str
    clouds_yaml: str = ""
    scenario: str = ""
    embedded: bool = False
    """Whether it is the embedded local cloud, which is a process of this machine."""


@dataclass
class Contents:
    """What a journal says of a run on one cloud. `open` are intents neither refused nor removed, oldest
    first, `doubtful` those that may take effect once more: their request was not answered, and made again.
    `beside` is what it says of the run's further clouds.

    Times are by this machine's clock: a kept topology may go at `kept_until`; nothing was left when it was
    looked for, but `unsettled` tells until when something may yet come.
    """

    header: Header
    account: Account | None = None
    open: dict[int, Entry] = field(default_factory=dict)
    projects: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    last_seq: int = 0
    doubtful: dict[int, Entry] = field(default_factory=dict)
    kept: bool = False
    kept_until: float = 0.0
    unsettled: float = 0.0
    closed: bool = False
    beside: list[Contents] = field(default_factory=list)

    @property
    def parts(self) -> tuple[Contents, ...]:
        """What it says of each cloud of the run, this one first."""
        return (self, *self.beside)

    @property
    def left(self) -> bool:
        """Whether something is likely to be on this cloud that nobody wants to stay."""
        return self.account is not None and not (self.closed or self.kept or self.unsettled)

    @property
    def undecided(self) -> tuple[Entry, ...]:
        """What was asked for, and may come although nobody can see it."""
        return (*(entry for entry in self.open.values() if not entry.id), *self.doubtful.values())

    def apply(self, line: dict[str, Any]) -> None:
        """Take in one line after the first; a line that makes no sense changes nothing."""
        match line:
            case {"on": on, **rest}:
                if isinstance(on, int) and 0 < on <= len(self.beside):
                    self.beside[on - 1].apply(rest)
            case {"op": "beside", "mark": str(text), "cloud": str(cloud)} if mark := Mark.parse(text):
                header = Header(mark, cloud, str(line.get("clouds_yaml", "")), self.header.scenario)
                self.beside.append(Contents(header))
            case {"op": "cloud", "auth_url": str()}:
                self.account = self.account or Account.from_json(line, self.header.cloud)
            case {"op": "intend", "seq": int(seq), "kind": str(kind), "name": str(name)}:
                project, owner = (str(line.get(key, "")) for key in ("project", "owner"))
                self.open[seq] = Entry(seq, kind, name, project, owner)
                self.last_seq = max(self.last_seq, seq)
                self.kinds.add(kind)
                self.closed = False
            case {"op": "created", "seq": int(seq), "id": str(id_)} if seq in self.open:
                entry = self.open[seq]
                self.open[seq] = Entry(seq, entry.kind, entry.name, entry.project, entry.owner, id_)
                if entry.kind == "project":
                    self.projects.append(id_)
            case {"op": "unanswered", "seq": int(seq)} if seq in self.open:
                self.doubtful[seq] = self.open[seq]
            case {"op": "refused", "seq": int(seq)}:
                self.open.pop(seq, None)
            case {"op": "removed", "kind": str(kind), "id": str(id_)}:
                for seq in [seq for seq, entry in self.open.items() if (entry.kind, entry.id) == (kind, id_)]:
                    del self.open[seq]
            case {"op": "kept"}:
                self.kept, self.kept_until = True, _time(line.get("until"))
            case {"op": "unsettled", "until": int() | float() as until}:
                self.unsettled = _time(until)
            case {"op": "closed"}:
                self.closed = True
                self.open.clear()
                self.doubtful.clear()


def read(path: Path) -> Contents:
    """What a journal says, whoever writes it; a torn or damaged line is passed over.

    Raises CloudError when there is no such file or its first line names no run.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CloudError(f"The journal {path} cannot be read: {error.strerror}.") from error
    lines = (_parse(line) for line in raw.split(b"\n"))
    first = next(lines, None) or {}
    mark = Mark.parse(str(first.get("mark", "")))
    if first.get("op") != "run" or first.get("version") != VERSION or mark is None:
        raise CloudError(
            f"{path} does not begin as a journal of this version does.",
            remedy="`kb cleanup` finds the run on the cloud without it.",
        )
    texts = {key: str(first.get(key, "")) for key in ("cloud", "clouds_yaml", "scenario")}
    contents = Contents(Header(mark, **texts, embedded=first.get("embedded") is True))
    for line in lines:
        if line is not None:
            contents.apply(line)
    return contents


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _time(value: Any) -> float:
    """Unix time; 0 for what is none."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else 0.0
