"""Text of servers and files as it may stand on a terminal."""

from __future__ import annotations

import re
import unicodedata

_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """`text` without control characters: what servers or files say must not steer a terminal or a page."""
    return "".join(" " if unicodedata.category(char) in ("Cc", "Cf", "Cs") else char for char in text)


def straight(text: str) -> str:
    """`text` without the characters that turn the direction of what stands beside them: no name makes
    another sentence of the one that it stands in.
    """
    return text if text.isascii() else _TURNING.sub(" ", text)
