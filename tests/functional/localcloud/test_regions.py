"""Several regions of one Keystone: the same users and projects, and nothing else in common."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient
from kb_tests.localcloud.control import LocalCloudError, Running
from tests.functional.localcloud.conftest import connect
from tests.waiting import PATIENCE

ENTRIES = ("kb-local", "kb-local-RegionTwo", "kb-local-south")


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("regions")
    yield control.up(folder, driver="null", parent_pid=os.getpid(), regions=("RegionTwo", "south"))
    assert control.down(folder)


@pytest.fixture(scope="module")
def each(regions: Running) -> Iterator[dict[str, Any]]:
    """A connection by entry of clouds.yaml."""
    found = {name: connect(dataclasses.replace(regions, cloud=name)) for name in ENTRIES}
    yield found
    for connection in found.values():
        connection.close()


def test_the_catalog_has_all_regions_and_keystone_is_the_same_in_each(
    regions: Running, each: dict[str, Any]
) -> None:
    named = [region.id for region in each["kb-local"].identity.regions()]
    assert named == ["RegionOne", "RegionTwo", "south"]

    def addresses(service: str) -> set[str]:
        return {
            each[entry].session.get_endpoint(service_type=service, region_name=region)
            for entry, region in zip(ENTRIES, named, strict=True)
        }

    for service in ("compute", "network", "image", "volumev3"):
        assert len(addresses(service)) == 3
    assert addresses("identity") == {f"{regions.url}/identity"}
    project = each["kb-local-south"].identity.create_project(name="everywhere", domain_id="default")
    assert each["kb-local"].identity.find_project("everywhere").id == project.id
    each["kb-local"].identity.delete_project(project)


def test_what_is_made_in_a_region_is_in_no_other(each: dict[str, Any]) -> None:
    one, two, _ = (each[name] for name in ENTRIES)
    network = two.network.create_network(name="only-here")
    two.network.create_subnet(network_id=network.id, cidr="10.9.0.0/24", ip_version=4)
    image, flavor = two.image.find_image("kb-node"), two.compute.find_flavor("kb.tiny")
    server = two.compute.create_server(
        name="only-here", image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network.id}]
    )
    two.compute.wait_for_server(server, interval=0.1, wait=PATIENCE)
    assert two.compute.get_server(server.id).status == "ACTIVE"
    assert list(one.compute.servers(all_projects=True)) == []
    assert one.network.find_network("only-here") is None
    assert one.compute.delete(f"/servers/{server.id}").status_code == 404
    two.compute.delete_server(server)
    two.compute.wait_for_delete(server, interval=0.1, wait=PATIENCE)
    two.network.delete_network(network)


def test_regions_share_no_floating_address(each: dict[str, Any]) -> None:
    pools = []
    for connection in each.values():
        external = next(connection.network.networks(**{"router:external": True}))
        subnet = connection.network.get_subnet(external.subnet_ids[0])
        pools += [tuple(pool.values()) for pool in subnet.allocation_pools]
        floating = connection.network.create_ip(floating_network_id=external.id)
        connection.network.delete_ip(floating)
    assert len({edge for pool in pools for edge in pool}) == 6


def test_settings_and_faults_are_a_regions_own(regions: Running, each: dict[str, Any]) -> None:
    south = AdminClient(regions, "south")
    south.set(routers="ha")
    south.add_fault("status", service="nova", path="/servers", status=500)
    assert each["kb-local-south"].compute.get("/servers").status_code == 500
    assert each["kb-local"].compute.get("/servers").status_code == 200
    assert AdminClient(regions).settings()["routers"] == "plain"
    assert [entry["path"] for entry in south.requests(path="/servers")] == ["/compute/v2.1/servers"]
    south.clear_faults()
    south.set(routers="plain")
    with pytest.raises(LocalCloudError, match="There is no region north: there are RegionOne, RegionTwo"):
        AdminClient(regions, "north")


@pytest.mark.parametrize("names", [("RegionOne",), ("a", "a"), ("../a",), ("",)])
def test_a_region_needs_a_name_of_its_own(state: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(LocalCloudError, match="cannot be the name of one more region"):
        control.up(state, driver="null", parent_pid=os.getpid(), regions=names)
