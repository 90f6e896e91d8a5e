"""The file beside a record while its run lives. A list of a thousand runs asks: it imports nothing."""

from __future__ import annotations

from pathlib import Path

SUFFIX = ".ndjson"
"""How the name of a file of changes ends."""


def beside(record: Path) -> Path:
    """Where the changes to the record at `record` are, while its run lives."""
    return record.with_suffix(SUFFIX)
