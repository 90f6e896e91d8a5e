"""The records that somebody means: a file, a folder, a run's id, a tag."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from kb_tests.errors import RecordError
from kb_tests.history.find import the_one, with_tag
from kb_tests.history.index import Index
from kb_tests.report.record import RunRecord, load


def called(name: str) -> str:
    """What they are called: a folder or record by its own name, whatever the way to it."""
    path = Path(name)
    if not path.exists():
        return name
    return path.stem if path.is_file() else path.resolve().name


def records_of(name: str, reports: Path) -> list[RunRecord]:
    """Those of a record, of all in a folder, of a run or of a tag in the folder `reports`; or of several of
    these, split by commas. A folder may hold none. Raises RecordError.
    """
    path = Path(name)
    if path.is_dir():
        with closing(Index(path)) as index:
            return [load(Path(run.path)) for run in index.runs()]
    if path.is_file():
        return [load(path)]
    if "," in name:
        parts = [part.strip() for part in name.split(",")]
        return [record for part in dict.fromkeys(parts) if part for record in records_of(part, reports)]
    if not reports.is_dir():
        raise RecordError(
            f"{name} is neither a record nor a folder, and there is no folder {reports} with runs.",
            remedy="Name the folder of its --kb-reports.",
        )
    with closing(Index(reports)) as index:
        runs = index.runs()
    return [load(Path(run.path)) for run in with_tag(runs, name) or [the_one(runs, name)]]
