"""How many servers hosts have room for, as Placement says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from openstack import exceptions as sdk

from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.room import Room, room


def provider(vcpus: tuple[int, int], ram: tuple[int, int]) -> dict[str, Any]:
    pairs = {"VCPU": vcpus, "MEMORY_MB": ram}
    return {"resources": {name: {"capacity": most, "used": used} for name, (most, used) in pairs.items()}}


def asked(summaries: Any, status: int = 200, hypervisors: Any = None) -> Room | None:
    """What is made of an answer of Placement, by a cloud whose Nova shows these hypervisors, or none."""

    def get(path: str, microversion: str) -> Any:
        assert (path, microversion) == ("/allocation_candidates?resources=VCPU:2,MEMORY_MB:4096", "1.17")
        return SimpleNamespace(
            status_code=status,
            headers={"content-type": "application/json"},
            json=lambda: {"provider_summaries": summaries},
            url="",
            text="",
        )

    def forbidden(*_: Any, **_more: Any) -> Any:
        raise sdk.ForbiddenException

    def shown() -> Any:
        return iter(hypervisors) if hypervisors is not None else forbidden()

    connection = SimpleNamespace(
        endpoint_for=lambda _: "http://placement",
        placement=SimpleNamespace(get=get),
        compute=SimpleNamespace(get=forbidden, hypervisors=shown),
    )
    return room(cast("Cloud", SimpleNamespace(connection=connection)), vcpus=2, ram=4096)


def test_each_host_counts_by_what_it_has_least_of() -> None:
    hosts = {
        "a": provider((32, 0), (16384, 0)),
        "b": provider((8, 6), (65536, 0)),
        "full": provider((8, 8), (8192, 8192)),
        "disks": {"resources": {"DISK_GB": {"capacity": 1000, "used": 1}}},
    }
    assert asked(hosts) == Room(4 + 1, 4 + 1, "Placement")
    assert asked({}) == Room(0, 0, "Placement")


def hypervisor(identity: str, state: str = "up", status: str = "enabled") -> SimpleNamespace:
    return SimpleNamespace(id=identity, state=state, status=status)


def test_a_host_that_is_down_or_disabled_has_no_room() -> None:
    """Placement goes on offering a host whose nova-compute died, and some time a disabled one."""
    hosts = {name: provider((32, 0), (16384, 0)) for name in ("up", "down", "disabled")}
    nova = [hypervisor("up"), hypervisor("down", state="down"), hypervisor("disabled", status="disabled")]
    assert asked(hosts, hypervisors=nova) == Room(4, 4, "Placement", known_up=True)
    assert asked(hosts, hypervisors=nova[:2]) == Room(4 + 4, 4 + 4, "Placement", known_up=False)
    assert asked(hosts) == Room(12, 12, "Placement", known_up=False)


def test_a_host_that_is_disabled_in_placement_has_no_room() -> None:
    disabled = provider((32, 0), (16384, 0)) | {"traits": ["COMPUTE_NODE", "COMPUTE_STATUS_DISABLED"]}
    assert asked({"a": disabled, "b": provider((32, 0), (16384, 0))}) == Room(4, 4, "Placement")


@pytest.mark.parametrize(("summaries", "status"), [({}, 403), (None, 200), ({"a": {}}, 200), ({}, 500)])
def test_who_may_not_ask_or_gets_no_answer_knows_nothing(summaries: Any, status: int) -> None:
    assert asked(summaries, status) is None
