"""Which runs cleanup takes for dead, where it may look, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kb_tests.cloud.cleanup import clean, elsewhere
from kb_tests.cloud.contents import read
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.mark import Mark
from kb_tests.cloud.teardown import LATE_SECONDS
from kb_tests.errors import CloudError
from tests.unit.cloud.world import HERE, World, world

__all__ = ["world"]

NORTH = replace(HERE, alone=False, admin=True)
SOUTH = replace(NORTH, region="south", entry="elsewhere")
RUNS = ("aaaaaaaa", "bbbbbbbb")


@pytest.fixture
def left(world: World, tmp_path: Path) -> Callable[..., Journal]:
    """What a crashed run left, which began so many seconds before its lease ends, and its journal."""

    def leave(run_id: str, *kinds: str, lease: float = 3600.0, region: str = "north") -> Journal:
        world.run = Mark(run_id, int(world.clock.now + lease))
        journal = Journal.start(HERE.entry, run_id=run_id, folder=tmp_path, now=world.run.lease_until - 3600)
        journal.bind(replace(NORTH, region=region))
        for kind in kinds:
            thing = world.add(kind, f"{kind}-of-{run_id}")
            if kind in ("user", "project"):
                thing.mark = world.run.in_region(region)
            journal.created(journal.intend(kind, thing.name, project=thing.project), thing.id)
        return journal

    world.seen_as = NORTH
    return leave


def test_a_list_that_is_refused_is_told_and_costs_nothing_else(
    world: World, left: Callable[..., Journal], tmp_path: Path
) -> None:
    left(RUNS[0], "network", "router").release()
    world.bars = lambda kind: 403 if kind == "image" else 0
    cleaned = clean(world.cloud, folder=tmp_path)
    assert sorted(each.kind for each in cleaned.removed) == ["network", "router"]
    assert cleaned.faults == ["Cloud 'mycloud' does not list its images: 403 injected."]


@pytest.mark.parametrize("kind", ["server", "project"])
def test_nobody_is_taken_for_dead_whose_renewed_lease_may_be_out_of_sight(
    world: World, left: Callable[..., Journal], tmp_path: Path, kind: str
) -> None:
    left(RUNS[0], "network", lease=-10.0).release()
    world.bars = lambda asked: 503 if asked == kind else 0
    elsewhere_ = tmp_path / "elsewhere"
    cleaned = clean(world.cloud, folder=elsewhere_)
    assert (cleaned.removed, len(cleaned.faults)) == ([], 1)
    world.bars = lambda asked: 0
    assert len(clean(world.cloud, folder=elsewhere_).removed) == 1


def test_a_run_whose_process_lives_is_alive_although_it_could_not_renew_its_lease(
    world: World, left: Callable[..., Journal], tmp_path: Path
) -> None:
    journal = left(RUNS[0], "network", lease=-10.0)
    assert clean(world.cloud, folder=tmp_path).removed == []
    journal.release()
    assert len(clean(world.cloud, folder=tmp_path).removed) == 1


def test_what_came_after_its_run_had_ended_goes_before_its_lease_ends(
    world: World, left: Callable[..., Journal], tmp_path: Path
) -> None:
    journal = left(RUNS[0])
    journal.close()
    world.add("network", "late")
    assert [each.id for each in clean(world.cloud, folder=tmp_path).removed] == ["late"]


def test_a_run_of_another_region_is_left_alone_and_told(
    world: World, left: Callable[..., Journal], tmp_path: Path
) -> None:
    left(RUNS[0], "user", "project", lease=-10.0).release()
    world.seen_as = SOUTH
    cleaned = clean(world.cloud, folder=tmp_path)
    assert (cleaned.removed, cleaned.faults) == ([], [])
    (note,) = cleaned.notes
    assert note == (
        f"Run {RUNS[0]} is left alone: it was made on 'mycloud', {NORTH}. "
        "Remove it with kb cleanup --cloud mycloud."
    )
    with pytest.raises(
        CloudError, match=rf"Run {RUNS[0]} is not on 'elsewhere', region south of .* it was made"
    ):
        clean(world.cloud, run_id=RUNS[0], folder=tmp_path)
    assert clean(world.cloud, folder=tmp_path / "elsewhere").removed == [], "its marks say so, too"
    assert elsewhere(world.cloud, [RUNS[0]], tmp_path) == [], "no part of it is here"
    world.seen_as = NORTH
    assert len(clean(world.cloud, folder=tmp_path).removed) == 2


def test_users_and_projects_of_an_old_run_go_only_where_the_rest_of_it_is(
    world: World, left: Callable[..., Journal], tmp_path: Path
) -> None:
    left(RUNS[0], "user", "project", lease=-10.0).release()
    left(RUNS[1], "user", "project", "network", lease=-10.0).release()
    for thing in world.things.values():
        thing.mark = replace(thing.mark, region="") if thing.mark else None
    folder = tmp_path / "elsewhere"
    cleaned = clean(world.cloud, folder=folder)
    assert {each.run_id for each in cleaned.removed} == {RUNS[1]}
    assert len(cleaned.removed) == 3
    assert f"Run {RUNS[0]} may be in another region than north" in cleaned.notes[0]
    assert f"kb cleanup --cloud mycloud --run {RUNS[0]} --force removes them" in cleaned.notes[0]
    assert len(clean(world.cloud, run_id=RUNS[0], force=True, folder=folder).removed) == 2


def test_what_is_removed_is_told_although_something_else_is_not(
    world: World, left: Callable[..., Journal], tmp_path: Path
) -> None:
    left(RUNS[0], "network", "router").release()
    journal = left(RUNS[1], "network")
    journal.release()
    world.refuses = lambda kind, _: 403 if kind == "router" else 0
    cleaned = clean(world.cloud, folder=tmp_path)
    assert sorted(each.id for each in cleaned.removed) == [f"network-of-{run_id}" for run_id in RUNS]
    assert f"Run {RUNS[0]} left 1 router on cloud 'mycloud'" in " ".join(cleaned.faults)
    assert read(journal.path).closed


def test_what_may_yet_come_is_said_until_it_cannot_any_more(
    world: World, left: Callable[..., Journal], tmp_path: Path
) -> None:
    journal = left(RUNS[0], "router")
    journal.intend("network", "never-answered", project="p1")
    last = journal.last_intent
    journal.release()
    at = datetime.fromtimestamp(last + LATE_SECONDS, UTC).strftime("%H:%M UTC")
    sentence = (
        f"Of run {RUNS[0]} there may yet come 1 network, asked for without an answer: "
        f"kb cleanup --cloud mycloud after {at} finds it."
    )
    first = clean(world.cloud, folder=tmp_path)
    assert ([each.kind for each in first.removed], first.notes) == (["router"], [sentence])
    assert clean(world.cloud, folder=tmp_path).notes == [sentence]
    world.add("network", "never-answered")
    third = clean(world.cloud, folder=tmp_path)
    assert [each.kind for each in third.removed] == ["network"]
    world.clock.now = last + LATE_SECONDS + 1.0
    clean(world.cloud, folder=tmp_path)
    assert read(journal.path).closed
    assert clean(world.cloud, folder=tmp_path).notes == []
