"""What a list of runs shows of one: read from its record, without decoding any histogram."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kb_tests.errors import RecordError
from kb_tests.report.beside import beside

OF_RUN = re.compile(r"[0-9a-f]{8}")
"""The name of a run, and of its record."""

BROKEN, LEAKED = 1, 12
"""A session's exit codes where an SLA was broken or a test failed, and where something of it was left."""

_WELL = (None, 0, 5)
_NOT_BAD = ("pass", "measured", "inconclusive", "empty")
_OF_CODE = {BROKEN: "fail", 2: "not_run", 10: "inconclusive", LEAKED: "leaked"}

LARGEST = 1 << 30
"""Bytes of a record that is read for a list; and no exit code or number of leaks is as large."""

LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
"""A time that can be shown in any zone is before that."""


@dataclass(frozen=True)
class Summary:
    """One run on one cloud.

    `started` and `ended` are Unix times (`ended` 0 where it broke off), `exit_code` that of its session, None
    where it broke off. `points` are (id, outcome, else status) in the order of the run. `closest` says what
    is over its limit by most, or closest to it.
    """

    run: str
    cloud: str
    started: float
    ended: float
    exit_code: int | None
    scenarios: tuple[str, ...]
    points: tuple[tuple[str, str], ...]
    leaks: int
    path: str
    closest: str = ""

    @property
    def outcome(self) -> str:
        """One word: what the run means to somebody who looks for bad ones."""
        found = {outcome for _, outcome in self.points}
        if self.leaks:
            return "leaked"
        if self.exit_code is None:
            return "unfinished"
        order = ("invalid", "lost", "error", "not_run", "fail", "inconclusive", "pass", "measured")
        return capped(next((word for word in order if word in found), "empty"), self.exit_code)


def capped(word: str, exit_code: int | None) -> str:
    """What points came to in a `word`, and not better than the session's exit code: a test of one's own, a
    teardown or pytest itself may have failed where every point passes.
    """
    if exit_code in _WELL:
        return word
    if word in _NOT_BAD or (word == "not_run" and exit_code == BROKEN):  # -x: what failed ended it
        return _OF_CODE.get(exit_code or 0, "invalid")
    return word


def usable(found: Summary) -> Summary:
    """`found`, if its texts can be printed, its times shown and its numbers kept; else raises ValueError or
    TypeError.
    """
    texts = (
        found.run,
        found.cloud,
        found.closest,
        *found.scenarios,
        *(text for point in found.points for text in point),
    )
    "".join(texts).encode()
    times = 0 <= found.started < LATEST and 0 <= found.ended < LATEST
    numbers = abs(found.exit_code or 0) < LARGEST and 0 <= found.leaks < LARGEST
    if not times or not numbers or any(len(point) != 2 for point in found.points):
        raise ValueError(f"{found.run} is no run")
    return found


def summarize(path: Path) -> Summary | None:
    """The summary of a record; None for a file that is none (it may be anything that ends in .json)."""
    from kb_tests.history.closest import closest  # lists of what is known already do without its modules

    try:
        if path.stat().st_size > LARGEST:
            return None
        found = _read(path)
        if not isinstance(found, dict) or "schema_version" not in found or found.get("run") != path.stem:
            return None
        return usable(
            Summary(
                run=str(found["run"]),
                cloud=str(found["cloud"]),
                started=_time(found["started"]),
                ended=_time(found["ended"]) if found.get("ended") else 0.0,
                exit_code=int(found["exit_code"]) if found.get("exit_code") is not None else None,
                scenarios=tuple(str(scenario["name"]) for scenario in found.get("scenarios", [])),
                points=tuple(_point(point) for point in found.get("points", [])),
                leaks=len(found.get("leaks", [])),
                path=str(path),
                closest=closest(found.get("points", [])),
            )
        )
    except (
        RecordError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ):
        return None


def refuse_misnamed(folder: Path, known: Collection[str]) -> None:
    """RecordError for a record, not of one of the `known` runs under its name, that has another name than its
    run's: lists pass it over.
    """
    for path in sorted(folder.glob("*.json")):
        if path.stem in known or not path.is_file():
            continue
        try:
            found = json.loads(path.read_bytes()) if path.stat().st_size <= LARGEST else None
        except (OSError, ValueError, RecursionError):
            continue
        if not isinstance(found, dict) or "schema_version" not in found:
            continue
        run = found.get("run")
        if isinstance(run, str) and OF_RUN.fullmatch(run) and run != path.stem:
            raise RecordError(
                f"{path} is the record of run {run} under another name.",
                remedy=f"Call it {run}.json, or take it out of the folder.",
            )


def _read(path: Path) -> Any:
    """What the file says; of a run that lives or broke off, with what it has added since."""
    if beside(path).exists():
        from kb_tests.report.record import load  # lists of runs are there before it is read

        return load(path).model_dump(
            mode="json", exclude={"points": {"__all__": {"measurement", "earlier"}}, "versions": True}
        )
    return json.loads(path.read_bytes())


def _point(point: Mapping[str, Any]) -> tuple[str, str]:
    verdict = point.get("verdict")
    return str(point["point"]["id"]), str(verdict["outcome"] if verdict else point["status"])


def _time(text: str) -> float:
    when = datetime.fromisoformat(text)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
