"""Removal: everything of one run goes from a cloud, in reverse order, and what does not is named.

What is known goes first and is listed afterwards, so that a list which is refused costs nothing else. Gone is
what the API took away, what answers "not found" while its kind can be listed, and of servers and volumes,
whose deletion takes effect later, what is there no more.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from itertools import groupby
from typing import Any, TypeVar

from openstack import exceptions as sdk

from kb_tests.cloud.books import Books, Key, key_of
from kb_tests.cloud.calls import FAILURES, repeat, said, status, transient, unanswered
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.kind import Kind, Resource, Slow
from kb_tests.cloud.kinds import KINDS, LAST_TO_GO
from kb_tests.cloud.mark import Mark
from kb_tests.cloud.pace import until_next_look
from kb_tests.cloud.progress import Progress, silent
from kb_tests.errors import LeakError

T = TypeVar("T")
R = TypeVar("R")

CONCURRENCY = 12

_LATEST = 0.25
"""How much later than it happens the end is seen at worst: what is left waits for it."""

_LISTING = 20.0
_STALLED = 6.0
"""Seconds in which none has gone, after which all are looked at closely; twice as long each time."""

_SLOWEST_POLL = 10.0
_REMAINS = "default security groups and quotas"


class _Answer(Enum):
    """What the API says to a deletion."""

    TAKEN = auto()
    MISSING = auto()
    MISSING_BY_US = auto()
    REFUSED = auto()


class Removal:
    """Removes the resources of one run from a cloud: of the `kinds` that it is known to have used, or of all.

    `unsure` are kinds of which more may be there than is known: they are listed before what they would be in
    the way of. Without `anywhere`, users and projects that do not say in which region the run is are left
    alone. `on_removed` is told kind and id of all that is gone, `removed` is what went by this, in order,
    also where `run` raises.
    """

    def __init__(
        self,
        cloud: Cloud,
        mark: Mark,
        deadline: float,
        progress: Progress = silent,
        *,
        kinds: Collection[str] | None = None,
        unsure: Collection[str] = (),
        anywhere: bool = True,
        on_removed: Callable[[str, str], None] | None = None,
    ) -> None:
        self.removed: list[Resource] = []
        self._cloud = cloud
        self._mark = mark
        self._until = time.monotonic() + deadline
        self._stop = threading.Event()
        self._progress = progress
        self._kinds = [kind for kind in KINDS if kinds is None or kind in kinds]
        self._used = kinds is not None
        self._unsure = {"server", *unsure}
        self._anywhere = anywhere
        self._on_removed = on_removed
        self._books = Books()
        self._reason = ""

    def run(self, known: Iterable[Resource], *, projects: Iterable[str] = (), settle: float = 0.0) -> None:
        """Remove what is known and what is found, until nothing is found any more.

        `projects`: ids of the run's own projects. `settle`: seconds in which a creation whose answer
        was lost may still take effect. Raises LeakError that names what is left.
        """
        self._stop.wait(settle)
        books = self._books
        books.there = {key_of(resource): resource for resource in known}
        own, pause, passes = set(projects), self._cloud.patience.again, 0
        while True:
            own |= {resource.id for resource in books.of(["project"])}
            unlisted = self._remove_all()
            self._stop.wait(settle)
            self._look(self._kinds if settle else unlisted)
            settle = 0.0
            remains = self._remove_remains(own - {resource.id for resource in books.of(["project"])})
            if books.empty and not remains:
                return
            passes += 1
            hopeless = passes > 1 and not remains and books.hopeless
            if hopeless or time.monotonic() + pause > self._until:
                raise LeakError(self._left(remains), remedy=self._remedy())
            self._stop.wait(pause)
            pause = min(2 * pause, _SLOWEST_POLL)

    def _remove_all(self) -> list[str]:
        """One pass over all phases; the kinds that were not listed after it.

        Users and projects stay while anything else does, or may: they lead to it.
        """
        books, unlisted = self._books, self._kinds
        for phase, group in groupby(sorted(self._kinds, key=_phase), key=_phase):
            kinds = list(group)
            if phase >= LAST_TO_GO:
                self._look([kind for kind in unlisted if _phase(kind) < phase])
                unlisted = [kind for kind in unlisted if _phase(kind) >= phase]
                if books.unseen or any(_phase(each.kind) < phase for each in books.there.values()):
                    break
            self._ask(books.due(kinds))
            if unsure := [kind for kind in kinds if kind in self._unsure]:
                self._look(unsure)
                self._ask(books.due(unsure))
            for row in (KINDS[kind] for kind in kinds):
                if row.slow:
                    self._wait(row, row.slow)
            self._progress("teardown", len(self.removed), len(self.removed) + len(books.there))
        return unlisted

    def _ask(self, resources: list[Resource]) -> None:
        for resource, answer in zip(resources, self._each(self._delete, resources), strict=True):
            key, books = key_of(resource), self._books
            match answer:
                case _Answer.TAKEN if KINDS[resource.kind].slow:
                    books.asked.add(key)
                    books.taken.add(key)
                case _Answer.TAKEN:
                    self._gone(key)
                case _Answer.MISSING | _Answer.MISSING_BY_US:
                    books.missing[key] = answer is _Answer.MISSING_BY_US or key in books.taken
                case _Answer.REFUSED:
                    pass

    def _delete(self, resource: Resource) -> _Answer:
        row, asks = KINDS[resource.kind], 0

        def ask() -> None:
            nonlocal asks
            asks += 1
            row.delete(self._cloud, resource)

        until = min(self._until, time.monotonic() + self._cloud.patience.removal)
        what = f"removing {resource}"
        self._books.refused.discard(key_of(resource))
        try:
            repeat(
                ask,
                until=until,
                stop=self._stop,
                doing=what,
                also=row.busy,
                patience=self._cloud.patience,
            )
        except sdk.NotFoundException:
            return _Answer.MISSING_BY_US if row.goes_along or asks > 1 else _Answer.MISSING
        except FAILURES as error:
            self._reason = f"{what}: {said(error)}"
            if _is_final(error, row.busy):
                self._books.refused.add(key_of(resource))
            return _Answer.REFUSED
        return _Answer.TAKEN

    def _wait(self, row: Kind, slow: Slow) -> None:
        """Until all of that kind whose deletion is under way are gone, or none goes any more."""
        books, began = self._books, time.monotonic()
        moved, stalled, wanted = began, _STALLED, len(books.waiting(row.name))
        while waiting := books.waiting(row.name):
            try:
                left = self._still(row, slow, waiting)
            except FAILURES:
                return  # it is listed once more in the end
            for id_ in waiting - left:
                self._gone((row.name, id_))
            now = time.monotonic()
            moved = moved if left == waiting else now
            if not left or now > self._until or now - moved > 2 * self._cloud.patience.removal:
                return
            if now - moved > stalled:
                stalled *= 2
                self._look([row.name])
                self._ask(books.due([row.name]))
            look = self._cloud.patience.look
            self._stop.wait(until_next_look(now - began, wanted - len(left), wanted, _LATEST, look))

    def _still(self, row: Kind, slow: Slow, waiting: set[str]) -> set[str]:
        """Which of them are there: by the cheap list where one ever had them, else each by itself. What that
        says of them counts only if there is a list.
        """
        hidden = self._books.hidden(row.name)

        def look() -> set[str]:
            named = slow.names(self._cloud, self._mark) & waiting
            return named | (slow.there(self._cloud, hidden) if hidden else set())

        return self._asked(f"listing {row.name}s", look)

    def _look(self, kinds: Collection[str]) -> None:
        """List these kinds, and write down what that says."""
        rows = [KINDS[kind] for kind in kinds]
        for row, answer in zip(rows, self._each(self._listed, rows), strict=True):
            if isinstance(answer, Exception):
                self._unlisted(row.name, f"listing {row.name}s", answer)
                continue
            for key in self._books.listed(row, *answer):
                self._gone(key)

    def _listed(self, row: Kind) -> tuple[list[tuple[Any, Resource]], set[str]] | Exception:
        """What there is of that kind, and which ids that are in no list are there all the same."""
        hidden = self._books.hidden(row.name)

        def look() -> tuple[list[tuple[Any, Resource]], set[str]]:
            listed = row.found(self._cloud, self._mark, used=self._used)
            found = [each for each in listed if self._is_here(each[1])]
            return found, row.slow.there(self._cloud, hidden) if row.slow and hidden else set()

        try:
            return self._asked(f"listing {row.name}s", look)
        except FAILURES as error:
            return error

    def _is_here(self, resource: Resource) -> bool:
        """Whether it is certain, or given, that the run is in this region."""
        known = not KINDS[resource.kind].shared_by_regions or bool(resource.region)
        return known or self._anywhere or self._cloud.account.alone

    def _unlisted(self, kind: str, doing: str, error: Exception) -> None:
        reason = f"{doing.replace('_', ' ')}: {said(error)}"
        self._books.unlisted(kind, reason, final=_is_final(error))

    def _gone(self, key: Key) -> None:
        resource, by_us = self._books.gone(key)
        if by_us:
            self.removed.append(resource)
        if self._on_removed:
            self._on_removed(*key)

    def _remove_remains(self, projects: set[str]) -> int:
        """What Neutron keeps, or makes anew, by the id of a project that is gone; how much there was.

        A quota that a killed run was just setting, a default security group that somebody's call with
        the project's token brought back.
        """
        if not projects or not self._cloud.is_admin:
            return 0
        network = self._cloud.connection.network

        def remove() -> int:
            groups = [g.id for g in network.security_groups(name="default") if g.project_id in projects]
            quotas = [quota.project_id for quota in network.quotas() if quota.project_id in projects]
            for id_ in groups:
                network.delete_security_group(id_)
            for id_ in quotas:
                network.delete_quota(id_)
            return len(groups) + len(quotas)

        self._books.seen(_REMAINS)
        try:
            return self._asked(f"listing {_REMAINS}", remove, also=frozenset({409}))
        except FAILURES as error:
            self._unlisted(_REMAINS, f"listing {_REMAINS}", error)
            return 0

    def _asked(self, doing: str, call: Callable[[], T], also: frozenset[int] = frozenset()) -> T:
        until = min(self._until, time.monotonic() + _LISTING)
        patience = self._cloud.patience
        return repeat(call, until=until, stop=self._stop, doing=doing, also=also, patience=patience)

    def _each(self, function: Callable[[T], R], items: list[T]) -> list[R]:
        """The results for all items, some at a time; an interrupt lets those under way end, and no more."""
        pool = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="kb-teardown")
        try:
            return [future.result() for future in [pool.submit(function, item) for item in items]]
        except BaseException:
            self._stop.set()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _left(self, remains: int) -> str:
        """In one sentence each: what is left, and what cannot be seen."""
        run, cloud, books = self._mark.run_id, f"cloud {self._cloud.name!r}", self._books
        kinds = Counter(kind for kind, _ in books.there)
        if remains:
            kinds[_REMAINS] += remains
        said = []
        if kinds:
            counts = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in kinds.items())
            names = ", ".join(map(str, books.there.values()))
            said.append(f"Run {run} left {counts} on {cloud}{f': {names}' if names else ''}.")
            if self._reason:
                said.append(f"Last refusal: {self._reason}.")
        if books.unseen:
            why = "; ".join(books.unseen.values())
            said.append(f"C{cloud[1:]} does not let us see what is left of run {run}: {why}.")
        return " ".join(said)

    def _remedy(self) -> str:
        return f"Try again with kb cleanup --cloud {self._cloud.name} --run {self._mark.run_id} --force."


def _phase(kind: str) -> int:
    return KINDS[kind].phase


def _is_final(error: Exception, busy: frozenset[int] = frozenset()) -> bool:
    """Whether asking again would not help: the cloud has said no."""
    return not (transient(error) or unanswered(error) or status(error) in busy)
