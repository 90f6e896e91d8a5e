"""Pytest blames by itself where enough hosts were loaded."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from kb_tests.cloud.topology import Topology
from kb_tests.report.record import PointRecord
from kb_tests.session import blaming
from kb_tests.session.blaming import sentences
from kb_tests.session.probe import Probe
from kb_tests.sla.verdict import Outcome, Verdict
from tests.unit.culprits.test_find import ASKED, EACH, ERRORS, HOSTS, LATENCY, measured
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


def test_a_host_is_named_where_the_sample_decided_nothing_and_nobody_is_not_worth_a_word() -> None:
    undecided = Verdict(Outcome.INCONCLUSIVE, (replace(LATENCY, outcome=Outcome.INCONCLUSIVE),), (), 0.95)
    first, *_ = sentences(ASKED, [SLOW], undecided, topology(8))
    assert first.startswith("Host c5 with 3 servers: ")
    assert sentences(ASKED, [measured(lambda *_: 4.0)], undecided, topology(8)) == ()
    (nobody,) = sentences(ASKED, [measured(lambda *_: 4.0)], FAILED, topology(8))
    assert nobody.startswith("No server, host or zone stands out")


def test_who_keeps_an_undecided_limit_by_themselves_are_not_blamed_for_it() -> None:
    check = replace(ERRORS, outcome=Outcome.INCONCLUSIVE, limit=0.02)
    worse = measured(bad=lambda host, _: 0.013 if host == 5 else 0.004)
    undecided = Verdict(Outcome.INCONCLUSIVE, (check,), (), 0.95)
    assert sentences(ASKED, [worse], undecided, topology(8)) == ()
    tighter = replace(undecided, checks=(replace(check, limit=0.01),))
    assert sentences(ASKED, [worse], tighter, topology(8))[0].startswith("Host c5 ")


def test_what_was_judged_is_kept_where_the_run_that_tells_more_is_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(blaming, "rotate", interrupted)
    probe = Probe(ASKED, SLOW, FAILED, build.STARTED)
    record = PointRecord.judged(ASKED, SLOW, FAILED, build.STARTED)
    runner: Any = SimpleNamespace(topology=topology(8))
    kept: list[PointRecord] = []
    with pytest.raises(KeyboardInterrupt):
        blaming.blamed(runner, record, [probe], kept.append, rotates=True)
    assert [one.culprits[0][:7] for one in kept] == ["Host c5"]
    assert blaming.blamed(runner, record, [probe], kept.append, rotates=False) == kept[0]
    assert len(kept) == 1, "who asked for it keeps it"


def test_nothing_is_said_on_few_hosts_or_of_what_cannot_be_told() -> None:
    assert sentences(ASKED, [SLOW], FAILED, topology(5)) == ()
    few = Verdict(Outcome.FAIL, (replace(LATENCY, limit=60.0),), (), 0.95)
    assert sentences(ASKED, [SLOW], few, topology(8)) == ()
    kept = Verdict(Outcome.PASS, (replace(LATENCY, outcome=Outcome.PASS),), (), 0.95)
    assert sentences(ASKED, [SLOW], kept, topology(8)) == ()
