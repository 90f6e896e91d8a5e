"""What one window counted, from which bounds are computed; who only reads records needs no scipy for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Tally:
    """What one window counted: `bad` ones among those `due` of each batch in the order of time, all of nearly
    one length; and of each of `agents`, by name, both.
    """

    bad: tuple[int, ...]
    due: tuple[int, ...]
    agents: Mapping[str, tuple[int, int]] = field(default_factory=dict)
