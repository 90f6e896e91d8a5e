"""Teardown: everything of a run goes, in reverse order, and what does not is named."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

from kb_tests.cloud.calls import FAILURES, repeat, said
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.kinds import KINDS, LAST_TO_GO, Resource
from kb_tests.cloud.mark import Mark
from kb_tests.cloud.progress import Progress, silent
from kb_tests.errors import LeakError

T = TypeVar("T")
R = TypeVar("R")

DEADLINE = 600.0
"""Seconds that a teardown may take."""

CONCURRENCY = 12

_PATIENCE = 45.0
_SETTLE = 3.0
_ASK_AGAIN = 4.0
_POLL = 0.3
_SLOWEST_POLL = 5.0


def tear_down(
    cloud: Cloud, journal: Journal, progress: Progress = silent, deadline: float = DEADLINE
) -> tuple[Resource, ...]:
    """Remove all that the run made, and close its journal; what was removed, in order.

    What there is to remove is asked of the cloud (by the run's mark) and of the journal, each of
    which may know what the other does not. Idempotent. Raises LeakError with a list of what is left
    after `deadline` seconds, CloudError when the journal belongs to another cloud.
    """
    journal.bind(cloud.auth_url)
    undecided = any(not entry.id for entry in journal.entries())
    removal = Removal(
        cloud, journal.mark, deadline, progress, kinds=journal.kinds(), on_removed=journal.removed
    )
    removed = removal.run(_known(journal), projects=journal.projects(), settle=_SETTLE if undecided else 0.0)
    journal.close()
    return removed


def _known(journal: Journal) -> list[Resource]:
    return [
        Resource(
            kind=entry.kind,
            id=entry.id,
            name=entry.name,
            run_id=journal.run_id,
            lease_until=journal.mark.lease_until,
            project=entry.project,
            owner=entry.owner,
        )
        for entry in journal.entries()
        if entry.id and entry.kind in KINDS
    ]


class Removal:
    """Removes the resources of one run, of the given kinds (all by default), from a cloud."""

    def __init__(
        self,
        cloud: Cloud,
        mark: Mark,
        deadline: float,
        progress: Progress = silent,
        *,
        kinds: Collection[str] = tuple(KINDS),
        on_removed: Callable[[str, str], None] | None = None,
    ) -> None:
        self._cloud = cloud
        self._mark = mark
        self._until = time.monotonic() + deadline
        self._stop = threading.Event()
        self._progress = progress
        self._kinds = [kind for kind in KINDS if kind in kinds]
        self._on_removed = on_removed
        self._reason = ""

    def run(
        self, known: Iterable[Resource], *, projects: Iterable[str] = (), settle: float = 0.0
    ) -> tuple[Resource, ...]:
        """Remove what is known and what is found, until nothing is found any more; what was removed.

        `projects`: ids of the run's own projects. `settle`: seconds in which a creation whose answer
        was lost may still take effect.
        """
        self._stop.wait(settle)
        removed: list[Resource] = []
        todo = {resource.id: resource for resource in (*known, *self.find())}
        own = {*projects, *(resource.id for resource in todo.values() if resource.kind == "project")}
        while True:
            removed += self._remove(sorted(todo.values(), key=_phase))
            self._stop.wait(settle)
            settle = 0.0
            todo = {resource.id: resource for resource in self.find()}
            remains = self._remove_remains(own - {resource.id for resource in todo.values()})
            if not todo and not remains:
                return tuple(removed)
            if time.monotonic() > self._until:
                raise LeakError(self._left(todo.values(), remains), remedy=self._remedy())
            self._stop.wait(_POLL)

    def find(self) -> list[Resource]:
        """What the cloud has of this run."""
        return [resource for found in self._each(self._find, self._kinds) for resource in found]

    def _find(self, kind: str) -> list[Resource]:
        return self._call(f"listing {kind}s", lambda: list(KINDS[kind].find(self._cloud, self._mark)))

    def _remove(self, resources: list[Resource]) -> list[Resource]:
        """One pass over all phases. Projects and users stay while anything else does: they lead to it."""
        removed: list[Resource] = []
        for phase, group in groupby(resources, key=_phase):
            if phase >= LAST_TO_GO and len(removed) < sum(_phase(resource) < phase for resource in resources):
                break
            members = list(group)
            for resource, gone in zip(members, self._each(self._delete, members), strict=True):
                if gone:
                    removed.append(resource)
                    if self._on_removed:
                        self._on_removed(resource.kind, resource.id)
            self._progress("teardown", len(removed), len(resources))
            if phase == KINDS["server"].phase:
                remaining = self._wait_for_servers([r for r in members if r.kind == "server"])
                removed = [resource for resource in removed if resource.id not in remaining]
        return removed

    def _delete(self, resource: Resource) -> bool:
        until = min(self._until, time.monotonic() + _PATIENCE)
        what = f"removing {resource}"
        try:
            repeat(
                lambda: KINDS[resource.kind].delete(self._cloud, resource),
                until=until,
                stop=self._stop,
                doing=what,
                also=KINDS[resource.kind].busy,
            )
        except FAILURES as error:
            self._reason = f"{what}: {said(error)}"
            return False
        return True

    def _wait_for_servers(self, servers: list[Resource]) -> set[str]:
        """Deleting a server takes effect later, or fails later and has to be asked for again.

        The ids of those that are still there when patience ends.
        """
        began = asked = time.monotonic()
        until = min(self._until, began + 2 * _PATIENCE)
        while servers:
            there = {resource.id for resource in self._find("server")}
            servers = [server for server in servers if server.id in there]
            if not servers or time.monotonic() > until:
                break
            self._stop.wait(min(max(_POLL, (time.monotonic() - began) / 5), _SLOWEST_POLL))
            if time.monotonic() - asked > _ASK_AGAIN:
                self._each(self._delete, servers)
                asked = time.monotonic()
        return {server.id for server in servers}

    def _remove_remains(self, projects: set[str]) -> int:
        """What Neutron keeps, or makes anew, by the id of a project that is gone; how much there was.

        A quota that a killed run was just setting, a default security group that somebody's call with
        the project's token brought back.
        """
        if not projects or not self._cloud.is_admin:
            return 0
        network = self._cloud.connection.network

        def groups() -> list[str]:
            return [g.id for g in network.security_groups(name="default") if g.project_id in projects]

        def quotas() -> list[str]:
            return [quota.project_id for quota in network.quotas() if quota.project_id in projects]

        group_ids = self._call("listing default security groups", groups)
        quota_ids = self._call("listing quotas", quotas)
        for id_ in group_ids:
            self._call("removing a default security group", partial(network.delete_security_group, id_))
        for id_ in quota_ids:
            self._call("removing a quota", partial(network.delete_quota, id_))
        return len(group_ids) + len(quota_ids)

    def _call(self, doing: str, call: Callable[[], T]) -> T:
        try:
            return repeat(call, until=self._until, stop=self._stop, doing=doing, also=frozenset({409}))
        except FAILURES as error:
            raise LeakError(
                f"Cloud {self._cloud.name!r} does not let us see what is left of run {self._mark.run_id}: "
                f"{doing}: {said(error)}",
                remedy=self._remedy(),
            ) from error

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

    def _left(self, resources: Collection[Resource], remains: int) -> str:
        kinds = Counter(resource.kind for resource in resources)
        if remains:
            kinds["default security group or quota"] += remains
        counts = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in kinds.items())
        names = ", ".join(map(str, resources))
        reason = f" Last refusal: {self._reason}." if self._reason else ""
        return f"Run {self._mark.run_id} left {counts} on cloud {self._cloud.name!r}: {names}.{reason}"

    def _remedy(self) -> str:
        return f"Try again with kb cleanup --cloud {self._cloud.name} --run {self._mark.run_id} --force."


def _phase(resource: Any) -> int:
    return KINDS[resource.kind].phase
