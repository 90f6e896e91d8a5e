"""Of servers that are alike to the last digit but for one: no stall at all, or latencies of one bin. That
tells nothing of how they vary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from kb_tests.culprits.find import find
from kb_tests.culprits.places import Place
from kb_tests.culprits.words import all_sentences
from kb_tests.fleet.storage.messages import IoBlock
from kb_tests.measure.storage.merge import measure
from kb_tests.scenario.storage import StorageSla
from kb_tests.sla.storage.judge import judge
from tests.unit.measure.io_reports import block, point, report

HOSTS, EACH = 8, 3
ASKED = replace(point(), clients=HOSTS * EACH)
PLACES = {
    f"kb-storage-{number}": Place(f"kb-storage-{number}", f"c{number // EACH}", "nova")
    for number in range(HOSTS * EACH)
}


def blocks(seconds: float = 0.001) -> list[IoBlock]:
    return [block(index, 3.0 * index, 3.0 * index + 3, [seconds] * 300) for index in range(10)]


def told(stalls: Mapping[int, float], slow: Mapping[int, float] | None = None) -> list[str]:
    """Server `number` stalls for so many seconds; reads take a millisecond, or what `slow` says."""
    usual, late = blocks(), {number: blocks(seconds) for number, seconds in (slow or {}).items()}
    reports = [
        report(
            late.get(number, usual),
            agent=agent,
            stalls=[(9.5, stalls[number])] if number in stalls else [],
        )
        for number, agent in enumerate(PLACES)
    ]
    found = measure(ASKED, reports)
    limits = {"read_latency": {"p50": "10ms", "p99": "10ms"}} if slow else {"max_stall": "1s"}
    verdict = judge(ASKED, found, StorageSla.model_validate(limits))
    return all_sentences(find(ASKED, [found], verdict, PLACES))


@pytest.mark.parametrize("others", [{}, {2: 0.06, 8: 0.08, 20: 0.11}], ids=["none", "some shorter"])
def test_one_server_that_stalls_is_named_and_not_its_host(others: Mapping[int, float]) -> None:
    (sentence,) = told({**others, 10: 2.5})
    assert sentence.startswith("Server kb-storage-10 (host c3): max stall is 2.49s; most others have none.")


def test_a_host_whose_servers_all_stall_is_named() -> None:
    (sentence,) = told({9: 2.5, 10: 2.2, 11: 2.7})
    assert sentence.startswith("Host c3 with 3 servers: max stall is ")


def test_nobody_is_named_where_all_stall_alike() -> None:
    """As they do when what they share stands still."""
    (sentence,) = told({number: 1.8 + 0.05 * (number % 7) for number in range(HOSTS * EACH)})
    assert sentence == "No server, host or zone stands out in max stall (24 servers, 8 hosts)."


def test_one_server_that_is_slow_is_named_and_not_its_host() -> None:
    (first, *_) = told({}, {10: 0.3})
    assert first.startswith("Server kb-storage-10 (host c3): p")
