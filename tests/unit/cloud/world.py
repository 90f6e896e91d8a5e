"""A cloud of a few lines for tests of removal: what is there, who is shown it, how it goes. Time passes by
waiting alone.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from openstack import exceptions as sdk

from kb_tests.cloud import calls, cleanup, kinds, removal, teardown
from kb_tests.cloud.account import Account
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.kind import Resource, Slow
from kb_tests.cloud.kinds import KINDS
from kb_tests.cloud.mark import Mark
from kb_tests.cloud.patience import USUAL

HERE = Account("http://cloud.example", "north", "p1", "u1", entry="mycloud", alone=True)


def refusal(status: int) -> sdk.HttpException:
    """As openstacksdk raises it for a response."""
    names = {404: sdk.NotFoundException, 403: sdk.ForbiddenException, 409: sdk.ConflictException}
    error = names.get(status, sdk.HttpException)("injected")
    error.status_code = status
    return error


class Clock:
    """Stands in for `time`, and for the events that are waited for."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def event(self) -> Any:
        clock = self

        class Event(threading.Event):
            def wait(self, timeout: float | None = None) -> bool:
                clock.now += timeout or 0.0
                return self.is_set()

        return Event()


@dataclass
class Thing:
    """One resource; `gone_at` is when a deletion that was taken takes effect, never where that is None."""

    kind: str
    id: str
    name: str
    project: str = "p1"
    owner: str = ""
    mark: Mark | None = None
    gone_at: float | None = None
    task: str | None = None


@dataclass
class World:
    """What is there by id, and what was asked. `takes` are seconds that a server takes to go; `refuses` is
    the status that a deletion, and `bars` the one that a list is answered with, or 0.
    """

    clock: Clock
    run: Mark
    things: dict[str, Thing] = field(default_factory=dict)
    takes: Callable[[str], float | None] = lambda _: 0.0
    refuses: Callable[[str, str], int] = lambda kind, id_: 0
    bars: Callable[[str], int] = lambda kind: 0
    deletes: Counter[str] = field(default_factory=Counter)
    lists: Counter[str] = field(default_factory=Counter)
    seen_as: Account = HERE

    def add(self, kind: str, id_: str, name: str = "", **more: Any) -> Thing:
        """Something of the run, unless its name says otherwise."""
        thing = Thing(kind, id_, name or f"kb-{self.run.run_id}-{id_}", mark=self.run, **more)
        self.things[id_] = thing
        return thing

    def there(self) -> set[str]:
        """Ids of what there is by now."""
        for id_ in [id_ for id_, thing in self.things.items() if (thing.gone_at or 9e9) <= self.clock.now]:
            del self.things[id_]
        return set(self.things)

    @property
    def cloud(self) -> Cloud:
        """As somebody signed in sees it."""
        here = self.seen_as
        return cast(
            "Cloud",
            SimpleNamespace(
                name=here.entry,
                account=here,
                region=here.region,
                project_id=here.project,
                user_id=here.user,
                is_admin=here.admin,
                has_volumes=True,
                now=self.clock.time,
                patience=USUAL,
                connection=SimpleNamespace(
                    network=SimpleNamespace(security_groups=lambda **_: [], quotas=list)
                ),
            ),
        )

    def _shown(self, cloud: Cloud, kind: str) -> Iterator[Thing]:
        self.there()
        if status := self.bars(kind):
            raise refusal(status)
        for thing in list(self.things.values()):
            if thing.kind == kind and KINDS[kind].shows(cloud, thing.project, thing.owner):
                yield thing

    def list(self, kind: str) -> Callable[[Cloud, Mark | None], Iterable[Any]]:
        """The listing of a kind, by which names that are not the run's are not found."""

        def listing(cloud: Cloud, mark: Mark | None) -> Iterator[Any]:
            self.lists[kind] += 1
            for each in self._shown(cloud, kind):
                yield SimpleNamespace(
                    id=each.id, name=each.name, text=str(each.mark), task=each.task, project_id=each.project
                )

        return listing

    def delete(self, cloud: Cloud, resource: Resource) -> None:
        """Ask for it to go."""
        self.deletes[resource.id] += 1
        self.there()
        if status := self.refuses(resource.kind, resource.id):
            raise refusal(status)
        thing = self.things.get(resource.id)
        if thing is None or not KINDS[resource.kind].shows(cloud, thing.project, thing.owner):
            raise refusal(404)
        if not KINDS[resource.kind].slow:
            del self.things[resource.id]
            return
        takes = self.takes(resource.id)
        thing.task = "deleting"
        thing.gone_at = None if takes is None else min(thing.gone_at or 9e9, self.clock.now + takes)

    def names(self, cloud: Cloud, mark: Mark) -> set[str]:
        """The cheap list of servers."""
        self.lists["names"] += 1
        prefix = f"kb-{mark.run_id}-"
        return {each.id for each in self._shown(cloud, "server") if each.name.startswith(prefix)}

    def alive(self, cloud: Cloud, ids: Iterable[str]) -> set[str]:
        """Those that answer by their ids."""
        self.lists["by id"] += len(list(ids))
        return set(ids) & self.there()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A cloud that is empty, with the table of kinds on it."""
    clock = Clock()
    world = World(clock, Mark("01234567", 2_000_000_000))
    for module in (calls, removal, teardown):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(cleanup, "monotonic", clock.monotonic)
    monkeypatch.setattr(cleanup, "Event", clock.event)
    monkeypatch.setattr(removal, "threading", SimpleNamespace(Event=clock.event))
    for name, row in list(KINDS.items()):
        going = Slow(lambda *given: world.names(*given), world.alive, lambda found: found.task == "deleting")
        faked = replace(
            row,
            listing=world.list(name),
            delete=lambda *given: world.delete(*given),
            text=lambda found: found.text,
            named=True,
            slow=going if row.slow else None,
        )
        monkeypatch.setitem(kinds.KINDS, name, faked)
    return world
