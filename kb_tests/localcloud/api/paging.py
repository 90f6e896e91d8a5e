"""Sorting, `limit` and `marker`, and the link to the next page."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from kb_tests.localcloud.api.call import Json
from kb_tests.localcloud.api.errors import ApiError, bad_request

LONGEST = 1000
"""A page's length at most, and without a limit, as in Nova's and Cinder's default configuration."""


def page(views: Sequence[Json], query: QueryParams, longest: int = LONGEST) -> tuple[list[Json], str | None]:
    """One page of `views`, and the id after which the next one goes on, or None at the end.

    Raises:
        ApiError: 400, a limit that is none, or a marker that is not in the list.

    """
    ordered = _sorted(views, query)
    limit = _limit(query, longest)
    start = 0
    if marker := query.get("marker"):
        ids = [view["id"] for view in ordered]
        if marker not in ids:
            raise ApiError(400, f"marker [{marker}] not found", "InvalidInput")
        start = ids.index(marker) + 1
    chosen = ordered[start : start + limit]
    more = start + limit < len(ordered)
    return chosen, chosen[-1]["id"] if more and chosen else None


def next_link(address: str, query: QueryParams, marker: str) -> str:
    """The address of the next page."""
    rest = [(name, value) for name, value in query.multi_items() if name != "marker"]
    return f"{address}?{urlencode([*rest, ('marker', marker)])}"


def _limit(query: QueryParams, longest: int) -> int:
    given = query.get("limit")
    if given is None:
        return longest
    try:
        limit = int(given)
    except ValueError:
        raise bad_request(
            f"Invalid input for query parameters limit. Value: {given}.", "InvalidInput"
        ) from None
    if limit < 0:
        raise bad_request("limit param must be an integer of at least 0", "InvalidInput")
    return min(limit, longest) or longest


def _sorted(views: Sequence[Json], query: QueryParams) -> list[Json]:
    keys = query.getlist("sort_key")
    directions = query.getlist("sort_dir")
    for part in query.get("sort", "").split(","):
        if part:
            key, _, direction = part.partition(":")
            keys.append(key)
            directions.append(direction or "desc")
    ordered = list(views)
    for position in reversed(range(len(keys))):
        key = keys[position]
        backwards = position < len(directions) and directions[position] == "desc"
        ordered.sort(key=lambda view: _rank(view.get(key)), reverse=backwards)
    return ordered


def _rank(value: object) -> tuple[int, float, str]:
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, int | float):
        return (1, float(value), "")
    return (2, 0.0, str(value))
