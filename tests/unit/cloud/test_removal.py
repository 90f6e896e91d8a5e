"""What removal calls gone, what it keeps in its books, and how often it asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.contents import read
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.kind import Resource
from kb_tests.cloud.mark import Mark
from kb_tests.cloud.teardown import end, tear_down
from kb_tests.errors import LeakError
from tests.unit.cloud.world import HERE, World, world

__all__ = ["world"]


@pytest.fixture
def journal(tmp_path: Path, world: World) -> Journal:
    """Of a run on that cloud, bound to it."""
    journal = Journal.start(HERE.entry, run_id=world.run.run_id, folder=tmp_path, now=0.0)
    journal.bind(HERE)
    return journal


@pytest.fixture
def made(world: World, journal: Journal) -> Callable[..., None]:
    """Something that the run made: it is there, and in the journal."""

    def make(kind: str, id_: str, **more: str) -> None:
        thing = world.add(kind, id_, **more)
        seq = journal.intend(kind, f"kb-{journal.run_id}-{id_}", project=thing.project, owner=thing.owner)
        journal.created(seq, id_)

    return make


def test_everything_goes_and_each_is_asked_once(
    world: World, journal: Journal, made: Callable[..., None]
) -> None:
    made("server", "s0")
    for number in range(1, 101):
        world.add("server", f"s{number}")  # asked for many at a time: the journal knows one
    world.takes = lambda id_: 10.0 + int(id_[1:])
    for kind in ("router", "network", "subnet", "security_group"):
        made(kind, kind)
    removed = tear_down(world.cloud, journal)
    assert (len(removed), world.there(), journal.closed) == (105, set(), True)
    assert set(world.deletes.values()) == {1}
    assert world.lists["server"] <= 4, "the dear list"
    assert world.lists["names"] <= 25, "the cheap one"


def test_a_server_whose_deletion_fails_is_asked_again_and_not_the_others(
    world: World, journal: Journal, made: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        made("server", f"s{number}")
    tries: Counter[str] = Counter()

    def takes(id_: str) -> float | None:
        tries[id_] += 1
        if id_ == "s7" and tries[id_] == 1:
            return None
        return 60.0

    world.takes = takes
    original = world.names

    def names(cloud: Cloud, mark: Mark) -> set[str]:
        if world.clock.now > 1_000_020.0 and tries["s7"] == 1:
            world.things["s7"].task = None  # it is in ERROR by now
        return original(cloud, mark)

    monkeypatch.setattr(world, "names", names)
    removed = tear_down(world.cloud, journal)
    assert len(removed) == 20
    assert world.deletes["s7"] == 2
    assert sum(world.deletes.values()) == 21


def test_what_is_refused_stays_in_the_books_whatever_its_name_is_by_now(
    world: World, journal: Journal, made: Callable[..., None]
) -> None:
    made("server", "s1", name="renamed by somebody")
    made("network", "n1")
    world.refuses = lambda kind, _: 403 if kind == "server" else 0
    began = world.clock.now
    with pytest.raises(
        LeakError, match=r"left 1 server on cloud 'mycloud': server kb-01234567-s1 \(s1\)"
    ) as leak:
        tear_down(world.cloud, journal)
    assert "Last refusal: removing server kb-01234567-s1 (s1): 403" in str(leak.value)
    assert [entry.id for entry in journal.entries()] == ["s1"]
    assert world.clock.now - began < 60, "a no for good is not asked for until the deadline"


def test_a_server_with_another_name_is_gone_when_it_answers_so_itself(
    world: World, journal: Journal, made: Callable[..., None]
) -> None:
    made("server", "s1", name="renamed by somebody")
    world.takes = lambda _: 30.0
    tear_down(world.cloud, journal)
    assert world.clock.now >= 1_000_030.0
    assert world.there() == set()


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_list_that_is_refused_costs_nothing_else(
    world: World, journal: Journal, made: Callable[..., None], status: int
) -> None:
    world.seen_as = replace(HERE, admin=True)
    for kind in ("server", "floating_ip", "keypair", "router", "network", "project", "user"):
        made(kind, kind, owner="u1")
    world.bars = lambda kind: status if kind == "floating_ip" else 0
    with pytest.raises(LeakError, match=rf"not let us see .* 01234567: listing floating ips: {status}"):
        tear_down(world.cloud, journal, deadline=120.0)
    assert world.there() == {"project", "user"}, "what leads to the rest stays, and nothing else"
    world.bars = lambda kind: 0
    tear_down(world.cloud, journal)
    assert (world.there(), journal.closed) == (set(), True)


def test_not_found_is_gone_only_where_that_kind_can_be_listed(
    world: World, journal: Journal, made: Callable[..., None]
) -> None:
    """A proxy in front of a service that is down may answer 404, too."""
    made("volume", "v1")
    world.refuses = lambda kind, _: 404
    world.bars = lambda kind: 404
    with pytest.raises(LeakError, match="listing volumes: 404"):
        tear_down(world.cloud, journal, deadline=60.0)
    assert [entry.id for entry in journal.entries()] == ["v1"]
    world.refuses, world.bars = lambda kind, _: 0, lambda kind: 0
    assert [resource.id for resource in tear_down(world.cloud, journal)] == ["v1"]


def test_what_somebody_else_removed_is_gone_and_not_called_removed(
    world: World, journal: Journal, made: Callable[..., None]
) -> None:
    made("network", "n1")
    made("security_group", "g1")
    del world.things["g1"]
    assert [resource.id for resource in tear_down(world.cloud, journal)] == ["n1"]
    assert journal.closed


def test_what_another_account_made_is_not_touched_nor_called_gone(
    world: World, journal: Journal, made: Callable[..., None]
) -> None:
    made("network", "n1")
    made("keypair", "k1", owner="u1")
    world.seen_as = replace(HERE, project="p2", user="u2", entry="other")
    ended = end(world.cloud, journal)
    assert (ended.removed, ended.leak) == ((), None)
    assert "does not show what else there may be of run 01234567: 1 network, 1 keypair" in ended.unseen
    assert "kb cleanup --cloud mycloud --run 01234567" in ended.unseen
    with pytest.raises(LeakError, match="does not show what else"):
        tear_down(world.cloud, journal)
    assert len(journal.entries()) == 2
    assert world.deletes == Counter()
    world.seen_as = HERE
    assert len(tear_down(world.cloud, journal)) == 2


def test_another_user_of_the_project_leaves_the_keypair_alone(
    world: World, journal: Journal, made: Callable[..., None]
) -> None:
    made("network", "n1")
    made("keypair", "k1", owner="u1")
    world.seen_as = replace(HERE, user="u2", entry="mate")
    ended = end(world.cloud, journal)
    assert [resource.id for resource in ended.removed] == ["n1"]
    assert "1 keypair" in ended.unseen
    assert not journal.closed


@pytest.mark.parametrize("answer", ["never", "the second time"])
def test_a_creation_that_takes_effect_late_is_found(world: World, journal: Journal, answer: str) -> None:
    seq = journal.intend("network", f"kb-{journal.run_id}-late", project="p1")
    if answer == "the second time":
        world.add("network", "n1")
        journal.unanswered(seq)
        journal.created(seq, "n1")
    tear_down(world.cloud, journal)
    journal.release()
    contents = read(journal.path)
    assert (contents.closed, contents.left) == (False, False)
    assert contents.unsettled > 0
    world.add("network", "n2")
    again = Journal.open(journal.path)
    again._file.last_intent = world.clock.now - 10.0
    assert [resource.id for resource in tear_down(world.cloud, again)] == ["n2"]
    world.clock.now += 3600.0
    tear_down(world.cloud, again)
    assert read(journal.path).closed


def test_one_that_was_asked_twice_and_is_gone_by_then_was_removed_by_us(
    world: World, journal: Journal, made: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    made("server", "s1")
    world.takes = lambda _: 20.0
    original = world.delete

    def delete(cloud: Cloud, resource: Resource) -> None:
        if world.deletes["s1"]:
            world.clock.now += 60.0
        original(cloud, resource)
        world.things["s1"].task = None  # as if it was not on its way

    monkeypatch.setattr(world, "delete", delete)
    assert [each.id for each in tear_down(world.cloud, journal)] == ["s1"]
    assert world.deletes["s1"] == 2
