from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.agent import protocol
from kb_tests.agent.main import Agent

COMMANDS: list[dict[str, Any]] = [
    {"kind": "hello"},
    {"kind": "enroll", "id": "a", "index": 0, "target": "10.0.0.1"},
    {"kind": "serve", "id": "a", "pages": [0, 32768], "connections": 10, "tls": ""},
    {"kind": "disk", "id": "a", "target": {"kind": "ephemeral"}},
    {"kind": "fio", "id": "a", "clients": 3, "fio": {"mode": "randread"}},
    {"kind": "load", "id": "a", "clients": 3, "http": {"rate": 1}},
    {"kind": "engine", "id": "a", "clients": 3, "engine": "connects", "options": {"rate": 1}},
    {"kind": "start", "id": "a", "start_at": 1.7e9},
    {"kind": "abort", "id": ""},
    {"kind": "quit"},
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4)
    ),
    max_leaves=10,
)


def parse(message: object) -> dict[str, Any]:
    return protocol.parse_command(json.dumps(message).encode())


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command["kind"])
def test_a_command_survives_the_wire_and_the_agent_has_a_handler(command: dict[str, Any]) -> None:
    assert protocol.parse_command(protocol.encode(command)) == {"v": 1, **command}
    assert hasattr(Agent, "_on_" + command["kind"])


def test_every_command_is_in_this_test() -> None:
    assert tuple(command["kind"] for command in COMMANDS) == protocol.COMMANDS


@given(st.sampled_from(COMMANDS), st.data())
def test_a_command_with_one_field_replaced_is_refused_or_of_the_same_shape(
    command: dict[str, Any], data: st.DataObject
) -> None:
    message = {"v": 1, **command}
    field = data.draw(st.sampled_from(sorted(message)))
    message[field] = data.draw(JSON)
    try:
        parsed = parse(message)
    except protocol.ProtocolError:
        return
    assert parsed.keys() == message.keys()
    assert parsed["kind"] in protocol.COMMANDS
    assert isinstance(parsed.get("id", ""), str)
    assert isinstance(parsed.get("start_at", 0), int | float)
    assert isinstance(parsed.get("index", 0), int)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_garbage_is_refused(raw: bytes) -> None:
    with pytest.raises(protocol.ProtocolError):
        protocol.parse_command(raw)


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"v": 2, "kind": "hello"}, "protocol version 2"),
        ({"v": 1, "kind": "hello", "more": 1}, "needs the fields"),
        ({"v": 1, "kind": "abort"}, "needs the fields id"),
        ({"v": 1, "kind": "shell"}, "does not know the command 'shell'"),
        ({"v": 1, "kind": "start", "id": "a", "start_at": True}, "start_at"),
        ({"v": 1, "kind": "serve", "id": "a", "pages": [-1], "connections": 1, "tls": ""}, "pages"),
        ({"v": 1, "kind": "serve", "id": "a", "pages": [1], "connections": 1, "tls": "x" * 16_385}, "tls"),
        ({"v": 1, "kind": "serve", "id": "a", "pages": [1], "connections": 1, "tls": "\u00fc"}, "tls"),
        ({"v": 1, "kind": "engine", "id": "a", "clients": 1, "engine": "..os", "options": {}}, "engine"),
        ([], "not a JSON object"),
    ],
)
def test_a_refusal_says_why(message: object, says: str) -> None:
    with pytest.raises(protocol.ProtocolError, match=says):
        parse(message)


def test_a_command_that_is_too_large_or_too_deep_is_refused() -> None:
    with pytest.raises(protocol.ProtocolError, match="over the limit"):
        protocol.parse_command(b" " * (protocol.MAX_MESSAGE + 1))
    with pytest.raises(protocol.ProtocolError):
        protocol.parse_command(b"[" * 500_000)


@pytest.mark.parametrize("body", [{"x": float("nan")}, {"x": object()}, {"x": "y" * protocol.MAX_MESSAGE}])
def test_encode_refuses_what_no_reader_would_take(body: dict[str, Any]) -> None:
    with pytest.raises(protocol.ProtocolError):
        protocol.encode(body)
