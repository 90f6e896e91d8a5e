"""What agents tell under a name of a measurement: declared there, held to what may come over the wire."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Annotated, Any

import pytest
from pydantic import ValidationError

from kb_tests.agent import protocol
from kb_tests.agent.http.tally import Tally
from kb_tests.fleet import messages
from kb_tests.fleet.http.messages import WireCounts
from kb_tests.fleet.http.told import Counts
from kb_tests.fleet.strict import OnWire, Strict
from tests.unit.measure import io_reports, reports

Seconds = Annotated[float, OnWire(messages.Seconds)]


@dataclass(frozen=True, kw_only=True)
class Told:
    late: Seconds
    since: Seconds = 0.0
    over: bool = False


class Message(Strict, Told):
    id: str


WHOLE = {"late": 0.5, "since": 1.0, "over": True, "id": "a"}


def test_a_field_of_the_dataclass_is_one_of_the_message() -> None:
    read = Message.model_validate_json(json.dumps(WHOLE))
    assert (read.late, read.since, read.over, read.id) == (0.5, 1.0, True, "a")


@pytest.mark.parametrize("name", WHOLE)
def test_all_of_them_have_to_be_told_even_where_there_is_a_default(name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name}\\n  Field required"):
        Message.model_validate_json(json.dumps({key: value for key, value in WHOLE.items() if key != name}))


@pytest.mark.parametrize(
    "change", [{"late": -1}, {"late": 1e9}, {"since": -1}, {"over": 1}, {"late": "1"}, {"more": 1}]
)
def test_each_is_held_to_what_may_be_sent(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Message.model_validate_json(json.dumps(WHOLE | change))


def test_a_field_that_does_not_say_what_may_be_sent_is_none_of_a_message() -> None:
    @dataclass(frozen=True)
    class Loose:
        late: float

    with pytest.raises(TypeError, match="OnWire"):

        class Loosely(Strict, Loose):
            pass


MESSAGES: dict[str, Any] = {
    "done": reports.report("client-0").done,
    "counts": reports.wire(3, {"reset": 1}),
    "connections": reports.KEPT,
    "io_done": io_reports.done(),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_no_agent_may_leave_out_what_is_in_a_measurement(name: str) -> None:
    """Nor send a number that is none, where it is one."""
    message = MESSAGES[name]
    whole = message.model_dump(exclude_unset=True)
    type(message).model_validate_json(json.dumps(whole))
    for field in fields(message):
        with pytest.raises(ValidationError, match=field.name):
            type(message).model_validate_json(json.dumps({**whole, field.name: None}))
        rest = {key: value for key, value in whole.items() if key != field.name}
        with pytest.raises(ValidationError, match=field.name):
            type(message).model_validate_json(json.dumps(rest))
        if isinstance(whole[field.name], (int, float)) and not isinstance(whole[field.name], bool):
            with pytest.raises(ValidationError, match=field.name):
                type(message).model_validate_json(json.dumps({**whole, field.name: 1e300}))


def test_errors_have_the_keys_of_the_protocol() -> None:
    counts = reports.wire(3).model_dump()
    assert WireCounts.model_validate(counts | {"errors": dict.fromkeys(protocol.ERRORS, 1)}).failed == 13
    for key in ("", "Reset", "reset\n", "resets", "x reset"):
        with pytest.raises(ValidationError):
            WireCounts.model_validate(counts | {"errors": {key: 1}})


def test_an_agent_sends_the_counts_that_are_declared() -> None:
    assert set(Tally().counts()) == {field.name for field in fields(Counts)}
