"""Eight hosts in two zones, as python-openstackclient shows and uses them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient
from tests.functional.localcloud.conftest import Command, openstack_client

pytestmark = pytest.mark.filterwarnings("ignore")

HOSTS = {f"kb-host-{number}" for number in range(1, 9)}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control.Running]:
    folder = tmp_path_factory.mktemp("hosts")
    yield control.up(folder, driver="null", hosts=8, zones=2, parent_pid=os.getpid())
    assert control.down(folder)


@pytest.fixture
def openstack(
    cloud: control.Running, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    return openstack_client(cloud, monkeypatch, capfd)


@pytest.fixture
def network(openstack: Command) -> Iterator[str]:
    openstack("network create spread")
    openstack("subnet create --network spread --subnet-range 10.40.0.0/24 spread")
    yield "spread"
    for server in openstack("server list --all-projects"):
        openstack(f"server delete --wait {server['ID']}")
    openstack("network delete spread")


def boot(openstack: Command, name: str, options: str = "") -> None:
    openstack(f"server create --image kb-node --flavor kb.tiny --network spread --wait {options} {name}")


def hosts(openstack: Command) -> dict[str, str]:
    shown = openstack("server list --all-projects --long -c Name -c Host")
    return {server["Name"]: server["Host"] for server in shown}


def test_they_are_shown_with_what_they_have(cloud: control.Running, openstack: Command, network: str) -> None:
    assert {row["Hypervisor Hostname"] for row in openstack("hypervisor list")} == HOSTS
    assert len({row["Host IP"] for row in openstack("hypervisor list")}) == 8
    services = openstack("compute service list --service nova-compute")
    assert {row["Host"]: row["Zone"] for row in services} == {
        host: "zone-1" if host <= "kb-host-4" else "zone-2" for host in HOSTS
    }
    zones = openstack("availability zone list --compute")
    assert {row["Zone Name"]: row["Zone Status"] for row in zones} == {
        "internal": "available",
        "zone-1": "available",
        "zone-2": "available",
    }
    aggregate = openstack("aggregate show zone-2")
    assert set(aggregate["hosts"]) == {"kb-host-5", "kb-host-6", "kb-host-7", "kb-host-8"}
    assert aggregate["availability_zone"] == "zone-2"
    boot(openstack, "one", "--availability-zone zone-2:kb-host-7")
    boot(openstack, "two", "--availability-zone zone-2:kb-host-7")
    detail = AdminClient(cloud).get("/compute/v2.1/os-hypervisors/detail")["hypervisors"]
    shown = {each["hypervisor_hostname"]: each for each in detail}
    for host, servers in (("kb-host-7", 2), ("kb-host-1", 0)):
        has = shown[host]
        assert (has["running_vms"], has["vcpus_used"], has["memory_mb_used"]) == (
            servers,
            servers,
            servers * 256,
        )
        assert has["vcpus"] == os.cpu_count()
        assert has["free_ram_mb"] == has["memory_mb"] - servers * 256


def test_servers_spread_over_them_and_stay_in_their_zone(openstack: Command, network: str) -> None:
    openstack("quota set --instances 16 --cores 16 admin")
    boot(openstack, "any", "--min 16 --max 16")
    assert Counter(hosts(openstack).values()) == dict.fromkeys(HOSTS, 2)
    for server in openstack("server list --all-projects"):
        openstack(f"server delete --wait {server['ID']}")
    boot(openstack, "east", "--min 8 --max 8 --availability-zone zone-2")
    assert Counter(hosts(openstack).values()) == {f"kb-host-{number}": 2 for number in range(5, 9)}


def test_a_host_that_is_disabled_gets_none_and_its_id_differs_by_project(
    openstack: Command, network: str
) -> None:
    openstack("compute service set --disable --disable-reason broken kb-host-8 nova-compute")
    boot(openstack, "west", "--min 7 --max 7")
    assert set(hosts(openstack).values()) == HOSTS - {"kb-host-8"}
    openstack("compute service set --enable kb-host-8 nova-compute")
    ids = {openstack(f"server show {server['ID']}")["hostId"] for server in openstack("server list")}
    assert len(ids) == 7
    assert not ids & HOSTS


@pytest.mark.parametrize("wrong", [{"hosts": 0}, {"hosts": 2, "zones": 3}, {"hosts": 2000}, {"zones": 0}])
def test_what_cannot_be_is_said(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(
        control.LocalCloudError, match=r"^A cloud has 1 to 1000 hosts, in 1 to as many zones\.$"
    ):
        control.up(tmp_path / "state", driver="null", **wrong)
