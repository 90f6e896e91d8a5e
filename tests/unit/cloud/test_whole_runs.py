"""Whole runs in this process: what an operator chose or somebody asked for, and that nothing stays."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.cloud.connect import connect
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.layout import Layout
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.staging import stage
from kb_tests.cloud.teardown import tear_down
from kb_tests.localcloud.chosen import choose
from tests.unit.cloud.in_process import HURRIED, NAME, InProcess
from tests.unit.cloud.test_wild_answers import BOOT, LAYOUTS, everything, served

pytestmark = pytest.mark.filterwarnings("ignore:::openstack")

HTTP, DISKS = LAYOUTS


@pytest.fixture
def there() -> Iterator[InProcess]:
    with served() as cloud:
        yield cloud


def run(there: InProcess, layout: Layout, **options: Any) -> list[Any]:
    """The servers of a run, as Nova had them before all was removed."""
    cloud = connect(NAME, there.clouds_yaml, HURRIED)
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.start(NAME, clouds_yaml=there.clouds_yaml, folder=Path(folder), now=time.time())
        stage(cloud, layout, BOOT, journal, StageOptions(**options))
        servers = list(there.client.cloud.compute.servers.values())
        tear_down(cloud, journal)
        journal.release()
    return servers


def quotas(there: InProcess) -> dict[str, set[str]]:
    """Projects for which a service keeps quotas, though the project may be gone."""
    cloud = there.client.cloud
    return {
        "nova": set(cloud.compute.quotas),
        "neutron": set(cloud.networking.quotas),
        "cinder": set(cloud.storage.quotas),
        "keystone": set(cloud.identity.limits),
    }


@pytest.mark.parametrize("layout", [HTTP, DISKS], ids=["http", "storage"])
@pytest.mark.parametrize("quota", ["own", "unified"])
def test_no_service_keeps_quotas_of_projects_that_are_gone(
    there: InProcess, layout: Layout, quota: str
) -> None:
    choose(there.client.cloud, {"quota": quota})
    before = quotas(there)
    assert run(there, layout)
    assert quotas(there) == before


@pytest.mark.parametrize("routers", ["ha", "dvr", "dvr-ha"])
def test_routers_of_every_kind_come_apart(there: InProcess, routers: str) -> None:
    choose(there.client.cloud, {"routers": routers})
    before = everything(there)
    assert run(there, HTTP)
    assert everything(there) == before


def test_all_servers_have_the_config_drive_and_zone_that_were_asked_for(there: InProcess) -> None:
    assert {server.config_drive for server in run(there, HTTP)} == {False}
    servers = run(there, HTTP, config_drive=True, availability_zone="nova")
    assert {(server.config_drive, server.zone) for server in servers} == {(True, "nova")}
