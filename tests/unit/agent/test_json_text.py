"""Both ways to JSON: the interpreter's bare functions, and the package where those are missing."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.agent import json_text

BOTH = pytest.mark.parametrize("way", [json_text._bare(), json_text._whole()], ids=["bare", "whole"])

leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@BOTH
@given(values)
def test_what_is_written_is_read_again(way: tuple[json_text.Loads, json_text.Dumps], value: object) -> None:
    loads, dumps = way
    assert dumps(value) == json.dumps(value, separators=(",", ":"))
    assert loads(dumps(value).encode()) == value
    assert loads(json.dumps(value, indent=1, ensure_ascii=False).encode("utf-8", "surrogatepass")) == value


@BOTH
@pytest.mark.parametrize(
    "raw", [b"", b" ", b"{", b"[1,]", b"{1:2}", b"1 2", b"\xff", b"NaN", b"[Infinity]", b"nul", b'"\n"']
)
def test_what_is_no_json_is_refused(way: tuple[json_text.Loads, json_text.Dumps], raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the interpreter's
        way[0](raw)


@BOTH
def test_depth_without_end_is_refused(way: tuple[json_text.Loads, json_text.Dumps]) -> None:
    with pytest.raises(RecursionError):
        way[0](b"[" * 200_000)


@BOTH
@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf], b"x", {1, 2}, object()])
def test_what_json_cannot_say_is_refused(way: tuple[json_text.Loads, json_text.Dumps], value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        way[1](value)


def test_an_idle_agent_is_small_for_what_it_does_not_import() -> None:
    """Of what costs memory: `re` and `enum` by `json`, `signal` and `socket`; IDNA's tables by names."""
    code = (
        "import sys, kb_tests.agent.main, kb_tests.agent.nginx, kb_tests.agent.tcp as tcp\n"
        "try: tcp.connect(('127.0.0.1', 1), 1)\n"
        "except OSError: print(*sorted({'re', 'enum', 'json', 'socket', 'signal', 'typing', 'collections', "
        "'encodings.idna', 'subprocess', 'logging'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ""
