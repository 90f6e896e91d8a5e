"""Two clouds, two fleets, one face: HTTP servers on the one cloud, their traffic generators on the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from kb_tests.cloud.progress import Progress, Seen, unseen
from kb_tests.cloud.topology import Topology, joined
from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.messages import Hello
from kb_tests.fleet.patience import USUAL, Patience
from kb_tests.fleet.secrets import Secrets


class JoinedFleet(Fleet):
    """The generators' fleet, which starts together by the clock of its own proxy, and has `servers`, the
    fleet of the other cloud, serve.
    """

    servers: Fleet

    @property
    def topology(self) -> Topology:
        """What the agents belong to, on both clouds."""
        return joined(self.servers.topology, super().topology)

    @property
    def versions(self) -> list[Mapping[str, str]]:
        """{tool: version} of each server on both clouds."""
        return [*self.servers.versions, *super().versions]

    @property
    def hellos(self) -> Mapping[str, Hello]:
        """What each agent said of itself, on both clouds."""
        return {**self.servers.hellos, **super().hellos}

    def serve(self, pages: Sequence[int], connections: int, *, tls: bool = False) -> None:
        """Have every HTTP server ready; see `Fleet.serve`."""
        self.servers.serve(pages, connections, tls=tls)

    def quit(self) -> None:
        """End the agents."""
        self.servers.quit()
        super().quit()


@contextmanager
def open_fleet(
    topologies: Sequence[Topology],
    secrets: Sequence[Secrets],
    progress: Progress,
    deadline: float,
    seen: Seen = unseen,
    patience: Patience = USUAL,
) -> Iterator[Fleet]:
    """The fleet of a topology, or that of the servers' and the generators' topology; see `Fleet.open`."""
    if len(topologies) == 1:
        with Fleet.open(topologies[0], secrets[0], progress, deadline, seen, patience) as fleet:
            yield fleet
        return
    with (
        Fleet.open(topologies[0], secrets[0], progress, deadline, seen, patience) as servers,
        JoinedFleet.open(topologies[1], secrets[1], progress, deadline, seen, patience) as fleet,
    ):
        assert isinstance(fleet, JoinedFleet)
        fleet.servers = servers
        yield fleet
