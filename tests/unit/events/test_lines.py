"""Event lines: what is written is read again, and nothing that is read can do harm."""

from __future__ import annotations

import json
import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.events import lines
from kb_tests.events.model import (
    CheckSeen,
    Filed,
    Leaked,
    Log,
    LookEnded,
    Marker,
    Phase,
    PointStarted,
    Problem,
    Second,
)

SECOND = Second(
    cloud="mycloud",
    point="http-east-west-clients-4-rate-1000",
    index=-2,
    agents=3,
    expected=4,
    missing=("kb-1-client-4",),
    due=4000,
    completed=3990,
    failed=10,
    bytes=3990 << 15,
    buckets=((30, 3900), (55, 90)),
    hosts=(("node-1", 3990, 10, 55),),
    slower={"latency p99": 41},
    servers="AP8=",
    length=1.25,
)


@pytest.mark.parametrize(
    "event",
    [
        SECOND,
        Phase(phase="servers ACTIVE", done=3, total=9),
        Marker(cloud="x", text="pulled the link ☠"),
        PointStarted(
            point="p",
            look=1,
            looks=3,
            duration=30,
            warm_up=5,
            offered=4000,
            unit="req/s",
            agents=4,
            limits={"latency p99": 0.05},
        ),
    ],
)
def test_what_is_written_is_read_again(event: Filed) -> None:
    line = lines.decode(lines.encode(7, 1795850000.1234, event, dropped=2))
    assert line == lines.Line(7, 1795850000.123, event, 2)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_what_has_no_end_is_a_word_that_every_reader_takes(value: float) -> None:
    """A browser that meets Python's own words throws the line away, and all that came with it."""
    seen = CheckSeen(
        name="latency p99", outcome="fail", value=value, limit=1, unit="s", low=1, high=value, at_most=True
    )
    line = lines.encode(0, 1.0, LookEnded(point="p", look=1, looks=1, outcome="fail", checks=(seen,)))
    told = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert float(told["checks"][0]["value"]) == pytest.approx(value, nan_ok=True)
    _, words = lines.schema()["$defs"]["CheckSeen"]["properties"]["value"]["anyOf"]
    assert told["checks"][0]["value"] in words["enum"]
    again = lines.decode(line)
    assert again is not None
    assert isinstance(again.event, LookEnded)
    assert again.event.checks[0].high == pytest.approx(value, nan_ok=True)


def test_a_line_says_its_version_number_time_and_kind_in_one_flat_object() -> None:
    found = json.loads(lines.encode(0, 1.0, Log(text="hello")))
    assert found == {"v": 1, "n": 0, "t": 1.0, "kind": "log", "text": "hello"}


def test_a_line_that_would_be_too_long_is_none() -> None:
    hosts = tuple((f"{'h' * 250}{number}", 1, 0, 0) for number in range(2000))
    assert lines.encode(0, 1.0, SECOND.model_copy(update={"hosts": hosts})) == b""


def test_fields_of_later_versions_are_passed_over() -> None:
    line = lines.decode(b'{"v":1,"n":0,"t":1,"kind":"log","text":"hello","colour":"blue"}')
    assert line is not None
    assert line.event == Log(text="hello")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"v":2,"n":0,"t":1,"kind":"log","text":"x"}',
        b'{"v":1,"n":0,"t":1,"kind":"brand new"}',
        b'{"v":1,"n":"0","t":1,"kind":"log","text":"x"}',
        b'{"v":1,"n":0,"t":1e999,"kind":"log"}',
        b'{"v":1,"n":0,"t":1' + b"0" * 400 + b',"kind":"log","text":"x"}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_line_of_ours_is_none(text: bytes) -> None:
    assert lines.decode(text) is None


@given(
    st.binary()
    | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(lambda x: json.dumps(x).encode())
)
def test_no_input_raises(text: bytes) -> None:
    lines.decode(text)


def test_the_schema_describes_every_kind_with_its_head() -> None:
    schema = lines.schema()
    second = schema["$defs"]["Second"]
    assert {"v", "n", "t", "kind", "point", "due"} <= set(second["properties"])
    assert {"v", "n", "t", "kind"} <= set(second["required"])
    assert set(schema["discriminator"]["mapping"]) >= {"second", "point", "staged", "end", "marker"}


@pytest.mark.parametrize(
    "event",
    [
        Leaked(resources=tuple(f"server {'x' * 5000}{number}" for number in range(5000))),
        Problem(sentence="\u2620" * 500_000),
        Log(text="x" * 10_000),
        Phase(cloud="c" * 1000, phase="p" * 10_000, done=1, total=2),
    ],
)
def test_what_is_too_long_is_told_shorter(event: Filed) -> None:
    line = lines.decode(lines.encode(0, 1.0, lines.filed(event)))
    assert line is not None
    assert line.event.kind == event.kind


@pytest.mark.parametrize("t", ["NaN", "Infinity", "-Infinity", "-1", "1e300", "true", '"1"', "null"])
def test_a_time_that_no_calendar_has_is_none(t: str) -> None:
    assert lines.decode(f'{{"v":1,"n":0,"t":{t},"kind":"log","text":"x"}}'.encode()) is None


def test_every_kind_that_is_written_is_published_with_all_its_fields() -> None:
    published = {
        known["properties"]["kind"]["const"]: set(known["properties"])
        for known in lines.schema()["$defs"].values()
        if "v" in known["properties"]
    }
    for kind in get_args(Filed):
        fields = set(kind.model_fields)
        assert published[kind.model_fields["kind"].default] == fields | {"v", "n", "t", "dropped"}
    assert len(published) == len(get_args(Filed))
