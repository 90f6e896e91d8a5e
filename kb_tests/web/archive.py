"""The records in one folder, found by the ids that the index knows and never by a path from outside."""

from __future__ import annotations

import copy
import json
import threading
from collections import OrderedDict
from collections.abc import Collection
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from kb_tests.errors import RecordError
from kb_tests.history.find import Wanted, matching
from kb_tests.history.index import Index
from kb_tests.history.summary import Summary
from kb_tests.history.tags import set_tags, tags_of
from kb_tests.report.record import RunRecord, load
from kb_tests.web.problems import Problem
from kb_tests.web.shapes.runs import RunList, RunRow

KEPT = 4
"""Records that stay read: a run's pages are looked at one after the other."""

_Stamp = tuple[int, int]


class Archive:
    """The runs in `folder`, which may not be there yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._read: OrderedDict[Path, tuple[_Stamp, RunRecord]] = OrderedDict()
        self._listed: list[Summary] | None = None

    def runs(self) -> list[Summary]:
        """All of them, the newest first."""
        if self._listed is not None:
            return self._listed
        if not self.folder.is_dir():
            return []
        index = Index(self.folder)
        try:
            return index.runs()
        finally:
            index.close()

    def at_once(self) -> Archive:
        """The same, which looks at the folder now and not again: for what asks for several things of it."""
        found = copy.copy(self)
        found._listed = self.runs()  # noqa: SLF001 (it is one of these)
        return found

    def summary(self, run: str) -> Summary:
        """One of them; raises Problem."""
        return _the_one(self.runs(), run)

    def record(self, run: str) -> RunRecord:
        """The record of a run; raises Problem."""
        path = Path(self.summary(run).path)
        try:
            found = path.stat()
            stamp = found.st_mtime_ns, found.st_size
            with self._lock:
                known = self._read.get(path)
                if known is None or known[0] != stamp:
                    known = self._read[path] = stamp, load(path)
                self._read.move_to_end(path)
                while len(self._read) > KEPT:
                    self._read.popitem(last=False)
            return known[1]
        except OSError as error:
            raise Problem(HTTPStatus.NOT_FOUND, f"The record of run {run} is gone.") from error
        except RecordError as error:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY, error.args[0] if error.args else str(error), error.remedy
            ) from error

    def content(self, run: str) -> bytes:
        """The record of a run as it stands in its file, if it is one still: whoever may write to the folder
        may put a link there. Raises Problem.
        """
        try:
            found = Path(self.summary(run).path).read_bytes()
            if json.loads(found)["run"] == run:
                return found
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            pass
        raise Problem(HTTPStatus.NOT_FOUND, f"The record of run {run} is gone.")

    def listed(self, wanted: Wanted, text: str, after: str, limit: int) -> RunList:
        """Runs as `wanted`, with `text` in id, cloud, scenario or a tag, those after run `after`."""
        every = self.runs()
        new = _new_failures(every)
        found = [run for run in matching(every, wanted) if _has(run, text.lower())]
        places = {run.run: place for place, run in enumerate(found)}
        begin = places[after] + 1 if after in places else 0
        shown = found[begin : begin + limit]
        return RunList(
            runs=tuple(row(run, new_failure=run.run in new) for run in shown),
            total=len(found),
            next=shown[-1].run if shown and begin + limit < len(found) else "",
            clouds=tuple(sorted({run.cloud for run in every})),
            scenarios=tuple(sorted({name for run in every for name in run.scenarios})),
        )

    def delete(self, run: str, alive: Collection[str]) -> None:
        """Delete a record, with its tags; raises Problem, also where it is of a run that is `alive`."""
        path = Path(self.summary(run).path)
        if run in alive:
            raise Problem(HTTPStatus.CONFLICT, f"Run {run} is not over.", "Stop its session first.")
        try:
            set_tags(path, ())
            path.unlink()
        except (OSError, RecordError) as error:
            raise Problem(HTTPStatus.CONFLICT, f"The record of run {run} cannot be deleted.") from error

    def like(self, run: Summary, most: int = 20) -> list[Summary]:
        """Runs of the same scenarios on the same cloud up to `run`, the oldest first."""
        same = [
            one
            for one in self.runs()
            if (one.cloud, one.scenarios) == (run.cloud, run.scenarios) and one.started <= run.started
        ]
        return same[:most][::-1]


def row(run: Summary, *, new_failure: bool = False) -> RunRow:
    """A run as a list shows it."""
    return RunRow(
        run=run.run,
        cloud=run.cloud,
        outcome=run.outcome,
        started=when(run.started),
        ended=when(run.ended) if run.ended else None,
        exit_code=run.exit_code,
        scenarios=run.scenarios,
        points=run.points,
        leaks=run.leaks,
        tags=tags_of(Path(run.path)),
        new_failure=new_failure,
        closest=run.closest,
    )


def when(seconds: float) -> datetime:
    """A Unix time as one of UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def _the_one(runs: list[Summary], run: str) -> Summary:
    found = next((one for one in runs if one.run == run), None)
    if found is None:
        raise Problem(
            HTTPStatus.NOT_FOUND, "There is no such run in this folder.", "GET /api/v1/runs lists them."
        )
    return found


def _has(run: Summary, text: str) -> bool:
    return not text or any(
        text in word.lower() for word in (run.run, run.cloud, *run.scenarios, *tags_of(Path(run.path)))
    )


def _new_failures(runs: list[Summary]) -> set[str]:
    """Runs that failed where the one before, of the same scenarios on the same cloud, passed."""
    last: dict[tuple[str, tuple[str, ...]], str] = {}
    found = set()
    for run in reversed(runs):
        key = run.cloud, run.scenarios
        if run.outcome == "fail" and last.get(key) == "pass":
            found.add(run.run)
        last[key] = run.outcome
    return found
