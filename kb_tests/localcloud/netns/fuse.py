"""The part of fuse(4) that one file needs: requests to take apart, answers to put together.

Layouts and numbers are those of the kernel's uapi header linux/fuse.h, protocol 7.31. The file is the root of
its file system.
"""

from __future__ import annotations

import errno
import os
import stat
import struct

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE = 1, 2, 3, 4, 14, 15, 16
STATFS, RELEASE, FSYNC, FLUSH, INIT = 17, 18, 20, 25, 26
INTERRUPT, DESTROY, BATCH_FORGET = 36, 38, 42

UNANSWERED = frozenset({FORGET, INTERRUPT, BATCH_FORGET})

LARGEST = 1 << 20
"""Bytes of one read or write."""

REQUEST_BUFFER = LARGEST + (1 << 12)

_HEADER = struct.Struct("=IIQQIIIHH")
_ANSWER = struct.Struct("=IiQ")
_INIT_IN = struct.Struct("=IIII")
_INIT_OUT = struct.Struct("=IIIIHHIIHHI28x")
_PLACE = struct.Struct("=QQI")
_WRITE_IN_SIZE = 40
_ATTRIBUTES = struct.Struct("=QII" + "QQQQQQIIIIIIIIII")
_OPENED = struct.Struct("=QIi")
_WRITTEN = struct.Struct("=II")
_STATFS_OUT = bytes(80)

_ASYNC_READ, _BIG_WRITES, _ASYNC_DIO, _MAX_PAGES = 1 << 0, 1 << 5, 1 << 15, 1 << 22
_DIRECT_IO, _PARALLEL_DIRECT_WRITES = 1 << 0, 1 << 6
_PAGE = 4096
_AT_ONCE = 256


class Request:
    """One request of the kernel's."""

    __slots__ = ("body", "operation", "unique")

    def __init__(self, raw: memoryview) -> None:
        _, self.operation, self.unique, *_ = _HEADER.unpack_from(raw)
        self.body = raw[_HEADER.size :]

    def place(self) -> tuple[int, int]:
        """Offset and size of a read or write."""
        _, offset, size = _PLACE.unpack_from(self.body)
        return offset, size

    def data(self) -> memoryview:
        """What is to be written."""
        return self.body[_WRITE_IN_SIZE:]


def answer(unique: int, body: bytes = b"", error: int = 0) -> bytes:
    """The bytes of an answer: a body, or an error number."""
    return _ANSWER.pack(_ANSWER.size + len(body), -error, unique) + body


def initialized(request: Request) -> bytes:
    """The answer to INIT: large requests, many at once."""
    _, _, readahead, offered = _INIT_IN.unpack_from(request.body)
    flags = offered & (_ASYNC_READ | _BIG_WRITES | _ASYNC_DIO | _MAX_PAGES)
    return _INIT_OUT.pack(7, 31, readahead, flags, _AT_ONCE, _AT_ONCE, LARGEST, 1, LARGEST // _PAGE, 0, 0)


def attributes(size: int) -> bytes:
    """The answer to GETATTR and SETATTR: a regular file of root's."""
    times = (0, 0, 0, 0, 0, 0)
    return _ATTRIBUTES.pack(0, 0, 0, 1, size, size // 512, *times, stat.S_IFREG | 0o600, 1, 0, 0, 0, _PAGE, 0)


def opened() -> bytes:
    """The answer to OPEN: nothing is cached, and writes may overtake each other."""
    return _OPENED.pack(0, _DIRECT_IO | _PARALLEL_DIRECT_WRITES, 0)


def written(size: int) -> bytes:
    """The answer to WRITE."""
    return _WRITTEN.pack(size, 0)


def simple(request: Request, file: int) -> bytes:
    """The answer to all but reads, writes and fsync of the file behind a descriptor."""
    match request.operation:
        case operation if operation == INIT:
            return answer(request.unique, initialized(request))
        case operation if operation in (GETATTR, SETATTR):
            return answer(request.unique, attributes(os.fstat(file).st_size))
        case operation if operation == OPEN:
            return answer(request.unique, opened())
        case operation if operation == STATFS:
            return answer(request.unique, _STATFS_OUT)
        case operation if operation in (RELEASE, FLUSH, DESTROY):
            return answer(request.unique)
        case _:
            return answer(request.unique, error=errno.ENOSYS)
