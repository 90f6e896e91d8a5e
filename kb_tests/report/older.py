"""Records of older schema versions, turned into the present one, step by step.

Within a version keys may be added, each with a default that means "not known"; a key that changes its name
or meaning, or goes, needs a new version and a step here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

SCHEMA: Final = 2
"""The version that is written."""


def _from_1(data: dict[str, Any]) -> dict[str, Any]:
    """Schema 2 only has more keys than schema 1."""
    return data | {"schema_version": 2}


_STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
"""The step from each older version to the next one."""

READABLE = (*_STEPS, SCHEMA)


def upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """`data`, of a version in READABLE, as a record of the present version; nothing else is checked."""
    while data["schema_version"] != SCHEMA:
        data = _STEPS[data["schema_version"]](data)
    return data
