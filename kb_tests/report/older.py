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
    """Schema 2 has more keys than schema 1; and of storage, the response times of schema 1 leave out the I/Os
    that failed, which verdicts counted.
    """
    return {key: _points_from_1(value) if key == "points" else value for key, value in data.items()} | {
        "schema_version": 2
    }


def _points_from_1(points: Any) -> Any:
    if not isinstance(points, list):
        return points
    return [
        point | {"measurement": _with_failed(point.get("measurement"))} if isinstance(point, dict) else point
        for point in points
    ]


def _sum(known: Any, more: int) -> Any:
    return known + more if isinstance(known, int) else more if known is None else known


def _with_failed(part: Any) -> Any:
    """A storage measurement, block or server with what failed among its response times."""
    if not isinstance(part, dict):
        return part
    found = dict(part)
    for key in ("blocks", "servers"):
        if isinstance(part.get(key), list):
            found[key] = [_with_failed(one) for one in part[key]]
    failed = part.get("errors")
    for key in ("read", "write"):
        io = part.get(key)
        if failed and isinstance(io, dict) and io.get("ios"):
            response = io.get("response") or io.get("service")
            if isinstance(response, dict) and isinstance(failed, int):
                found[key] = io | {
                    "response": response | {"censored": _sum(response.get("censored"), failed)}
                }
    return found


_STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
"""The step from each older version to the next one."""

READABLE = (*_STEPS, SCHEMA)


def upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """`data`, of a version in READABLE, as a record of the present version; nothing else is checked."""
    while data["schema_version"] != SCHEMA:
        data = _STEPS[data["schema_version"]](data)
    return data
