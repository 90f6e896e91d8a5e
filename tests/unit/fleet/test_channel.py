"""Whatever the proxy's Redis answers, the controller goes on, or ends with a sentence, in bounded memory."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kb_tests.errors import FleetError, KbError
from kb_tests.fleet import channel
from kb_tests.fleet.channel import ControlChannel
from tests.unit.fuzz import examples

OK = b"+OK\r\n"


class Stream:
    """A byte stream that gives the same answer to whatever it is asked, after a good start."""

    def __init__(self, answer: Callable[[], Iterable[bytes]]) -> None:
        self._answer = answer
        self._coming: Iterator[bytes] = iter(())
        self.given = 0

    def settimeout(self, _: float | None) -> None:
        pass

    def sendall(self, data: bytes) -> None:
        starting = any(word in data for word in (b"AUTH", b"CLIENT", b"HELLO"))
        self._coming = iter([OK] * data.count(b"*")) if starting else iter(self._answer())

    def recv(self, _: int) -> bytes:
        data = next(self._coming, None)
        if data is None:
            raise TimeoutError
        self.given += len(data)
        return data

    def shutdown(self, _: int) -> None:
        pass

    def close(self) -> None:
        pass


CALLS: dict[str, Callable[[ControlChannel], Any]] = {
    "time": lambda control: control.time(),
    "open": lambda control: control.open(time.monotonic()),
    "reading": lambda control: control.reading(),
    "version": lambda control: control.version(),
    "send": lambda control: control.send({"kind": "hello"}),
    "send_each": lambda control: control.send_each({"a": {"kind": "hello"}, "b": {"kind": "hello"}}),
    "reports": lambda control: control.reports(0.001),
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MOST", 1 << 20)


def ask(call: str, answer: Callable[[], Iterable[bytes]]) -> tuple[Any, Stream]:
    """What becomes of a call, a value or the error's text; and the streams that it took."""
    streams: list[Stream] = []

    def dial(_: float) -> Stream:
        streams.append(Stream(answer))
        return streams[-1]

    control = ControlChannel(dial, "c0ffee00", "hush", 0.0)
    found: Any
    try:
        found = CALLS[call](control)
    except KbError as error:
        found = error
    if isinstance(found, KbError):
        assert "\n" not in str(found)
        assert len(str(found)) < 500
    return found, streams[-1]


def array(*parts: bytes) -> bytes:
    return b"*%d\r\n" % len(parts) + b"".join(parts)


def bulk(text: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(text), text)


def entry(number: int, text: bytes = b"{}") -> bytes:
    return array(bulk(b"%d-0" % number), array(bulk(b"m"), bulk(text)))


def test_an_honest_answer_is_taken() -> None:
    assert ask("time", lambda: [array(bulk(b"12"), bulk(b"500000"))])[0] == 12.5
    reports = [array(array(bulk(b"reports"), array(entry(1), entry(2, b"[]"))))]
    found, _ = ask("reports", lambda: reports)
    assert found == [b"{}", b"[]"]


def test_a_number_in_place_of_a_report_is_refused_and_not_as_many_bytes() -> None:
    many = array(bulk(b"1-0"), array(bulk(b"m"), b":1000000\r\n"))
    error, _ = ask("reports", lambda: [array(array(bulk(b"reports"), array(many)))])
    assert isinstance(error, FleetError)


def test_an_entry_of_other_fields_is_an_empty_report() -> None:
    other = array(bulk(b"2-0"), array(bulk(b"a"), bulk(b"b"), bulk(b"m"), bulk(b"[]")))
    none = array(bulk(b"3-0"), array(bulk(b"a"), bulk(b"b")))
    found, _ = ask("reports", lambda: [array(array(bulk(b"reports"), array(other, none)))])
    assert found == [b"[]", b""]


def test_redis_may_forget_what_was_read_once_that_is_much() -> None:
    sent: list[bytes] = []

    class Recording(Stream):
        def sendall(self, data: bytes) -> None:
            sent.append(data)
            super().sendall(data)

    number = itertools.count(1)

    def answer() -> list[bytes]:
        if b"XTRIM" in sent[-1]:
            return [b":0\r\n"]
        return [array(array(bulk(b"reports"), array(entry(next(number), b"1" * 100_000))))]

    control = ControlChannel(lambda _: Recording(answer), "c0ffee00", "hush", 0.0)
    for _ in range(6):
        control.reports(0.001)
    trims = [data for data in sent if b"XTRIM" in data]
    assert [b"3-0" in trims[0], b"6-0" in trims[1], len(trims)] == [True, True, 2]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "chunk",
    [
        b"+" + b"a" * 65_535,
        b"$99999999999999\r\n" + b"a" * 65_536,
        b"*99999999\r\n" + b":1\r\n" * 9999,
        b"*1\r\n" * 9999,
    ],
    ids=["line", "bulk", "array", "nested"],
)
def test_an_endless_answer_fills_no_memory(call: str, chunk: bytes) -> None:
    error, stream = ask(call, lambda: itertools.chain([chunk], itertools.repeat(chunk)))
    assert isinstance(error, FleetError)
    assert stream.given <= channel.MOST + len(chunk) + 1000


def test_an_answer_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(now)))
    error, stream = ask("time", lambda: itertools.repeat(b"+"))
    assert "does not answer" in str(error)
    assert stream.given < 1000


WORD = st.one_of(
    st.binary(max_size=12),
    st.integers().map(lambda n: b":%d\r\n" % n),
    st.integers(-3, 30).map(lambda n: b"$%d\r\n" % n),
    st.integers(-3, 6).map(lambda n: b"*%d\r\n" % n),
    st.sampled_from(
        [b"-ERR no\r\n", b"-MOVED x\r\n", b"-ASK 1\r\n", b"-LOADING\r\n", b"-\r\n", b"+\r\n", b"_\r\n", OK]
    ),
    st.text(max_size=8).map(lambda text: bulk(text.encode("utf-8", "surrogatepass"))),
    st.just(bulk(b"1-0")),
)


@pytest.mark.parametrize("call", CALLS)
@settings(max_examples=examples(60), deadline=None)
@given(words=st.lists(WORD, max_size=14))
@example(words=[b"*2\r\n", b":" + b"9" * 4000 + b"\r\n", b":1\r\n"])
@example(words=[b"*2\r\n", bulk(b"inf"), bulk(b"nan")])
@example(words=[b"*1\r\n"] * 5000)
@example(words=[array(array(bulk(b"r"), array(array(b":1\r\n", array()))))])
@example(words=[array(array(bulk(b"r"), array(array(bulk(b"1-0"), b"$-1\r\n"))))])
@example(words=[bulk(b"redis_version:\xff\xfe")])
def test_no_answer_ends_in_a_traceback(call: str, words: list[bytes]) -> None:
    ask(call, lambda: [b"".join(words)])


def test_a_batch_that_is_too_much_at_once_comes_in_parts() -> None:
    asked: list[int] = []

    class Full(Stream):
        def sendall(self, data: bytes) -> None:
            super().sendall(data)
            if b"XREAD" in data:
                words = data.split(b"\r\n")
                asked.append(int(words[words.index(b"COUNT") + 2]))
                entries = [entry(n, b"x" * 50_000) for n in range(asked[-1])]
                self._coming = iter([array(array(bulk(b"reports"), array(*entries)))])
            elif b"XTRIM" in data:
                self._coming = iter([b":0\r\n"])

    control = ControlChannel(lambda _: Full(list), "c0ffee00", "hush")
    assert len(control.reports(0.001)) == asked[-1] < asked[0]
