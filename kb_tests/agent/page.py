"""The page that servers serve and generators expect: known bytes, so that no other answer passes for it."""

from __future__ import annotations

PERIOD = 1 << 20
"""Bytes after which the content of a larger page begins again."""


class Page:
    """`size` bytes: `content` again and again, as far as it takes; by default what a server of ours has."""

    __slots__ = ("_content", "size")

    def __init__(self, size: int, content: bytes | None = None) -> None:
        self.size = size
        self._content = _random(size) if content is None else content

    def pieces(self) -> list[bytes]:
        """All of it, in order; for a large page the same object again and again."""
        whole, rest = divmod(self.size, len(self._content) or 1)
        return [self._content] * whole + [self._content[:rest]]

    def is_rest(self, data: bytes, begin: int) -> bool:
        """Whether the page, if it is no larger than PERIOD, is what `data` holds from `begin` to its end."""
        return len(data) - begin == self.size <= PERIOD and data.startswith(self._content, begin)

    def holds(self, at: int, data: bytes) -> bool:
        """Whether `data` is what stands at byte `at`."""
        if at + len(data) > self.size:
            return False
        period = len(self._content)
        at %= period or 1
        while data:
            if at + len(data) <= period:
                return self._content.startswith(data, at)
            here = period - at
            if not self._content.endswith(data[:here]):
                return False
            data, at = data[here:], 0
        return True


def _random(size: int) -> bytes:
    """What no other page holds, and no compression shortens."""
    from random import Random  # whoever makes no page saves its memory

    return Random(f"kb_tests page of {size}").randbytes(min(size, PERIOD))  # noqa: S311 - no secret
