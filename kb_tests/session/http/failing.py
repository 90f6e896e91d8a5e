"""Which servers requests failed at, and from when on: a share of all says nothing of where to look."""

from __future__ import annotations

from collections.abc import Sequence

from kb_tests.cloud.topology import Server, Topology
from kb_tests.measure.http.measurement import GeneratorFacts
from kb_tests.report.http.words import failures
from kb_tests.scenario.units import counted

NAMED = 3
"""Servers that are named at most."""


def sentences(agents: Sequence[GeneratorFacts], topology: Topology) -> tuple[str, ...]:
    """Of what generators found, each of which loads one server: the worst first."""
    target = _targets(topology)
    failing = [facts for facts in agents if facts.counts.failed and facts.agent in target]
    failing.sort(key=lambda facts: (-facts.counts.failed, facts.agent))
    told = [_sentence(facts, target[facts.agent]) for facts in failing[:NAMED]]
    if len(failing) > NAMED:
        told.append(f"Requests to {counted(len(failing) - NAMED, 'more server')} failed, too.")
    return tuple(told)


def _targets(topology: Topology) -> dict[str, Server]:
    """The server that each generator loads, by the generator's name."""
    servers = {
        address: server
        for server in topology.servers
        for address in (server.address, server.floating_ip)
        if address
    }
    return {client.name: servers[client.peer] for client in topology.clients if client.peer in servers}


def _sentence(facts: GeneratorFacts, server: Server) -> str:
    counts = facts.counts
    host = f" (host {server.host})" if server.host else ""
    since = (
        "" if facts.failing_since is None else f", most from second {facts.failing_since} of the window on"
    )
    bad = counts.due - counts.completed
    said = f"Of {counted(counts.due, 'request')} to {server.name}{host} {bad:,} failed{since}"
    return f"{said}: {failures(counts)}."
