"""What staging would meet too late, doctor says before, and staging before anything is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.cloud import room
from kb_tests.cloud.connect import connect
from kb_tests.cloud.doctor import examine
from kb_tests.cloud.existing import adopt
from kb_tests.cloud.findings import State
from kb_tests.cloud.options import StageOptions
from kb_tests.errors import CapacityError
from tests.unit.cloud.in_process import NAME, InProcess
from tests.unit.cloud.test_wild_answers import LAYOUTS

pytestmark = pytest.mark.filterwarnings("ignore:::openstack")


@pytest.fixture
def there(tmp_path: Path) -> Iterator[InProcess]:
    cloud = InProcess(tmp_path)
    with cloud.serving():
        yield cloud


def faults(there: InProcess, storage: bool = False, **options: Any) -> list[tuple[str, str]]:
    found = examine(NAME, LAYOUTS[storage], StageOptions(**options), there.clouds_yaml)
    return [(each.what, each.found) for each in found if each.state is State.FAULT]


def test_a_network_without_port_security(there: InProcess) -> None:
    cloud = connect(NAME, there.clouds_yaml)
    neutron: Any = cloud.connection.network
    network = neutron.create_network(name="bare", is_shared=True, is_port_security_enabled=False)
    neutron.create_subnet(network_id=network.id, cidr="10.9.0.0/24", ip_version=4)
    options: dict[str, Any] = {"network": "bare", "floating_ip": False}
    ((what, found), *_) = faults(there, storage=True, **options)
    assert what == "existing network"
    assert "has no port security" in found
    with pytest.raises(CapacityError, match="has no port security"):
        adopt(cloud, LAYOUTS[1], StageOptions(**options))


def test_a_nameserver_that_is_a_name(there: InProcess) -> None:
    options: dict[str, Any] = {"packages": True, "nameservers": ("dns.corp.example",)}
    ((what, found),) = faults(there, **options)
    assert (what, found.partition(",")[0]) == (
        "nameservers",
        "Nameserver 'dns.corp.example' is no IP address",
    )
    with pytest.raises(CapacityError, match="is no IP address"):
        adopt(connect(NAME, there.clouds_yaml), LAYOUTS[0], StageOptions(**options))


def test_a_zone_that_is_not_there(there: InProcess) -> None:
    assert faults(there, availability_zone="nova") == []
    assert faults(there, storage=True, availability_zone="nova") == []
    ((what, found),) = faults(there, availability_zone="nowhere")
    assert (what, found) == ("zone", "Cloud 'kb-local' has no availability zone 'nowhere'; it has nova.")


@pytest.mark.parametrize(
    ("mebibytes", "state", "said"),
    [
        (1 << 20, State.GOOD, "are needed"),
        (1 << 6, State.NOTE, "more RAM than they have"),
        (1 << 3, State.FAULT, "0 servers of 1 vCPU and 64MiB of RAM fit on the hosts that are up"),
    ],
    ids=lambda value: str(value),
)
def test_what_hosts_have_room_for(there: InProcess, mebibytes: int, state: State, said: str) -> None:
    for host in there.client.cloud.compute.hypervisors:
        host.memory_mib = mebibytes
    found = examine(NAME, LAYOUTS[0], StageOptions(), there.clouds_yaml)
    (room,) = [each for each in found if each.what == "room"]
    assert (room.state, said in room.found) == (state, True), room


def test_hosts_that_are_down_have_none(there: InProcess) -> None:
    for host in there.client.cloud.compute.hypervisors[1:]:
        host.forced_down = True
    cloud = connect(NAME, there.clouds_yaml)
    one = room.room(cloud, vcpus=1, ram=1)
    there.client.cloud.compute.hypervisors[0].enabled = False
    assert one is not None
    assert room.room(cloud, vcpus=1, ram=1) is None


def test_an_image_of_unknown_size(there: InProcess) -> None:
    """Nova would put every server into ERROR."""
    for image in there.client.cloud.images.images.values():
        image.disk_format, image.min_disk = "qcow2", 0
    found = examine(NAME, LAYOUTS[0], StageOptions(), there.clouds_yaml)
    assert [each.state for each in found if "size of its disk is unknown" in each.found] == [State.NOTE]
