"""Where the server that an agent loads is, and the agent itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kb_tests.cloud.topology import Server
from kb_tests.report.staged import ServerRecord


@dataclass(frozen=True)
class Place:
    """What one agent loads: the server of that `name`, on `host` in `zone`.

    `maker` and `maker_zone` are where the agent is, "" where it loads the server that it is in.
    """

    name: str
    host: str
    zone: str
    maker: str = ""
    maker_zone: str = ""


def places(servers: Iterable[Server | ServerRecord]) -> dict[str, Place]:
    """Of every agent that makes load, by its name."""
    every = list(servers)
    by_address = {address: one for one in every for address in (one.address, one.floating_ip) if address}
    found = {one.name: Place(one.name, one.host, one.zone) for one in every if not one.peer}
    for one in every:
        if one.peer and (loaded := by_address.get(one.peer)):
            found[one.name] = Place(loaded.name, loaded.host, loaded.zone, one.host, one.zone)
    return found
