"""What queues dropped, of messages as kernels write them, and of this kernel."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from kb_tests.agent.queues import Queues, drops, messages

ROOT, INGRESS, BELOW = 0xFFFFFFFF, 0xFFFFFFF1, 0x00010001


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)


def discipline(dropped: int, interface: int = 2, parent: int = ROOT) -> bytes:
    """Linux 6.1's answer for one: kind, statistics of today and of 1999, which tell of more."""
    queue = struct.pack("=IIIII", 7, 900, dropped, 1, 3)
    of_today = attribute(1, bytes(16)) + attribute(3, queue)
    return (
        struct.pack("=BxHiIII", 0, 0, interface, 0x10000, parent, 2)
        + attribute(1, b"fq_codel\0")
        + attribute(7 | 0x8000, of_today)
        + attribute(3, bytes(36))
    )


def test_only_roots_of_interfaces_but_lo_count() -> None:
    assert drops(discipline(5)) == 5
    assert drops(discipline(5, parent=BELOW)) == 0, "its root counts it, too"
    assert drops(discipline(5, parent=INGRESS)) == 0
    assert drops(discipline(5, interface=1)) == 0
    assert drops(discipline(5)[:20]) == 0, "one without statistics"


def test_several_come_in_one_answer() -> None:
    one = discipline(5)
    head = struct.pack("=IHHII", 16 + len(one), 36, 2, 9, 0)
    assert [(kind, number, drops(body)) for kind, number, body in messages((head + one) * 2)] == [
        (36, 9, 5)
    ] * 2


@given(some.binary(max_size=200))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    try:
        for _, _, body in messages(data):
            assert drops(body) >= 0
        assert drops(data) >= 0
    except ValueError:
        pass


@given(some.integers(0, 200), some.integers(0, 255))
def test_a_damaged_answer_is_read_or_refused(place: int, value: int) -> None:
    data = bytearray(discipline(5))
    data[place % len(data)] = value
    with suppress(ValueError):
        assert drops(bytes(data)) >= 0


def test_this_kernel_answers_again_and_again() -> None:
    queues = Queues()
    try:
        first = queues.dropped()
        assert 0 <= first <= queues.dropped()
    except (OSError, ValueError) as error:
        pytest.fail(f"no rtnetlink here: {error}")
    finally:
        queues.close()
