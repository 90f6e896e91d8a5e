"""Cleanup: what runs that ended badly left on a cloud goes, and nothing else.

A run counts as dead when its lease has expired, or when its journal is on this machine and no
process holds it. Runs are found by their journals, and on the cloud by the marks of their resources.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import monotonic

from kb_tests.cloud.calls import FAILURES, repeat, said
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.journal import Header, Journal, journals, path_of, read
from kb_tests.cloud.kinds import KINDS, Resource
from kb_tests.cloud.mark import RUN_ID, Mark
from kb_tests.cloud.progress import Progress, silent
from kb_tests.cloud.teardown import DEADLINE, Removal, tear_down
from kb_tests.errors import CloudError, LeakError

_LISTING_SECONDS = 120.0


@dataclass
class FoundRun:
    """A run, and what a cloud has of it; `journal` where this machine has one that nobody holds, and `on`
    which of the clouds in it this is.
    """

    run_id: str
    resources: list[Resource] = field(default_factory=list)
    journal: Path | None = None
    on: int = 0
    kept: bool = False

    @property
    def lease_until(self) -> int:
        """The latest lease that any of its resources shows (Unix time)."""
        return max((resource.lease_until for resource in self.resources), default=0)

    @property
    def mark(self) -> Mark:
        """The mark that it began with: a renewed one is later."""
        return Mark(self.run_id, min((resource.lease_until for resource in self.resources), default=0))

    def expired(self, now: float) -> bool:
        """Whether nobody can be using it any more; a topology kept by request lives by its lease."""
        return self.lease_until < now or (self.journal is not None and not self.kept)


def find_runs(cloud: Cloud, folder: Path | None = None) -> dict[str, FoundRun]:
    """Every run that a cloud has something of, or whose journal here is not closed, by id.

    Raises CloudError when a kind cannot be listed: what is not seen cannot be called clean.
    """
    runs: dict[str, FoundRun] = {}
    with ThreadPoolExecutor(8, thread_name_prefix="kb-find") as pool:
        for found in pool.map(lambda kind: _find(cloud, kind), KINDS):
            for resource in found:
                run = runs.setdefault(resource.run_id, FoundRun(resource.run_id))
                run.resources.append(resource)
    for path in journals(folder):
        try:
            contents = read(path)
        except CloudError:
            continue
        for on, part in enumerate(contents.parts):
            if part.auth_url == cloud.auth_url and not part.closed and not _is_held(path):
                run = runs.setdefault(path.parent.name, FoundRun(path.parent.name))
                run.journal, run.on, run.kept = path, on, part.kept
    return runs


def elsewhere(cloud: Cloud, run_ids: Iterable[str], folder: Path | None = None) -> list[Header]:
    """The other clouds on which these runs left something, by the journals of this machine."""
    found = []
    for path in {path_of(run_id, folder) for run_id in run_ids}:
        if path.exists() and not _is_held(path):
            found += [
                part.header
                for part in read(path).parts
                if part.auth_url not in ("", cloud.auth_url) and not part.closed
            ]
    return found


def clean(
    cloud: Cloud,
    *,
    run_id: str | None = None,
    expired: bool = True,
    force: bool = False,
    dry_run: bool = False,
    folder: Path | None = None,
    progress: Progress = silent,
    deadline: float = DEADLINE,
) -> list[Resource]:
    """Remove what dead runs left, or the run `run_id`; what was (with `dry_run`: would be) removed.

    A named run that may still be alive is refused unless `force` is given. `folder` is where
    journals are, by default the user's. Raises LeakError when something could not be removed.
    """
    if run_id is not None and not RUN_ID.fullmatch(run_id):
        raise CloudError(f"{run_id!r} is no run id: eight hexadecimal digits are.")
    if run_id is None and not expired:
        raise CloudError("Cleanup needs a run to remove, or is for expired runs.")
    runs = find_runs(cloud, folder)
    if run_id is None:
        chosen = [run for run in runs.values() if run.expired(cloud.now())]
    else:
        chosen = [_named(cloud, runs, run_id, force=force, folder=folder)]
    if dry_run:
        return [resource for run in chosen for resource in run.resources]
    removed: list[Resource] = []
    leaks: list[str] = []
    for run in chosen:
        try:
            removed += _remove(cloud, run, progress, deadline)
        except LeakError as leak:
            leaks.append(str(leak))
    if leaks:
        raise LeakError(" ".join(leaks))
    return removed


def _find(cloud: Cloud, kind: str) -> list[Resource]:
    try:
        return repeat(
            lambda: list(KINDS[kind].find(cloud, None)),
            until=monotonic() + _LISTING_SECONDS,
            stop=Event(),
            doing=f"listing {kind}s",
        )
    except FAILURES as error:
        raise CloudError(f"Cloud {cloud.name!r} does not list its {kind}s: {said(error)}") from error


def _is_held(path: Path) -> bool:
    try:
        Journal.open(path).release()
    except CloudError:
        return True
    return False


def _named(
    cloud: Cloud, runs: dict[str, FoundRun], run_id: str, *, force: bool, folder: Path | None
) -> FoundRun:
    run = runs.get(run_id, FoundRun(run_id))
    alive = path_of(run_id, folder).exists() and _is_held(path_of(run_id, folder))
    if not force and (alive or (run.journal is None and not run.expired(cloud.now()))):
        until = datetime.fromtimestamp(run.lease_until, UTC).strftime("%Y-%m-%d %H:%M UTC")
        why = "its process is running" if alive else f"its lease runs until {until}"
        raise CloudError(f"Run {run_id} may be alive: {why}.", remedy="--force removes it all the same.")
    return run


def _remove(cloud: Cloud, run: FoundRun, progress: Progress, deadline: float) -> Iterable[Resource]:
    if run.journal is not None:
        journal = Journal.open(run.journal)
        try:
            return tear_down(cloud, journal.parts[run.on], progress, deadline)
        finally:
            journal.release()
    return Removal(cloud, run.mark, deadline, progress).run(run.resources) if run.resources else ()
