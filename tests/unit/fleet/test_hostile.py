"""Reports are hostile until proven otherwise: no crash, no unbounded memory, no report too good."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.fleet.collect import Collection
from kb_tests.fleet.http.collect import HttpGathering
from kb_tests.fleet.roster import Roster
from tests.unit.agent.test_protocol import JSON
from tests.unit.fleet.agents import FakeAgent, healthy, topology
from tests.unit.fuzz import examples

STAGED = topology(1)
CLIENT = STAGED.clients[0]


def honest() -> list[dict[str, Any]]:
    """All that an agent says of one command."""
    agent = FakeAgent(CLIENT, healthy)
    return [json.loads(raw) for raw in [*agent.hello(), *agent.load("it")]]


def gather(messages: list[bytes]) -> Any:
    """What the controller makes of it."""
    roster, collection = Roster(STAGED.agents), Collection("it", [CLIENT], 2, HttpGathering)
    for raw in messages:
        agent, report, problem = roster.read(raw)
        part = collection.parts.get(agent)
        if part is not None and problem:
            part.set_problem(problem)
        if report is not None:
            collection.take(report)
    return collection.parts[CLIENT.name].report()


def test_an_honest_agent_has_no_problem() -> None:
    assert gather([json.dumps(message).encode() for message in honest()]).problem == ""


@settings(max_examples=examples(100))
@given(st.lists(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()), max_size=20))
def test_garbage_is_survived_and_never_a_whole_report(messages: list[bytes]) -> None:
    report = gather(messages)
    assert report.problem
    assert report.done is None


@settings(max_examples=examples(100))
@given(st.integers(0, 5), st.data())
def test_one_changed_field_never_adds_to_what_an_agent_said(position: int, data: st.DataObject) -> None:
    messages = honest()
    message = messages[position]
    field = data.draw(st.sampled_from(sorted(message)))
    message[field] = data.draw(JSON)
    report = gather([json.dumps(message).encode() for message in messages])
    assert len(report.seconds) <= 2
    assert len(report.blocks) <= 2
    if report.problem == "":
        assert report.done is not None
        assert [block.index for block in report.blocks] == list(range(len(report.blocks)))


@settings(max_examples=examples(80))
@given(st.lists(st.integers(0, 5), max_size=12))
def test_reports_in_any_order_and_number_are_whole_only_if_they_are(order: list[int]) -> None:
    messages = [json.dumps(message).encode() for message in honest()]
    report = gather([messages[i] for i in order])
    once = [i for at, i in enumerate(order) if at == 0 or order[at - 1] != i]
    assert (report.problem == "") == (once == [*range(6)])


def test_memory_is_bounded_however_much_an_agent_says() -> None:
    hello, template, *_ = honest()
    seconds = [template | {"seq": n, "index": n} for n in range(2, 2000)]
    messages = [json.dumps(message).encode() for message in [hello, *seconds]]
    report = gather(messages)
    assert len(report.seconds) < 200
    assert "more than" in report.problem
