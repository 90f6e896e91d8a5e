"""The `counts` of `protocol`: how requests ended."""

from __future__ import annotations

from typing import Any

_NUMBERS = ("due", "sent", "completed", "unsent", "inflight", "bytes")


def empty() -> dict[str, Any]:
    """Nothing counted yet."""
    return {**dict.fromkeys(_NUMBERS, 0), "errors": {}}


def add(total: dict[str, Any], part: dict[str, Any]) -> None:
    """Add `part` to `total`."""
    for key in _NUMBERS:
        total[key] += part[key]
    errors = total["errors"]
    for key, n in part["errors"].items():
        errors[key] = errors.get(key, 0) + n
