"""A scenario's settings as facts of their own, each by its place: "topology.flavor.ram" is "2GiB".

A record keeps them as they were read, with what was left out as null; what an older suite did not know is
not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kb_tests.scenario.units import plain

NONE = "none"


def places(settings: Any, place: str) -> Iterator[str]:
    """Every place below `place` that says something, or says that it is nothing."""
    below = _below(settings)
    if below is None:
        if "." in place:  # a section that is not there says nothing
            yield place
        return
    for key, value in below.items():
        yield from places(value, f"{place}.{key}")


def said(settings: Any, place: str, section: str) -> str | None:
    """What `settings`, those of `section`, say at `place` of it; None where nobody can know.

    What a part lacks that is there, or is null, is "none": a latency without p99 limits no p99. A key of the
    section itself that is not there may be one that an older suite did not know.
    """
    keys = place.removeprefix(f"{section}.").split(".")
    value = settings
    if settings is None:
        return None
    for depth, key in enumerate(keys):
        below = _below(value)
        if below is None:
            return NONE if value is None else None
        if key not in below:
            return NONE if depth else None
        value = below[key]
    return None if _below(value) else shown(value)


def shown(value: Any) -> str:
    """A value for people, such that others look different."""
    match value:
        case None:
            return NONE
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:,.15g}"
        case str():
            return plain(value)
        case list() | tuple() | dict() if not value:
            return NONE
        case list() | tuple():
            return ", ".join(map(shown, value))
        case _:
            return str(value)


def _below(value: Any) -> Mapping[str, Any] | None:
    """What stands below a value; of a list of parts each by its name; None of a single value."""
    if isinstance(value, Mapping):
        return {str(key).replace(".", "_"): each for key, each in value.items()} or None
    if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        return {str(each.get("name", at)).replace(".", "_"): each for at, each in enumerate(value, 1)}
    return None
