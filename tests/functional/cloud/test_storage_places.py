"""Storage servers and their volumes go to the zones that the scenario says, together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.cloud.connect import Cloud, connect
from kb_tests.cloud.doctor import examine
from kb_tests.cloud.findings import Finding, State
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.staging import stage
from kb_tests.cloud.teardown import tear_down
from kb_tests.cloud.topology import Topology
from kb_tests.cloud.workloads import plan
from kb_tests.errors import CapacityError, CloudError, StagingError
from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient
from tests.functional.cloud.staged import BOOT, storage_scenario

ZONES = ("zone-1", "zone-2")


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control.Running]:
    """Four hosts in two zones."""
    folder = tmp_path_factory.mktemp("wide")
    yield control.up(folder, driver="null", parent_pid=os.getpid(), hosts=4, zones=2)
    control.down(folder)


Run = Callable[..., Topology]


@pytest.fixture
def cloud(wide: control.Running) -> Iterator[Cloud]:
    cloud = connect(wide.cloud, wide.clouds_yaml)
    yield cloud
    cloud.close()


@pytest.fixture
def run(wide: control.Running, cloud: Cloud, tmp_path: Path) -> Iterator[Run]:
    """Stages servers with volumes; all goes with the test."""
    journal = Journal.start(wide.cloud, clouds_yaml=wide.clouds_yaml, folder=tmp_path, now=cloud.now())

    def staged(places: tuple[str, ...] = (), servers: int = 4, zone: str = "") -> Topology:
        placed = storage_scenario(servers, placement={"servers": list(places)})
        return stage(cloud, plan(placed), BOOT, journal, StageOptions(availability_zone=zone))

    yield staged
    tear_down(cloud, journal)
    journal.release()


@pytest.fixture
def apart(wide: control.Running) -> Iterator[None]:
    """Cinder has zones of its own, and Nova attaches nothing across them."""
    AdminClient(wide).set(volume_zones="novas")
    yield
    AdminClient(wide).set(volume_zones="one")


def zones(cloud: Cloud, topology: Topology) -> list[tuple[str, str]]:
    """Those of each server and of its volume."""
    storage: Any = cloud.connection.block_storage
    of = {volume.id: volume.availability_zone for volume in storage.volumes(all_projects=True)}
    return sorted((server.zone, of[server.volume.id]) for server in topology.servers if server.volume)


@pytest.mark.usefixtures("apart")
def test_volumes_are_where_their_servers_are(cloud: Cloud, run: Run) -> None:
    assert zones(cloud, run(ZONES)) == [("zone-1", "zone-1")] * 2 + [("zone-2", "zone-2")] * 2


@pytest.mark.usefixtures("apart")
def test_hosts_are_in_zones(cloud: Cloud, run: Run) -> None:
    topology = run(("zone-2:kb-host-4", "zone-1:kb-host-1"), servers=3)
    assert [server.host for server in topology.servers] == ["kb-host-4", "kb-host-1", "kb-host-4"]
    assert zones(cloud, topology) == [("zone-1", "zone-1"), ("zone-2", "zone-2"), ("zone-2", "zone-2")]


@pytest.mark.usefixtures("apart")
def test_one_zone_for_all(cloud: Cloud, run: Run) -> None:
    assert zones(cloud, run(zone="zone-2", servers=2)) == [("zone-2", "zone-2")] * 2


def test_a_cinder_without_that_zone_chooses(cloud: Cloud, run: Run) -> None:
    assert zones(cloud, run(ZONES, servers=2)) == [("zone-1", "nova"), ("zone-2", "nova")]


@pytest.mark.usefixtures("apart")
def test_without_a_place_the_remedy_is_named(run: Run) -> None:
    with pytest.raises(StagingError, match="are not in the same availability_zone") as failed:
        run()
    assert str(failed.value).endswith(
        "Say in which zone both are: topology.placement in the scenario, or --kb-availability-zone."
    )


def test_a_place_that_is_not_there(run: Run) -> None:
    places = ("zone-9",)
    with pytest.raises(CapacityError, match="has no zone-9 to place servers in; it has zone-1, zone-2"):
        run(places)


def found(wide: control.Running, *places: str) -> dict[str, Finding]:
    layout = plan(storage_scenario(2, placement={"servers": list(places)}))
    return {each.what: each for each in examine(wide.cloud, layout, StageOptions(), wide.clouds_yaml)}


@pytest.mark.usefixtures("apart")
def test_doctor_says_where_servers_and_volumes_may_part(wide: control.Running) -> None:
    assert found(wide)["zones"] == Finding(
        "zones",
        State.NOTE,
        "zone-1, zone-2, of Nova and of Cinder: a server may not be where its volume is.",
        "Say in which zone both are: topology.placement in the scenario, or --kb-availability-zone.",
    )
    placed = found(wide, "zone-2")
    assert "zones" not in placed
    assert placed["volumes"].found == "type default, in zone-2"


def test_doctor_says_nothing_of_it_where_cinder_has_one_zone(wide: control.Running) -> None:
    assert "zones" not in found(wide)


@pytest.mark.parametrize(("setting", "status"), [("volume_back_end", "error")])
def test_a_back_end_that_is_down(wide: control.Running, run: Run, setting: str, status: str) -> None:
    AdminClient(wide).set(**{setting: "down"})
    try:
        with pytest.raises(CloudError, match=f"volumes went to ERROR, first .* .{status}."):
            run(servers=1)
    finally:
        AdminClient(wide).set(**{setting: "up"})
