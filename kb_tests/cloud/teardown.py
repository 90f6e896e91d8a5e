"""Teardown: everything that a run made goes, as far as it is seen from here, and its journal is closed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kb_tests.cloud.calls import understood
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.contents import Entry
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.kind import Resource
from kb_tests.cloud.kinds import KINDS
from kb_tests.cloud.progress import Progress, silent
from kb_tests.cloud.removal import Removal
from kb_tests.errors import LeakError

DEADLINE = 600.0
"""Seconds that a teardown may take."""

LATE_SECONDS = 600.0
"""How long after its request something may come whose answer was lost."""


@dataclass(frozen=True)
class Ended:
    """What became of a run on one cloud: what was `removed`, in order; what stays `unseen`, as it is shown to
    another account only; what may come `late`; the `leak`, where something would not go.
    """

    removed: tuple[Resource, ...]
    unseen: str = ""
    late: str = ""
    leak: LeakError | None = None


def tear_down(
    cloud: Cloud, journal: Journal, progress: Progress = silent, deadline: float = DEADLINE
) -> tuple[Resource, ...]:
    """Remove all that the run made, and close its journal; what was removed, in order.

    What there is to remove is asked of the journal and of the cloud (by the run's mark), each of
    which may know what the other does not. Idempotent. Raises LeakError with a list of what is left
    after `deadline` seconds, CloudError when the journal belongs to another cloud or region.
    """
    ended = end(cloud, journal, progress, deadline)
    if ended.leak:
        raise ended.leak
    if ended.unseen:
        raise LeakError(ended.unseen)
    return ended.removed


def end(
    cloud: Cloud,
    journal: Journal,
    progress: Progress = silent,
    deadline: float = DEADLINE,
    found: Sequence[Resource] = (),
) -> Ended:
    """The same, told instead of raised; `found` is what is known to be there of the run beside what its
    journal says. CloudError when that belongs to another cloud or region.
    """
    journal.bind(cloud.account)
    with understood(cloud.name, LeakError):
        return _end(cloud, journal, progress, deadline, found)


def _end(
    cloud: Cloud, journal: Journal, progress: Progress, deadline: float, found: Sequence[Resource]
) -> Ended:
    undecided, last_intent = journal.undecided(), journal.last_intent
    known = [resource for entry in journal.entries() if (resource := _known(cloud, journal, entry))]
    removal = Removal(
        cloud,
        journal.mark,
        deadline,
        progress,
        kinds=journal.kinds() | {resource.kind for resource in found},
        unsure={entry.kind for entry in undecided},
        on_removed=journal.removed,
    )
    leak = None
    try:
        removal.run(
            [*found, *known],
            projects=journal.projects(),
            settle=cloud.patience.settle if undecided else 0.0,
        )
    except LeakError as error:
        leak = error
    unseen = [entry for entry in journal.entries() if not _shows(cloud, journal, entry)]
    late = ""
    if leak is None and not unseen:
        until = last_intent + LATE_SECONDS
        if undecided and time.time() < until:
            journal.unsettle(until)
            late = _late(cloud, journal, undecided, until)
        else:
            journal.close()
    return Ended(tuple(removal.removed), _sentence(cloud, journal, unseen), late, leak)


def _known(cloud: Cloud, journal: Journal, entry: Entry) -> Resource | None:
    """What the journal says is there; None where it does not know, or somebody else has to look."""
    if not (entry.id and entry.kind in KINDS and _shows(cloud, journal, entry)):
        return None
    return Resource(
        kind=entry.kind,
        id=entry.id,
        name=entry.name,
        run_id=journal.run_id,
        lease_until=journal.mark.lease_until,
        project=entry.project,
        owner=_owner(cloud, journal, entry),
    )


def _shows(cloud: Cloud, journal: Journal, entry: Entry) -> bool:
    row = KINDS.get(entry.kind)
    return row is not None and row.shows(cloud, entry.project, _owner(cloud, journal, entry))


def _owner(cloud: Cloud, journal: Journal, entry: Entry) -> str:
    """Of keypairs of the signed-in user an old journal does not say it: the same entry is the same user."""
    made_by = entry.owner or (journal.account.user if journal.account else "")
    return made_by or (cloud.user_id if journal.header.cloud == cloud.name else "")


def _sentence(cloud: Cloud, journal: Journal, unseen: list[Entry]) -> str:
    """What stays, and who can remove it; empty where nothing does."""
    if not unseen:
        return ""
    counts, made_on, run = _counts(unseen), journal.header.cloud, journal.run_id
    return (
        f"Cloud {cloud.name!r} does not show what else there may be of run {run}: {counts}, made on "
        f"{made_on!r}, {journal.account}. Remove it with kb cleanup --cloud {made_on} --run {run}."
    )


def _late(cloud: Cloud, journal: Journal, undecided: Sequence[Entry], until: float) -> str:
    """What may yet take effect, and how it is found."""
    at = datetime.fromtimestamp(until, UTC).strftime("%H:%M UTC")
    return (
        f"Of run {journal.run_id} there may yet come {_counts(undecided)}, asked for without an answer: "
        f"kb cleanup --cloud {cloud.name} after {at} finds it."
    )


def _counts(entries: Iterable[Entry]) -> str:
    found = Counter(entry.kind.replace("_", " ").replace(" ip", " IP") for entry in entries)
    return ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in found.items())
