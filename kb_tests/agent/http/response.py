"""HTTP/1.x responses (RFC 9112): is it the page that was asked for? Whatever comes is untrusted."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

from ..page import Page

CHUNKED = -1
UNTIL_CLOSE = -2
MAX_HEAD = 65_536
MAX_LINE = 4096
MAX_LENGTH = 1 << 60

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9])(\d\d)(?: .*)?\Z", re.DOTALL)
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*\Z")
_DIGITS = re.compile(rb"\d{1,18}\Z")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?\Z", re.DOTALL)
_ERRORS = {b"2": "status", b"3": "redirect", b"4": "http_4xx", b"5": "http_5xx"}


class ProtocolError(Exception):
    """What came is not HTTP, or not as HTTP has it."""


class Head(NamedTuple):
    """What a head says of its response.

    `error` is the key of `protocol.ERRORS` that it stands for, "" for status 200 and a body in no coding, for
    which nobody asked; `length` the bytes of the body, CHUNKED or UNTIL_CLOSE; `close` whether the
    connection ends with it.
    """

    error: str
    length: int
    close: bool


def parse_head(raw: bytes) -> Optional[Head]:
    """Read a head without its empty line; None for an interim (1xx) response."""
    lines = raw.split(b"\r\n")
    status = _STATUS.match(lines[0])
    if not status:
        raise ProtocolError("no HTTP/1.x status line")
    minor, kind, rest = status.groups()
    if kind == b"1":
        if rest == b"01":
            raise ProtocolError("an upgrade that was not asked for")
        return None
    lengths: set[bytes] = set()
    codings = coded = connection = b""
    for line in lines[1:]:
        field = _FIELD.match(line)
        if not field:
            raise ProtocolError("a malformed header")
        name, value = field[1].lower(), field[2]
        if name == b"content-length":
            lengths.update(part.strip() for part in value.split(b","))
        elif name == b"transfer-encoding":
            codings += b"," + value.lower()
        elif name == b"content-encoding":
            coded += b"," + value.lower()
        elif name == b"connection":
            connection += b"," + value.lower()
    options = {option.strip() for option in connection.split(b",")}
    close = b"close" in options or (minor == b"0" and b"keep-alive" not in options)
    if codings and (minor == b"0" or _named(codings).count(b"chunked") > 1):
        raise ProtocolError("a wrong Transfer-Encoding")
    if kind + rest in (b"204", b"304"):
        length = 0
    elif codings:
        length = CHUNKED if codings.rpartition(b",")[2].strip() == b"chunked" else UNTIL_CLOSE
    elif lengths:
        text = lengths.pop()
        if lengths or not _DIGITS.match(text):
            raise ProtocolError("a wrong Content-Length")
        length = int(text)
    else:
        length = UNTIL_CLOSE
    error = "" if kind + rest == b"200" else _ERRORS.get(kind, "http_other")
    if not error and set(_named(codings + coded)) - {b"chunked", b"identity"}:
        error = "content"
    return Head(error, length, close or length == UNTIL_CLOSE)


def _named(values: bytes) -> list[bytes]:
    """The names in a list as headers have it."""
    return [name.strip() for name in values.split(b",") if name.strip()]


class ResponseParser:
    """One response, fed piece by piece: for everything but a whole head of a page in one piece.

    After `feed`, `ahead` body bytes may be dropped unread before the next piece is fed; with UNTIL_CLOSE
    that is all there is. With a `page`, all of the body has to be fed, and is compared with that. `size` is
    the length of the body as far as it is known (without what of UNTIL_CLOSE was dropped).
    """

    __slots__ = (
        "_after",
        "_buffer",
        "_left",
        "_page",
        "_stage",
        "ahead",
        "begun",
        "done",
        "head",
        "same",
        "size",
    )

    def __init__(self, page: Optional[Page] = None) -> None:
        self.head: Optional[Head] = None
        self.begun = self.done = False
        self.same = True
        self.ahead = 0
        self.size = 0
        self._page = page
        self._left = 0
        self._buffer = b""
        self._stage = self._after = self._read_head

    @property
    def wants(self) -> int:
        """Bytes of the body that it has to see next; 0 if it waits for something else."""
        return self._left if self._stage == self._compare else 0

    def feed(self, data: bytes) -> None:
        """Take what was received next; raises ProtocolError."""
        self.begun = True
        self._buffer = self._buffer + data if self._buffer else data
        while self._stage():
            pass
        if self.done and self._buffer:
            raise ProtocolError("bytes after the end of the response")

    def know(self, head: Head) -> None:
        """Go on as if `head`, of the page as it is asked for, had been fed."""
        self.begun = True
        self.head = head
        self._stage = self._finish
        self._body(head.length)

    def error(self, size: int) -> str:
        """The key of `protocol.ERRORS` under which a response that is done counts, "" if it is the page, of
        `size` bytes, as far as it was looked at.
        """
        assert self.head is not None
        if self.head.error:
            return self.head.error
        if self.size == size:
            return "" if self.same else "content"
        return "truncated" if self.head.length == UNTIL_CLOSE and self.size < size else "length"

    def _line(self, limit: int, end: bytes = b"\r\n") -> Optional[bytes]:
        line, found, rest = self._buffer.partition(end)
        if len(line) > limit:
            raise ProtocolError("a line or head too long")
        if not found:
            return None
        self._buffer = rest
        return line

    def _read_head(self) -> bool:
        raw = self._line(MAX_HEAD, b"\r\n\r\n")
        if raw is None:
            return False
        self.head = parse_head(raw)
        if self.head is None:
            return True
        length = self.head.length
        if self.head.error or (self._page is not None and 0 <= length != self._page.size):
            self._page = None  # it is wrong already
        if length == CHUNKED:
            self._stage = self._read_chunk_size
            return True
        self._stage = self._finish
        return self._body(MAX_LENGTH if length == UNTIL_CLOSE else length)

    def _read_chunk_size(self) -> bool:
        line = self._line(MAX_LINE)
        if line is None:
            return False
        match = _CHUNK.match(line)
        if not match:
            raise ProtocolError("a wrong chunk size")
        size = int(match[1], 16)
        if not size:
            self._stage = self._read_trailer
            return True
        self._stage = self._read_chunk_end
        return self._body(size)

    def _read_chunk_end(self) -> bool:
        self.ahead = 0
        if len(self._buffer) < 2:
            return False
        if self._buffer[:2] != b"\r\n":
            raise ProtocolError("a chunk longer than its size")
        self._buffer = self._buffer[2:]
        self._stage = self._read_chunk_size
        return True

    def _read_trailer(self) -> bool:
        line = self._line(MAX_LINE)
        if line is None:
            return False
        if line and not _FIELD.match(line):
            raise ProtocolError("a malformed trailer")
        return True if line else self._finish()

    def _body(self, size: int) -> bool:
        """`size` bytes of body come next, then what the stage is; whether that may go on at once."""
        if self._page is not None:
            self._left = size
            self._after, self._stage = self._stage, self._compare
            return True
        held = min(size, len(self._buffer))
        self._buffer = self._buffer[held:]
        self.size += held if size == MAX_LENGTH else size
        self.ahead = size - held
        return not self.ahead

    def _compare(self) -> bool:
        data, self._buffer = self._buffer, b""
        if len(data) > self._left:
            data, self._buffer = data[: self._left], data[self._left :]
        assert self._page is not None
        self.same = self.same and self._page.holds(self.size, data)
        self.size += len(data)
        self._left -= len(data)
        if self._left:
            return False
        self._stage = self._after
        return True

    def _finish(self) -> bool:
        self.ahead = 0
        self.done = True
        return False
