"""A slow generator is told from its server, and a cut way from both, by a run with other generators."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.localcloud import control
from kb_tests.localcloud.control import Running
from tests.functional.session.live import Live
from tests.functional.session.suite import Suite
from tests.waiting import SESSION

SCENARIO = """\
name: ways
kind: http
topology: {networks_per_router: 4, servers_per_network: 6, flavor: {ram: 64MiB}}
load: {page_size: 1KiB, connections: 10, rate: [15, 16], duration: 30s, warm_up: 1s, timeout: 3s}
sla: {latency: {p99: 190ms}, errors: 3%}
"""
LOST = 60
"""Percent; each costs 200 ms at the least, the shortest wait before a segment is sent again."""


@pytest.fixture
def eight_hosts(tmp_path: Path) -> Iterator[Running]:
    folder = tmp_path / "cloud"
    yield control.up(folder, parent_pid=os.getpid(), hosts=8)
    control.down(folder)


def process_of(name: str, address: str) -> str:
    """A process in the server or generator of this name."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            routes = (process / "net" / "fib_trie").read_text()
        except OSError:
            continue
        if not re.search(rf"-- {re.escape(address)}\n\s+/32 host LOCAL", routes):
            continue
        if _inside(process.name, "-u", "hostname").strip() == name:  # other clouds have the same addresses
            return process.name
    raise AssertionError(f"there is no {name}")


def lose(process: str, what: str, percent: int) -> None:
    """Have a server or generator lose so much of what it sends, of `what` as nft says it: the control channel
    of agents is left alone.
    """
    some = f"numgen random mod 100 < {percent} " if percent < 100 else ""  # nft refuses what is all
    rule = f"{what} {some}drop"
    table = f"table ip lossy {{\nchain out {{\ntype filter hook output priority 0;\n{rule}\n}}\n}}\n"
    _inside(process, "-n", "nft", "-f", "-", said=table)


def _inside(pid: str, *arguments: str, said: str = "") -> str:
    command = ["nsenter", "-t", pid, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, input=said).stdout


@pytest.mark.nightly
@pytest.mark.root_only("the network of another process")
@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("server", "Loaded by other generators, this server is as bad, and its generator is not at other"),
        ("generator", "At other servers, its generator is as bad, and this server is not with other"),
        ("way", "and paired as before they are: it is the way between them."),
    ],
)
def test_whose_it_is(eight_hosts: Running, tmp_path: Path, what: str, told: str) -> None:
    (tmp_path / "ways.yaml").write_text(SCENARIO)
    live = Live(Suite(eight_hosts, tmp_path), "ways.yaml", more=("--kb-rotate",))
    try:
        live.wait_for_text("ways-clients-24-rate-15: ", SESSION)
        names = sorted(server["name"] for server in live.suite.admin.servers())
        bad = next(name for name in names if name.endswith("-server-1-1-2-3"))
        good = _partner(live, bad)
        server, generator = (process_of(name, _address(live, name)) for name in (bad, good))
        process, rule, percent = {
            "server": (server, "tcp sport 80", LOST),
            "generator": (generator, "tcp dport 80", LOST),
            "way": (server, f"ip daddr {_address(live, good)} tcp sport 80", 100),
        }[what]
        live.wait_for_point(1)
        lose(process, rule, percent)
        ended = live.end()
    finally:
        live.kill()
    first, second = ended.record["points"]
    assert first["verdict"]["outcome"] == "pass", ended.output
    assert second["verdict"]["outcome"] == "fail", ended.output
    assert second["culprits"], second["verdict"]
    assert second["culprits"][0].startswith(f"Server {bad} "), second["culprits"]
    assert any(told in sentence for sentence in second["culprits"]), second["culprits"]
    assert (second["rotated"]["again"] is not None) is (what == "way")


def _servers(live: Live) -> list[dict[str, Any]]:
    return [
        server
        for scenario in live.record()["scenarios"]
        for server in (scenario["topology"] or {}).get("servers", [])
    ]


def _address(live: Live, name: str) -> str:
    return str(next(server["address"] for server in _servers(live) if server["name"] == name))


def _partner(live: Live, name: str) -> str:
    """The generator of a server."""
    address = _address(live, name)
    return str(next(server["name"] for server in _servers(live) if server["peer"] == address))
