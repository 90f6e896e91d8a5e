"""The records that somebody means: a file, a folder, a run's id, a tag."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

from kb_tests.errors import RecordError
from kb_tests.history.find import meant
from kb_tests.history.index import Index
from kb_tests.history.summary import LARGEST, OF_RUN, refuse_misnamed
from kb_tests.report.beside import SUFFIX
from kb_tests.report.record import RunRecord, load


def called(name: str) -> str:
    """What they are called: a folder or record by its own name, whatever the way to it."""
    path = Path(name)
    if not path.exists():
        return name
    return path.stem if path.is_file() else path.resolve().name


def records_of(name: str, reports: Path) -> list[RunRecord]:
    """Those of a record, of all in a folder, of a run or of a tag in the folder `reports`; or of several of
    these, split by commas. There is one at least, else RecordError is raised.
    """
    parts = [part.strip() for part in name.split(",")]
    if not any(parts):
        raise RecordError(
            "No run is named.", remedy="Name a record, a folder of records, a run's id or a tag."
        )
    path = Path(name)
    if path.is_dir():
        with closing(Index(path)) as index:
            found = [load(Path(run.path)) for run in index.runs()]
            found += _unlisted(path, {record.run for record in found})
            refuse_misnamed(path, {record.run for record in found})
            if not found:
                index.some()  # which says that there is none
        return found
    if path.exists():
        return [load(path)]
    if len(parts) > 1:
        return [record for part in dict.fromkeys(parts) if part for record in records_of(part, reports)]
    if path.suffix in (".json", SUFFIX) or len(path.parts) > 1 or name.endswith("/"):
        raise RecordError(
            f"There is no file or folder {name}.", remedy="`kb runs` lists the runs of a folder."
        )
    if not reports.is_dir():
        raise RecordError(
            f"{name} is neither a record nor a folder, and there is no folder {reports} with runs.",
            remedy="Name the folder of its --kb-reports.",
        )
    with closing(Index(reports)) as index:
        runs = index.some()
    return [load(Path(run.path)) for run in meant(runs, name, reports)]


def _unlisted(folder: Path, known: Collection[str]) -> Iterator[RunRecord]:
    """The records that are named as those of runs are, and that no list of runs has; RecordError for one that
    cannot be read: nobody would miss its run.
    """
    for path in sorted(folder.glob("*.json")):
        if OF_RUN.fullmatch(path.stem) and path.stem not in known:
            if not path.is_file() or path.stat().st_size > LARGEST:  # a pipe would be waited for
                raise RecordError(f"{path} is no record of a run: it is no file, or one of over 1 GiB.")
            record = load(path)
            if record.run == path.stem:  # else it is refused by its name
                yield record
