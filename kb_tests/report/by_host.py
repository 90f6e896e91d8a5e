"""What a point measured, broken down by where its servers landed.

A cloud is often as slow as its slowest host, or as the way between two of them, which figures over all
servers hide. Of HTTP, a row is a way: from the generators' host to that of the servers they load.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

ROWS = 12
"""Rows shown at most: the slowest."""

_HOST_ID = re.compile(r"[0-9a-f]{56}")
"""Nova's hostId, all that a project's own users see of a host: SHA-224 of project and host."""


@dataclass(frozen=True)
class Table:
    """`rows` are the slowest of them all, `more` how many are not shown."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int


def short(host: str) -> str:
    """A host's name; of an opaque id, as much as tells it from others."""
    return f"{host[:8]}…" if _HOST_ID.fullmatch(host) else host or "unknown"


def table(columns: tuple[str, ...], rows: Sequence[tuple[float, tuple[str, ...]]]) -> Table | None:
    """A table of (slowness, cells), the slowest first; None where there is but one row."""
    if len(rows) < 2:
        return None
    slowest = sorted(rows, key=lambda row: (-row[0], row[1]))
    return Table(columns, tuple(cells for _, cells in slowest[:ROWS]), max(0, len(rows) - ROWS))
