"""The host of volumes that fail or are slow, or of servers that stand still, is named, and nobody else."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient
from kb_tests.localcloud.control import Running
from tests.functional.session.live import Live
from tests.functional.session.named import only_named
from tests.functional.session.suite import Suite
from tests.functional.storage.sessions import make_faulty_type, volumes
from tests.waiting import SESSION, eventually

SCENARIO = """\
name: disks
kind: storage
topology: {servers: 24, volume: {size: 1GiB, type: faulty}, file_size: 16MiB, flavor: {ram: 64MiB}}
load:
  profiles:
    - {name: before, mode: randread, iodepth: 16, rate_iops: 20}
    - {name: harmed, mode: randread, iodepth: 16, rate_iops: 20}
  ramp: 5s
  duration: 15s
sla: """
LATER = 400
"""Milliseconds more of each read of a slow volume: it keeps its load, since its 16 are enough for that."""


@pytest.fixture
def eight_hosts(tmp_path: Path) -> Iterator[Running]:
    folder = tmp_path / "cloud"
    yield control.up(folder, parent_pid=os.getpid(), hosts=8)
    control.down(folder)


def harm(admin: AdminClient, what: str, server: str, volume: str) -> None:
    """Let a share of a volume's reads fail, or all be late, or stop its server for a while."""
    if what == "stalls":
        admin.harm_server(server, "freeze", seconds=3)
    elif what == "slow":
        admin.harm_volume(volume, "late", milliseconds=LATER)
    else:
        admin.harm_volume(volume, "fail", share=0.5)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("what", "sla", "told"),
    [
        ("fails", "{errors: 1%}", "error rate is "),
        ("stalls", "{max_stall: 1s}", "max stall is "),
        ("slow", "{achieved: 90%, read_latency: {p99: 300ms}}", "p99 of read latency is "),
    ],
    ids=["fails", "stalls", "slow"],
)
def test_the_host_is_named_and_nobody_else(
    eight_hosts: Running, tmp_path: Path, what: str, sla: str, told: str
) -> None:
    (tmp_path / "disks.yaml").write_text(f"{SCENARIO}{sla}\n")
    suite = Suite(eight_hosts, tmp_path)
    make_faulty_type(suite)
    live = Live(suite, "disks.yaml")
    try:
        live.wait_for_point(1)
        mine = {one.attachments[0]["server_id"]: one.id for one in volumes(suite) if one.attachments}
        hosts: defaultdict[str, list[str]] = defaultdict(list)
        for server in suite.admin.servers():
            if server["id"] in mine:
                hosts[server["host"]].append(server["id"])
        assert len(hosts) == 8
        if what == "stalls":  # within the window
            eventually(lambda: re.search(r"harmed: \d+/15s", live.output) is not None, SESSION)
        host = min(host for host, servers in hosts.items() if len(servers) == 3)
        for harmed in hosts[host]:
            harm(suite.admin, what, harmed, mine[harmed])
        ended = live.end()
    finally:
        live.kill()
    only_named(ended, host, hosts, told)
