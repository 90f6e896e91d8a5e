"""Text of servers and files as it may stand on a terminal."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """`text` without control characters: what servers or files say must not steer a terminal or a page."""
    return "".join(" " if unicodedata.category(char) in ("Cc", "Cf", "Cs") else char for char in text)
