"""Which servers requests failed at, as a finding says it."""

from __future__ import annotations

from dataclasses import replace

from kb_tests.measure.http.measurement import Counts, GeneratorFacts
from kb_tests.report import telling
from kb_tests.session.http.failing import sentences
from tests.unit.report import build


def failing(facts: GeneratorFacts, connects: int, since: int | None) -> GeneratorFacts:
    counts = Counts(due=1000, sent=1000, completed=1000 - connects, bytes=0, errors={"connect": connects})
    return replace(facts, counts=counts, failing_since=since)


def test_the_server_its_host_and_the_second_are_named() -> None:
    first, second, *others = build.measurement(build.point()).agents
    topology = build.topology()
    (said,) = sentences([first, failing(second, 488, 12), *others], topology)
    target = topology.servers[1]
    assert said == (
        f"Of 1,000 requests to {target.name} (host {target.host}) 488 failed, most from second "
        "12 of the window on: 488 connect."
    )
    assert sentences([first, *others], topology) == ()


def test_the_worst_are_named_and_the_others_counted() -> None:
    agents = build.measurement(build.point()).agents
    *named, last = sentences([failing(facts, n + 1, 0) for n, facts in enumerate(agents)], build.topology())
    assert [sentence.rpartition(": ")[2] for sentence in named] == ["4 connect.", "3 connect.", "2 connect."]
    assert last == "Requests to 1 more server failed, too."


def test_it_stands_among_the_findings() -> None:
    point = build.judged(share=0.93, failing=0.02).model_copy(update={"failing": ("Of 1,000 requests",)})
    assert telling.findings(point)[0] == "Of 1,000 requests"
