"""How many requests staging takes, and that none of them is for what was told already."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kb_tests.cloud.connect import connect
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.staging import stage
from kb_tests.cloud.topology import Role
from kb_tests.cloud.workloads import plan
from kb_tests.scenario.model import HttpScenario
from tests.unit.cloud.in_process import NAME, InProcess, Sent

pytestmark = pytest.mark.filterwarnings("ignore:::openstack")

VERSIONS = ("/identity/v3", "/compute/v2.1", "/networking/v2.0", "/image")


@pytest.fixture
def there(tmp_path: Path) -> InProcess:
    return InProcess(tmp_path)


def staged(there: InProcess, tmp_path: Path, **topology: object) -> Counter[str]:
    """What was asked for to stage that topology, by method and path."""
    scenario = HttpScenario.model_validate(
        {
            "name": "cost",
            "kind": "http",
            "topology": {"flavor": {"vcpus": 1, "ram": "64MiB"}, **topology},
            "load": {"rate": [1]},
            "sla": {"errors": "1%"},
        }
    )
    with there.serving():
        cloud = connect(NAME, there.clouds_yaml)
        journal = Journal.start(
            NAME, clouds_yaml=there.clouds_yaml, folder=tmp_path / "runs", now=time.time()
        )
        stage(cloud, plan(scenario), dict.fromkeys(Role, "#!/bin/sh\n"), journal, StageOptions())
        journal.release()
        cloud.close()
    return Counter(map(_path, there.seen))


def _path(request: Sent) -> str:
    return f"{request.method} {urlsplit(request.path_url).path.rstrip('/')}"


def test_a_services_versions_are_asked_for_once_whoever_signs_in(there: InProcess, tmp_path: Path) -> None:
    asked = staged(there, tmp_path, tenants=3)
    assert asked["POST /identity/v3/auth/tokens"] == 5, "an admin, and a user of each project"
    again = {call: times for call, times in asked.items() if call.split()[1] in VERSIONS and times > 1}
    assert again == {}


def test_an_image_is_looked_for_by_its_name_first(there: InProcess, tmp_path: Path) -> None:
    asked = staged(there, tmp_path)
    assert [call for call in asked if call.startswith("GET /image/v2")] == ["GET /image/v2/images"]
