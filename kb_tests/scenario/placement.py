"""Where a scenario's servers run: availability zones, or hosts of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from kb_tests.scenario.base import written_as
from kb_tests.scenario.section import Section

Place = Annotated[
    str, *written_as(r"[^:\s]+(:[^:\s]+)?", 255, "an availability zone, or zone:host, without spaces")
]
"""An availability zone, or `zone:host` with a compute host of it, as Nova takes them."""


def _distinct(places: list[Place]) -> list[Place]:
    if len(set(places)) != len(places):
        raise ValueError("each place may stand here once")
    return places


Places = Annotated[list[Place], Field(max_length=100), AfterValidator(_distinct)]


class StoragePlacement(Section):
    """Where servers and their volumes are; none given means wherever Nova and Cinder put them.

    Servers are dealt to their places in turn. A volume is in the zone of its server where Cinder has one of
    that name.
    """

    servers: Places = Field(default_factory=list)


class Placement(Section):
    """Where servers run; none given means wherever Nova puts them.

    The servers of a network, and the generators, are dealt to their places in turn. With as many places on
    either side the generator of the i-th place loads the server of the i-th.
    """

    servers: Places = Field(default_factory=list)
    clients: Places = Field(default_factory=list)
