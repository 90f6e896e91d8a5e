from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.agent.http.response import (
    CHUNKED,
    MAX_HEAD,
    UNTIL_CLOSE,
    Head,
    ProtocolError,
    ResponseParser,
    parse_head,
)
from kb_tests.agent.page import Page


@pytest.mark.parametrize(
    ("raw", "head"),
    [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5", Head("", 5, False)),
        ("HTTP/1.1 200\r\ncontent-LENGTH:5", Head("", 5, False)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5", Head("", 5, False)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5, 5", Head("", 5, False)),
        ("HTTP/1.1 302 Found\r\nContent-Length: 0", Head("redirect", 0, False)),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 99", Head("redirect", 0, False)),
        ("HTTP/1.1 204 No Content", Head("status", 0, False)),
        ("HTTP/1.1 206 Part\r\nContent-Length: 5", Head("status", 5, False)),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 5", Head("http_4xx", 5, False)),
        ("HTTP/1.1 500 Oh\r\nContent-Length: 5", Head("http_5xx", 5, False)),
        ("HTTP/1.1 999 Oh\r\nContent-Length: 5", Head("http_other", 5, False)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x, Close", Head("", 5, True)),
        ("HTTP/1.0 200 OK\r\nContent-Length: 5", Head("", 5, True)),
        ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: Keep-Alive", Head("", 5, False)),
        ("HTTP/1.1 200 OK", Head("", UNTIL_CLOSE, True)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 5", Head("", CHUNKED, False)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked", Head("content", CHUNKED, False)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip", Head("content", UNTIL_CLOSE, True)),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 5", Head("content", 5, False)),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 5", Head("", 5, False)),
        ("HTTP/1.1 500 OK\r\nContent-Encoding: br\r\nContent-Length: 5", Head("http_5xx", 5, False)),
        ("HTTP/1.1 100 Continue", None),
    ],
)
def test_heads(raw: str, head: Head | None) -> None:
    assert parse_head(raw.encode()) == head


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "HTTP/2 200",
        "HTTP/1.1 20",
        "HTTP/1.1 099 Low",
        "HTTP/1.1 2000",
        "HTTP/1.1 101 Switching Protocols",
        "ICY 200 OK",
        "HTTP/1.1 200 OK\r\nno colon",
        "HTTP/1.1 200 OK\r\n folded: line",
        "HTTP/1.1 200 OK\r\nContent-Length: -5",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6",
        "HTTP/1.1 200 OK\r\nContent-Length: 0x5",
        "HTTP/1.1 200 OK\r\nContent-Length: " + "9" * 30,
        "HTTP/1.1 200 OK\r\nContent-Length:",
        "HTTP/1.1 200 OK\r\nContent-Length : 5",
        "HTTP/1.1 200 OK\r\nA: b\nContent-Length: 6\r\nContent-Length: 5",
        "HTTP/1.1 200 OK\r\nA\0: b\r\nContent-Length: 5",
        "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\nContent-Length: 5",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked",
    ],
)
def test_what_is_no_head(raw: str) -> None:
    with pytest.raises(ProtocolError):
        parse_head(raw.encode())


def parse(pieces: list[bytes], page: Page | None = None) -> ResponseParser:
    """Feed as the worker does, dropping what may be dropped."""
    parser = ResponseParser(page)
    for piece in pieces:
        if parser.done and piece:
            raise ProtocolError("more than one response")
        if parser.ahead:
            dropped = min(parser.ahead, len(piece))
            parser.ahead -= dropped
            piece = piece[dropped:]
            if not parser.ahead and parser.head is not None and parser.head.length >= 0:
                parser.done = True
        if piece:
            parser.feed(piece)
    return parser


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKS = OK + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = {
    OK + b"Content-Length: 11\r\n\r\nhello world": 11,
    b"HTTP/1.1 204 No\r\n\r\n": 0,
    b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nab": 2,
    CHUNKS + b'5\r\nhello\r\n00A ;x="y"\r\n0123456789\r\n0\r\nT: v\r\n\r\n': 15,
    CHUNKS + b"0\r\n\r\n": 0,
}


@pytest.mark.parametrize("whole", WHOLE)
@settings(deadline=None)
@given(data=st.data())
def test_a_response_is_the_same_however_it_is_cut(whole: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=len(whole))))
    ends = [0, *cuts, len(whole)]
    parser = parse([whole[a:b] for a, b in itertools.pairwise(ends)])
    assert parser.done
    assert parser.size == WHOLE[whole]


PAGE = Page(11, b"hello world")
PAGES = {
    OK + b"Content-Length: 11\r\n\r\nhello world": "",
    CHUNKS + b"6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n": "",
    OK + b"Content-Length: 11\r\n\r\nHello world": "content",
    OK + b"Content-Length: 11\r\n\r\nhello_world": "content",
    OK + b"Content-Length: 11\r\n\r\nhello worle": "content",
    CHUNKS + b"6\r\nhello \r\n5\r\nearth\r\n0\r\n\r\n": "content",
    CHUNKS + b"6\r\nhello \r\n6\r\nworlds\r\n0\r\n\r\n": "length",
    CHUNKS + b"0\r\n\r\n": "length",
    OK + b"Content-Length: 12\r\n\r\nhello world!": "length",
    OK + b"Content-Length: 0\r\n\r\n": "length",
    b"HTTP/1.1 201 OK\r\nContent-Length: 11\r\n\r\nhello world": "status",
    b"HTTP/1.1 302 OK\r\nContent-Length: 11\r\n\r\nhello world": "redirect",
    b"HTTP/1.1 500 OK\r\nContent-Length: 2\r\n\r\nno": "http_5xx",
}


@pytest.mark.parametrize("compared", [True, False])
@pytest.mark.parametrize("whole", PAGES)
@settings(deadline=None)
@given(data=st.data())
def test_what_is_not_the_page_has_a_name_however_it_is_cut(
    whole: bytes, compared: bool, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=len(whole))))
    ends = [0, *cuts, len(whole)]
    parser = parse([whole[a:b] for a, b in itertools.pairwise(ends)], PAGE if compared else None)
    assert parser.done
    name = PAGES[whole]
    assert parser.error(PAGE.size) == (name if compared or name != "content" else "")


@pytest.mark.parametrize(
    ("body", "name"),
    [(b"hello world", ""), (b"hello", "truncated"), (b"hello worlds", "length"), (b"hello earth", "content")],
)
def test_a_body_that_ends_with_the_connection_is_compared_too(body: bytes, name: str) -> None:
    parser = ResponseParser(PAGE)
    parser.feed(OK + b"\r\n" + body)
    assert not parser.done
    assert parser.error(PAGE.size) == name


def test_a_head_that_is_known_need_not_be_read() -> None:
    parser = ResponseParser(PAGE)
    parser.know(Head("", 11, False))
    parser.feed(b"hello ")
    assert parser.wants == 5
    parser.feed(b"world")
    assert (parser.done, parser.error(PAGE.size)) == (True, "")
    with pytest.raises(ProtocolError):
        parser.feed(b"!")


@pytest.mark.parametrize("whole", WHOLE)
def test_a_response_is_not_done_before_its_last_byte_nor_longer_than_it(whole: bytes) -> None:
    assert not any(parse([whole[:end]]).done for end in range(len(whole)))
    with pytest.raises(ProtocolError):
        parse([whole + b"x"])


@pytest.mark.parametrize(
    "body",
    [
        b"x\r\n",
        b"\r\n",
        b"-1\r\n",
        b"5\r\nhello!\r\n",
        b"1" * 16 + b"\r\n",
        b"5;" + b"x" * 5000,
        b"0\r\n" + b"x" * 5000,
        b"0\r\nno colon\r\n\r\n",
    ],
)
def test_wrong_chunks(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body])


def test_an_endless_head_is_refused() -> None:
    parser = ResponseParser()
    for _ in range(MAX_HEAD // 1024):
        parser.feed(b"x" * 1024)
    with pytest.raises(ProtocolError):
        parser.feed(b"x")


def test_a_body_until_close_may_be_dropped_as_long_as_it_lasts() -> None:
    parser = ResponseParser()
    parser.feed(b"HTTP/1.1 200 OK\r\n\r\nabc")
    assert (parser.done, parser.size) == (False, 3)
    assert parser.ahead > 1 << 50


def test_bodies_are_not_kept() -> None:
    parser = ResponseParser()
    parser.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(100):
        parser.feed(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        assert len(parser._buffer) == 0
    assert parser.size == 100_000


words = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.0 ",
        b"\r\n",
        b"\r\n\r\n",
        b"Content-Length:",
        b"Transfer-Encoding: chunked",
        b"5",
        b"0",
        *(b"\0", b":", b" ", b"Connection: close", b"100", b"hello"),
    ]
)


@settings(deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=40), st.lists(words, max_size=12).map(b"".join)), max_size=8))
def test_nothing_but_a_protocol_error_comes_out_of_garbage(pieces: list[bytes]) -> None:
    try:
        parser = parse(pieces)
    except ProtocolError:
        return
    assert parser.size >= 0
    assert parser.ahead >= 0
