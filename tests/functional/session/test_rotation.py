"""A slow generator is told from its server, and a cut way from both, by a run with other generators."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
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
load: {page_size: 1KiB, connections: 20, rate: [15, 16], duration: 20s, warm_up: 5s, timeout: 3s}
sla: {latency: {p97: 450ms}, errors: 3%}
"""
"""Three of 24 pairs are harmed: of one alone no bound could say that it is no chance."""

DELAY = 250
"""Milliseconds, each way. Lost packets would not do: most are sent again at once (RFC 8985, 7). At 400 a
generator, which sends its reports one by one, may fall silent.
"""


@pytest.fixture
def eight_hosts(tmp_path: Path) -> Iterator[Running]:
    folder = tmp_path / "cloud"
    yield control.up(folder, parent_pid=os.getpid(), hosts=8)
    control.down(folder)


def process_of(name: str, address: str) -> str:
    """A process in the server of this name."""
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


def cut(process: str, address: str) -> None:
    """Let nothing that a server answers come to that address; its control channel is left alone."""
    rule = f"ip daddr {address} tcp sport 80 drop"
    table = f"table ip cut {{\nchain out {{\ntype filter hook output priority 0;\n{rule}\n}}\n}}\n"
    _inside(process, "-n", "nft", "-f", "-", said=table)


def _inside(pid: str, *arguments: str, said: str = "") -> str:
    command = ["nsenter", "-t", pid, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, input=said).stdout


@pytest.mark.nightly
@pytest.mark.root_only("the network of another process")
@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("servers", "Loaded by other generators, these servers are as bad, and their generators are not"),
        ("generators", "At other servers, their generators are as bad, and these servers are not with other"),
        ("ways", "and paired as before they are: it is the way between them."),
    ],
    ids=["servers", "generators", "ways"],
)
def test_whose_it_is(eight_hosts: Running, tmp_path: Path, what: str, told: str) -> None:
    (tmp_path / "ways.yaml").write_text(SCENARIO)
    live = Live(Suite(eight_hosts, tmp_path), "ways.yaml", more=("--kb-rotate",))
    try:
        live.wait_for_point(1)
        live.wait_for_text("rate-16: warm-up", SESSION)  # later it would start late
        host, pairs = _of_one_host(live)
        ids = {server["name"]: server["id"] for server in live.suite.admin.servers()}
        for server, generator in pairs:
            if what == "ways":
                cut(process_of(server["name"], server["address"]), generator["address"])
            else:
                harmed = server if what == "servers" else generator
                live.suite.admin.harm_server(ids[harmed["name"]], "delay", milliseconds=DELAY)
        ended = live.end()
    finally:
        live.kill()
    first, second = ended.record["points"]
    assert first["verdict"]["outcome"] == "pass", ended.output
    assert second["verdict"]["outcome"] == "fail", ended.output
    assert second["culprits"], second["verdict"]
    assert second["culprits"][0].startswith(f"Host {host} with 3 servers: "), second["culprits"]
    assert any(told in sentence for sentence in second["culprits"]), second["culprits"]
    assert (second["rotated"]["again"] is not None) is (what == "ways")


def _of_one_host(live: Live) -> tuple[str, list[tuple[dict[str, Any], dict[str, Any]]]]:
    """The servers of one host with their generators."""
    every = [
        server
        for scenario in live.record()["scenarios"]
        for server in (scenario["topology"] or {}).get("servers", [])
    ]
    by_address = {server["address"]: server for server in every}
    pairs = [(by_address[one["peer"]], one) for one in every if one["peer"]]
    hosts = Counter(server["host"] for server, _ in pairs)
    host = next(host for host in sorted(hosts) if hosts[host] == 3)
    return host, [pair for pair in pairs if pair[0]["host"] == host]
