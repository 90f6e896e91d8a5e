"""Volume types with QoS specs, as python-openstackclient makes them."""

from __future__ import annotations

from typing import Any

import pytest

from kb_tests.localcloud.control import Running
from tests.functional.localcloud.conftest import Command, openstack_client

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def openstack(
    null_cloud: Running, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    return openstack_client(null_cloud, monkeypatch, capfd)


def test_specs_are_made_associated_and_removed(openstack: Command) -> None:
    openstack("volume type create limited")
    made: dict[str, Any] = openstack(
        "volume qos create --consumer front-end --property total_iops_sec=500 five-hundred"
    )
    assert (made["name"], made["consumer"]) == ("five-hundred", "front-end")
    openstack("volume qos associate five-hundred limited")
    shown = openstack("volume qos show five-hundred")
    assert shown["associations"] == ["limited"]
    assert shown["properties"] == {"total_iops_sec": "500"}
    openstack("volume qos set --property total_bytes_sec=1000000 five-hundred")
    openstack("volume qos unset --property total_iops_sec five-hundred")
    assert openstack("volume qos show five-hundred")["properties"] == {"total_bytes_sec": "1000000"}
    assert [row["Name"] for row in openstack("volume qos list")] == ["five-hundred"]
    openstack("volume qos disassociate --volume-type limited five-hundred")
    openstack("volume qos delete five-hundred")
    assert openstack("volume qos list") == []
    openstack("volume type delete limited")
