from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.agent.resp import Incomplete, Reply, RespError, encode, parse


def wire(reply: Reply) -> bytes:
    """A reply as Redis would send it."""
    if reply is None:
        return b"$-1\r\n"
    if isinstance(reply, int):
        return b":%d\r\n" % reply
    if isinstance(reply, bytes):
        return b"$%d\r\n%s\r\n" % (len(reply), reply)
    return b"*%d\r\n" % len(reply) + b"".join(map(wire, reply))


REPLIES = st.recursive(
    st.none() | st.integers(-(2**63), 2**63) | st.binary(max_size=40),
    lambda children: st.lists(children, max_size=4),
    max_leaves=8,
)


@given(REPLIES)
def test_parse_reads_what_redis_writes(reply: Reply) -> None:
    raw = wire(reply)
    assert parse(raw) == (reply, len(raw))
    assert parse(b"+x\r\n" + raw, 4) == (reply, len(raw) + 4)


@given(REPLIES)
def test_a_part_of_a_reply_is_incomplete(reply: Reply) -> None:
    raw = wire(reply)
    for end in range(len(raw)):
        with pytest.raises(Incomplete):
            parse(raw[:end])


@given(st.binary(max_size=60))
def test_anything_else_is_refused_or_incomplete(raw: bytes) -> None:
    try:
        _, end = parse(raw)
    except (Incomplete, RespError):
        return
    assert 0 < end <= len(raw)


def test_an_error_reply_is_returned() -> None:
    reply, _ = parse(b"-NOPERM no\r\n")
    assert isinstance(reply, RespError)
    assert str(reply) == "NOPERM no"


def test_deep_and_huge_replies_are_refused() -> None:
    with pytest.raises(RespError):
        parse(b"*1\r\n" * 20)
    with pytest.raises(RespError):
        parse(b"$999999999\r\n")


def test_encode() -> None:
    assert encode("XADD", b"\x00\r\n", 7) == b"*3\r\n$4\r\nXADD\r\n$3\r\n\x00\r\n\r\n$1\r\n7\r\n"
