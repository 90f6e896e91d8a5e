"""Servers that do not boot, or do not go."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.teardown import tear_down
from kb_tests.errors import StagingError
from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient
from tests.functional.cloud.staged import stage_small
from tests.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def admin(local: control.Running) -> Iterator[AdminClient]:
    client = AdminClient(local)
    yield client
    client.clear_faults()


@pytest.mark.parametrize("which", ["proxy", "client-2", "server-1-1-1-1"])
def test_one_in_error_is_made_anew_and_noted(
    cloud: Cloud, journal: Journal, admin: AdminClient, which: str
) -> None:
    admin.add_fault("boot-error", server=f"-{which}$", times=1)
    topology = stage_small(cloud, journal, servers=2)
    assert topology.notes[-1] == "1 of 5 servers went to ERROR and were made anew."
    assert [client.peer for client in topology.clients] == [server.address for server in topology.servers]
    there = {server.id for server in cloud.connection.compute.servers(all_projects=True)}
    assert {server.id for server in (*topology.agents, topology.proxy)} == there
    tear_down(cloud, journal)


def test_one_that_fails_again_ends_staging(cloud: Cloud, journal: Journal, admin: AdminClient) -> None:
    admin.add_fault("boot-error", server="-client-1$")
    with pytest.raises(
        StagingError,
        match=rf"1 of 3 servers went to ERROR, after 1 made anew, first kb-{journal.run_id}-client-1: \w+",
    ):
        stage_small(cloud, journal)
    tear_down(cloud, journal)


def test_many_in_error_end_staging_at_once(cloud: Cloud, journal: Journal, admin: AdminClient) -> None:
    admin.add_fault("boot-error", server="-client-")
    # A slow cloud may show the one before the other.
    at_once, one_by_one = "2 of 5 servers went to ERROR", "1 of 5 servers went to ERROR, after 1 made anew"
    with pytest.raises(StagingError, match=rf"({at_once}|{one_by_one}), first kb-\w+-client-\d: "):
        stage_small(cloud, journal, servers=2)
    tear_down(cloud, journal)


def test_one_that_never_boots_is_named(
    cloud: Cloud, journal: Journal, admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hour for which it is waited passes in a moment, once all others are there."""
    admin.add_fault("boot-never", server="-client-2")
    clock, ahead, began = time.monotonic, 0.0, time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: clock() + ahead)

    def wait(phase: str, done: int, total: int) -> None:
        nonlocal ahead
        if (phase, done) == ("servers", 4):
            ahead = began + 3600 - 30 - clock()

    with pytest.raises(
        StagingError, match=r"1 of 5 servers are not ready after 3\d\d\d s: kb-\w+-client-2 BUILD\."
    ):
        stage_small(cloud, journal, wait, servers=2, deadline=3600.0)
    tear_down(cloud, journal)


def test_a_deletion_that_fails_is_asked_for_again(cloud: Cloud, journal: Journal, admin: AdminClient) -> None:
    stage_small(cloud, journal)
    admin.add_fault("delete-error")
    tear_down(cloud, journal, deadline=PATIENCE)
    assert journal.closed
