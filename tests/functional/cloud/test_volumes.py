"""Storage scenarios: a volume of ours for each server."""

from __future__ import annotations

import pytest
import requests

from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.teardown import tear_down
from kb_tests.errors import CapacityError, StagingError
from tests.functional.cloud.conftest import Faults, answer
from tests.functional.cloud.staged import stage_storage, storage_scenario

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.mark.parametrize("own", [True, False])
def test_every_server_has_its_volume(cloud: Cloud, journal: Journal, own: bool) -> None:
    topology = stage_storage(cloud, journal, storage_scenario(3), own_projects=own)
    assert topology.clients == ()
    assert [server.role for server in topology.servers] == ["storage"] * 3
    attached = {
        attachment["server_id"]: (volume.id, volume.name, volume.size << 30)
        for volume in cloud.connection.block_storage.volumes(details=True, all_projects=True)
        for attachment in volume.attachments
    }
    assert attached == {
        server.id: (server.volume.id, server.volume.name, server.volume.size)
        for server in topology.servers
        if server.volume
    }
    names = {server.volume.name for server in topology.servers if server.volume}
    assert names == {f"kb-{journal.run_id}-volume-{number}" for number in (1, 2, 3)}
    tear_down(cloud, journal)


def test_without_volumes(cloud: Cloud, journal: Journal) -> None:
    asked = storage_scenario(2, target="ephemeral", volume=None)
    topology = stage_storage(cloud, journal, asked)
    assert [server.volume for server in topology.servers] == [None, None]
    tear_down(cloud, journal)


def test_an_unknown_type_is_said_first(cloud: Cloud, journal: Journal) -> None:
    with pytest.raises(CapacityError, match=r"has no volume type 'golden'; it has "):
        stage_storage(cloud, journal, storage_scenario(volume={"size": "1GiB", "type": "golden"}))
    assert journal.entries() == ()


def test_a_lost_answer_attaches_once(cloud: Cloud, journal: Journal, faults: Faults) -> None:
    lost: list[str] = []

    def fault(request: requests.PreparedRequest, send: object) -> requests.Response | None:
        url = request.url or ""
        if request.method == "POST" and url.endswith("/os-volume_attachments") and url not in lost:
            lost.append(url)
            assert callable(send)
            send()
            return answer(request, 504)
        return None

    faults.inject(fault)
    topology = stage_storage(cloud, journal, storage_scenario(2))
    faults.inject(None)
    assert len(lost) == 2
    assert len({server.volume.id for server in topology.servers if server.volume}) == 2
    tear_down(cloud, journal)


def test_a_volume_that_cannot_be_attached_is_said(cloud: Cloud, journal: Journal, faults: Faults) -> None:
    faults.inject(
        lambda request, send: (
            answer(request, 403)
            if request.method == "POST" and (request.url or "").endswith("/os-volume_attachments")
            else None
        )
    )
    with pytest.raises(StagingError, match=r"failed at attaching volume .* to kb-\w+-storage-\d: 403 "):
        stage_storage(cloud, journal, storage_scenario(2))
    faults.inject(None)
    tear_down(cloud, journal)
