"""Events as lines of text: `{"v": 1, "n": 17, "t": 1795850000.123, "kind": "second", ...}`.

`n` counts the lines of a file from 0, `t` is Unix time, `dropped` how many events the writer had to leave
out just before this one. What follows are the fields of the event.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from kb_tests.events.model import (
    AnyEvent,
    Count,
    Filed,
    Leaked,
    PointEnded,
    PointSeen,
    ProbeEnded,
    ProbeSeen,
    Problem,
    Staged,
    StagedServer,
    StagedServers,
)
from kb_tests.report.capacity import sentences

VERSION: Literal[1] = 1
LONGEST = 256 << 10
"""Bytes of a line at most, its end included."""

LATEST = 1e11
"""The last moment that a line may tell of: what clocks and calendars can show."""

_SENTENCE = 2000
_RESOURCES = 100
"""Characters of a sentence, and resources, that stand in a line: one that is too long would be left out."""

_FILED: TypeAdapter[Filed] = TypeAdapter(Annotated[Filed, Field(discriminator="kind")])


class _Head(BaseModel):
    """What stands before an event."""

    model_config = ConfigDict(strict=True, extra="ignore")

    n: Count
    t: Annotated[float, Field(ge=0, le=LATEST, allow_inf_nan=False)]
    dropped: Count = 0


@dataclass(frozen=True)
class Line:
    """One line of an event file, read."""

    n: int
    t: float
    event: Filed
    dropped: int = 0


def filed(event: AnyEvent) -> Filed:
    """What of `event` stands in event files."""
    match event:
        case PointEnded():
            return PointSeen(
                cloud=event.cloud,
                point=event.point.id,
                status=str(event.point.status),
                outcome=str(event.point.outcome or ""),
                reason=event.point.reason[:_SENTENCE],
                told=sentences(found)[0][:_SENTENCE] if (found := event.point.capacity) else "",
            )
        case ProbeEnded():
            probe = event.point
            return ProbeSeen(
                cloud=event.cloud, point=probe.id, search=probe.search, outcome=str(probe.outcome or "")
            )
        case Staged():
            topology = event.topology
            return StagedServers(
                cloud=event.cloud,
                scenario=event.scenario,
                servers=tuple(
                    StagedServer(
                        name=server.name,
                        role=str(server.role),
                        address=server.address,
                        host=server.host,
                        zone=server.zone,
                    )
                    for server in topology.servers
                ),
            )
        case Problem():
            return event.model_copy(update={"sentence": event.sentence[:_SENTENCE]})
        case Leaked():
            return event.model_copy(
                update={"resources": tuple(each[:_SENTENCE] for each in event.resources[:_RESOURCES])}
            )
        case _:
            return event


def encode(n: int, t: float, event: Filed, dropped: int = 0) -> bytes:
    """The line of `event`; empty if it would be longer than `LONGEST`."""
    head: dict[str, Any] = {"v": VERSION, "n": n, "t": round(t, 3)}
    if dropped:
        head["dropped"] = dropped
    body = event.model_dump(mode="json", exclude_defaults=True)
    told = head | {"kind": event.kind} | body
    try:
        text = _dumped(told)
    except ValueError:
        text = _dumped(_worded(told))
    line = text.encode("utf-8", "replace") + b"\n"
    return line if len(line) <= LONGEST else b""


def _dumped(told: Any) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _worded(value: Any) -> Any:
    """`value` with words for what has no end or is no number: JSON has no others, and browsers take none."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _worded(below) for key, below in value.items()}
    return [_worded(below) for below in value] if isinstance(value, list | tuple) else value


def decode(line: bytes) -> Line | None:
    """What a line says; None if it is of another version or kind, damaged, or no line of ours at all."""
    try:
        found = json.loads(line)
        if not isinstance(found, dict) or found.get("v") != VERSION:
            return None
        head = _Head.model_validate(found)
        return Line(head.n, head.t, _FILED.validate_python(found), head.dropped)
    except (ValueError, RecursionError):
        return None


def schema() -> dict[str, Any]:
    """The JSON schema of a line."""
    found = _FILED.json_schema()
    head = {
        "v": {"const": VERSION, "title": "Version of this format"},
        "n": {"type": "integer", "minimum": 0, "title": "Number of the line in its file"},
        "t": {"type": "number", "minimum": 0, "maximum": LATEST, "title": "Unix time"},
        "dropped": {"type": "integer", "minimum": 0, "title": "Events left out just before"},
    }
    for definition in found["$defs"].values():
        if "const" in definition.get("properties", {}).get("kind", {}):  # an event, and no part of one
            definition["properties"] = head | definition["properties"]
            definition["required"] = ["v", "n", "t", "kind", *definition.get("required", [])]
    return found | {"title": "A line of an event file"}


__all__ = ["LONGEST", "Line", "decode", "encode", "filed", "schema"]
