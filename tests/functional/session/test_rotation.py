"""A slow generator is told from its server, and a cut way from both, by a run with other generators."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.localcloud import control
from kb_tests.localcloud.control import Running
from tests.functional.session.live import Live
from tests.functional.session.suite import Suite

SCENARIO = """\
name: ways
kind: http
topology: {networks_per_router: 4, servers_per_network: 6, flavor: {ram: 64MiB}}
load: {page_size: 1KiB, connections: 10, rate: [15, 16], duration: 20s, warm_up: 1s, timeout: 2s}
sla: {latency: {p97: 500ms}, errors: 2%}
"""
DELAY = 400


@pytest.fixture
def eight_hosts(tmp_path: Path) -> Iterator[Running]:
    folder = tmp_path / "cloud"
    yield control.up(folder, parent_pid=os.getpid(), hosts=8)
    control.down(folder)


def cut(server: str, client: str) -> None:
    """Have the server of one address send nothing to the client of another."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            here = f"-- {server}\n" in (process / "net" / "fib_trie").read_text()
        except OSError:
            continue
        if here and "LOCAL" in (process / "net" / "fib_trie").read_text().split(f"-- {server}\n")[1][:60]:
            enter = ["nsenter", "-t", process.name, "-n", "ip", "route", "add", "blackhole", f"{client}/32"]
            subprocess.run(enter, check=True, capture_output=True)
            return
    raise AssertionError(f"no server has the address {server}")


@pytest.mark.nightly
@pytest.mark.root_only
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
        live.wait_for_point(1)
        admin = live.suite.admin
        staged = {server["name"]: server for server in admin.servers()}
        bad = next(name for name in sorted(staged) if name.endswith("-server-1-1-2-3"))
        partner = _partner(live, bad)
        if what == "way":
            cut(*(_address(live, name) for name in (bad, partner)))
        else:
            harmed = staged[bad if what == "server" else partner]
            admin.harm_server(harmed["id"], "delay", milliseconds=DELAY)
        ended = live.end()
    finally:
        live.kill()
    first, second = ended.record["points"]
    assert first["verdict"]["outcome"] == "pass", ended.output
    assert second["verdict"]["outcome"] == "fail", ended.output
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
