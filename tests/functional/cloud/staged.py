"""What the tests stage."""

from __future__ import annotations

import threading

from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.progress import Progress, silent
from kb_tests.cloud.staging import stage
from kb_tests.cloud.topology import Role, Topology
from kb_tests.cloud.workloads import plan
from kb_tests.scenario.http import HttpScenario
from kb_tests.scenario.storage import StorageScenario

BOOT = dict.fromkeys(Role, "#!/bin/sh\necho hello\n")
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJd5xTqFqEo3XvYbTq0f4q9l2C4sV1Zb1gXU3T6g0o0K"


def scenario(**topology: object) -> HttpScenario:
    topology.setdefault("flavor", {"vcpus": 1, "ram": "64MiB"})
    return HttpScenario.model_validate(
        {
            "name": "small",
            "kind": "http",
            "topology": topology,
            "load": {"rate": [1]},
            "sla": {"errors": "1%"},
        }
    )


def stage_small(
    cloud: Cloud,
    journal: Journal,
    progress: Progress = silent,
    *,
    abort: threading.Event | None = None,
    servers: int = 1,
    **options: object,
) -> Topology:
    chosen = StageOptions(**{"image": "kb-node", "public_key": PUBLIC_KEY, **options})  # type: ignore[arg-type]
    layout = plan(scenario(servers_per_network=servers))
    return stage(cloud, layout, BOOT, journal, chosen, progress, abort=abort)


def storage_scenario(servers: int = 2, **topology: object) -> StorageScenario:
    return StorageScenario.model_validate(
        {
            "name": "disks",
            "kind": "storage",
            "topology": {
                "servers": servers,
                "flavor": {"vcpus": 1, "ram": "64MiB"},
                "volume": {"size": "1GiB"},
                **topology,
            },
            "load": {"profiles": [{"name": "random read", "mode": "randread", "rate_iops": 100}]},
            "sla": {"achieved": "80%"},
        }
    )


def stage_storage(
    cloud: Cloud,
    journal: Journal,
    asked: StorageScenario,
    **options: object,
) -> Topology:
    chosen = StageOptions(**{"image": "kb-node", **options})  # type: ignore[arg-type]
    return stage(cloud, plan(asked), BOOT, journal, chosen)
