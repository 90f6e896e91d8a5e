"""Pytest blames by itself where enough hosts were loaded."""

from __future__ import annotations

from dataclasses import replace

from kb_tests.cloud.topology import Topology
from kb_tests.session.blaming import sentences
from kb_tests.sla.verdict import Outcome, Verdict
from tests.unit.culprits.test_find import ASKED, EACH, HOSTS, LATENCY, measured
from tests.unit.report import build

FAILED = Verdict(Outcome.FAIL, (LATENCY,), (), 0.95)
SLOW = measured(lambda host, _: 4.0 if host == 5 else 1.0)


def topology(hosts: int) -> Topology:
    plain = build.topology(HOSTS * EACH)
    servers = tuple(
        replace(server, host=f"c{number // EACH % hosts}") for number, server in enumerate(plain.servers)
    )
    clients = tuple(
        replace(client, name=f"client-{number}", host=f"g{number % hosts}", peer=servers[number].address)
        for number, client in enumerate(plain.clients)
    )
    return replace(plain, servers=servers, clients=clients)


def test_a_host_of_eight_is_blamed() -> None:
    first, *_ = sentences(ASKED, [SLOW], FAILED, topology(8))
    assert first.startswith("Host c5 with 3 servers: ")


def test_nothing_is_said_on_few_hosts_or_of_what_cannot_be_told() -> None:
    assert sentences(ASKED, [SLOW], FAILED, topology(5)) == ()
    few = Verdict(Outcome.FAIL, (replace(LATENCY, limit=60.0),), (), 0.95)
    assert sentences(ASKED, [SLOW], few, topology(8)) == ()
    kept = Verdict(Outcome.PASS, (replace(LATENCY, outcome=Outcome.PASS),), (), 0.95)
    assert sentences(ASKED, [SLOW], kept, topology(8)) == ()
