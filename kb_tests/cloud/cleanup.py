"""Cleanup: what runs that ended badly left on a cloud goes, and nothing else.

A run counts as dead when its lease has expired, or when its journal is on this machine and no
process holds it. Runs are found by their journals, and on the cloud by the marks of their resources; each
entry of clouds.yaml removes what it is shown, and tells of the rest.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import monotonic

from kb_tests.cloud.calls import FAILURES, repeat, said, understood
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.contents import Contents, Header, read
from kb_tests.cloud.journal import Journal, journals, path_of
from kb_tests.cloud.kind import Resource
from kb_tests.cloud.kinds import KINDS
from kb_tests.cloud.mark import RUN_ID, Mark
from kb_tests.cloud.progress import Progress, silent
from kb_tests.cloud.removal import Removal
from kb_tests.cloud.teardown import DEADLINE, Ended, end
from kb_tests.errors import CloudError, LeakError

_LISTING_SECONDS = 120.0

_LEASES = frozenset({"server", "project"})
"""Kinds whose marks are renewed: without a look at them nobody can tell whether a run is alive."""


@dataclass
class FoundRun:
    """A run, and what a cloud has of it. `journal` is the one on this machine that is about this cloud, where
    nobody holds it, and `on` which of the clouds in it this is; `held` tells that its process runs here.
    """

    run_id: str
    resources: list[Resource] = field(default_factory=list)
    journal: Path | None = None
    on: int = 0
    kept: bool = False
    held: bool = False

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
        if self.held:
            return False
        return self.lease_until < now or (self.journal is not None and not self.kept)


@dataclass
class Found:
    """The runs of which a cloud shows something, or whose journal here is not closed, by id; and why a kind
    could not be listed, by kind.
    """

    runs: dict[str, FoundRun] = field(default_factory=dict)
    unlisted: dict[str, str] = field(default_factory=dict)


@dataclass
class Cleaned:
    """What was (or would be) `removed`, in order. `notes` tell of what is not this account's to remove,
    `faults` of what should have gone, or could not be seen.
    """

    removed: list[Resource] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def find_runs(cloud: Cloud, folder: Path | None = None) -> Found:
    """Every run that a cloud has something of, or whose journal here is not closed."""
    found = Found()
    with ThreadPoolExecutor(8, thread_name_prefix="kb-find") as pool:
        for kind, listed in zip(KINDS, pool.map(lambda kind: _find(cloud, kind), KINDS), strict=True):
            if isinstance(listed, str):
                found.unlisted[kind] = listed
                continue
            for resource in listed:
                run = found.runs.setdefault(resource.run_id, FoundRun(resource.run_id))
                run.resources.append(resource)
    for path, contents in _readable(folder):
        run_id = path.parent.name
        for on, part in enumerate(contents.parts):
            here = part.account is not None and cloud.account.is_at(part.account)
            if not here or (part.closed and run_id not in found.runs):
                continue
            run = found.runs.setdefault(run_id, FoundRun(run_id))
            run.held = _is_held(path)
            if not run.held:
                run.journal, run.on, run.kept = path, on, part.kept and not part.closed
    return found


def elsewhere(cloud: Cloud, run_ids: Iterable[str], folder: Path | None = None) -> list[Header]:
    """The other clouds on which these runs, which have a part here, left something by the journals of this
    machine.
    """
    found = []
    for path in {path_of(run_id, folder) for run_id in run_ids}:
        if path.exists() and not _is_held(path):
            parts = [part for part in read(path).parts if part.account is not None]
            others = [part for part in parts if not cloud.account.is_at(part.account)]  # type: ignore[arg-type]
            if len(others) < len(parts):
                found += [part.header for part in others if not part.closed]
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
) -> Cleaned:
    """Remove what dead runs left, or the run `run_id`; what was (with `dry_run`: would be) removed.

    A named run that may still be alive is refused by a CloudError, unless `force` is given; so is one that
    was made elsewhere. `folder` is where journals are, by default the user's.
    """
    if run_id is not None and not RUN_ID.fullmatch(run_id):
        raise CloudError(f"{run_id!r} is no run id: eight hexadecimal digits are.")
    if run_id is None and not expired:
        raise CloudError("Cleanup needs a run to remove, or is for expired runs.")
    with understood(cloud.name):
        return _clean(cloud, run_id, folder, progress, deadline, force=force, dry_run=dry_run)


def _clean(
    cloud: Cloud,
    run_id: str | None,
    folder: Path | None,
    progress: Progress,
    deadline: float,
    *,
    force: bool,
    dry_run: bool,
) -> Cleaned:
    found = find_runs(cloud, folder)
    blind = [f"Cloud {cloud.name!r} does not list its {why}." for why in found.unlisted.values()]
    cleaned = Cleaned(faults=blind)
    if run_id is not None:
        chosen = [_named(cloud, found, run_id, force=force, folder=folder)]
    else:
        chosen = list(_dead(cloud, found))
        cleaned.notes += _others(cloud, folder)
    for run in chosen:
        anywhere = force or run.journal is not None
        if not anywhere and (unsure := _of_unknown_region(cloud, run)):
            run.resources = [each for each in run.resources if each not in unsure]
            cleaned.notes.append(
                f"Run {run.run_id} may be in another region than {cloud.region}, and these lead to it: "
                f"{', '.join(map(str, unsure))}. If it is not, "
                f"kb cleanup --cloud {cloud.name} --run {run.run_id} --force removes them."
            )
        if dry_run:
            cleaned.removed += run.resources
            continue
        ended = _end(cloud, run, progress, deadline, anywhere=anywhere)
        cleaned.removed += ended.removed
        cleaned.notes += filter(None, [ended.unseen, ended.late])
        cleaned.faults += map(str, filter(None, [ended.leak]))
    return cleaned


def _find(cloud: Cloud, kind: str) -> list[Resource] | str:
    try:
        return repeat(
            lambda: list(KINDS[kind].find(cloud, None)),
            until=monotonic() + _LISTING_SECONDS,
            stop=Event(),
            doing=f"listing {kind}s",
            patience=cloud.patience,
        )
    except FAILURES as error:
        return f"{kind.replace('_', ' ')}s: {said(error)}"


def _readable(folder: Path | None) -> Iterator[tuple[Path, Contents]]:
    """The journals that say something; runs of others are found by their marks alone."""
    for path in journals(folder):
        with contextlib.suppress(CloudError):
            yield path, read(path)


def _is_held(path: Path) -> bool:
    try:
        Journal.open(path).release()
    except CloudError:
        return True
    return False


def _dead(cloud: Cloud, found: Found) -> Iterator[FoundRun]:
    """Those that nobody can be using; without all marks that may be renewed, a journal alone can tell."""
    blind = _LEASES & found.unlisted.keys()
    for run in found.runs.values():
        if run.expired(cloud.now()) and not (blind and (run.journal is None or run.kept)):
            yield run


def _named(cloud: Cloud, found: Found, run_id: str, *, force: bool, folder: Path | None) -> FoundRun:
    run = found.runs.get(run_id, FoundRun(run_id))
    path = path_of(run_id, folder)
    alive = path.exists() and _is_held(path)
    if not force and (alive or (run.journal is None and not run.expired(cloud.now()))):
        until = datetime.fromtimestamp(run.lease_until, UTC).strftime("%Y-%m-%d %H:%M UTC")
        why = "its process is running" if alive else f"its lease runs until {until}"
        raise CloudError(f"Run {run_id} may be alive: {why}.", remedy="--force removes it all the same.")
    if not run.resources and run.journal is None and path.exists():
        _refuse_another(cloud, read(path))
    return run


def _refuse_another(cloud: Cloud, contents: Contents) -> None:
    """CloudError where the run is open, but not here."""
    run_id = contents.header.mark.run_id
    for part in contents.parts:
        if part.account and not part.closed:
            made_on = part.header.cloud
            raise CloudError(
                f"Run {run_id} is not on {cloud.name!r}, {cloud.account}: it was made on {made_on!r}, "
                f"{part.account}.",
                remedy=f"kb cleanup --cloud {made_on} --run {run_id} removes it.",
            )


def _others(cloud: Cloud, folder: Path | None) -> Iterator[str]:
    """What to say of runs in other regions of this cloud, which might be taken for runs of this one."""
    for path, contents in _readable(folder):
        for part in contents.parts:
            made, here = part.account, cloud.account
            if not (made and part.left and made.shares_keystone(here)) or here.is_at(made) or _is_held(path):
                continue
            made_on = part.header.cloud
            yield (
                f"Run {path.parent.name} is left alone: it was made on {made_on!r}, {made}. "
                f"Remove it with kb cleanup --cloud {made_on}."
            )


def _of_unknown_region(cloud: Cloud, run: FoundRun) -> list[Resource]:
    """Users and projects of an old run that may be another region's: not where anything else of it is."""
    shared = [each for each in run.resources if KINDS[each.kind].shared_by_regions]
    if cloud.account.alone or len(shared) < len(run.resources):
        return []
    return [each for each in shared if not each.region]


def _end(cloud: Cloud, run: FoundRun, progress: Progress, deadline: float, *, anywhere: bool) -> Ended:
    if run.journal is not None:
        journal = Journal.open(run.journal)
        try:
            return end(cloud, journal.parts[run.on], progress, deadline, run.resources)
        finally:
            journal.release()
    removal = Removal(cloud, run.mark, deadline, progress, anywhere=anywhere)
    leak = None
    try:
        if run.resources:
            removal.run(run.resources)
    except LeakError as error:
        leak = error
    return Ended(tuple(removal.removed), leak=leak)
