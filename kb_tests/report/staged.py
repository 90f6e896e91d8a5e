"""The record of what a run was made with: a scenario, and the topology that was staged for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from pydantic import Field, JsonValue

from kb_tests.cloud.topology import Role, Server, StagingFacts, Topology
from kb_tests.fleet.storage.messages import DiskReport
from kb_tests.report.measured import Part, RunId
from kb_tests.report.point import PointRecord


class ServerRecord(Part):
    """A staged server; `mtu` is what its agent sees, `volume` the size of its volume in bytes, `cloud` where
    it is.
    """

    name: str
    role: Role
    address: str
    network: str
    host: str = ""
    zone: str = ""
    peer: str = ""
    volume: int | None = None
    mtu: int | None = None
    cloud: str = ""
    floating_ip: str = ""

    @classmethod
    def of(cls, server: Server) -> ServerRecord:
        """The record of `server`."""
        return cls(
            name=server.name,
            role=server.role,
            address=server.address,
            network=server.network,
            host=server.host,
            zone=server.zone,
            peer=server.peer,
            volume=server.volume.size if server.volume else None,
            mtu=server.mtu or None,
            cloud=server.cloud,
            floating_ip=server.floating_ip,
        )


class FillingRecord(Part):
    """Disks that were filled before anything was read from them: bytes of all, seconds of the slowest."""

    bytes: Annotated[int, Field(ge=0)]
    seconds: Annotated[float, Field(ge=0)]


class TopologyRecord(Part):
    """What was staged for a scenario, under the run id that every resource of it carries; `tools` gives the
    versions of each tool found in the servers, `filling` is None where there is nothing to fill.
    `testing_cloud` is where the traffic generators are, "" for the same cloud; `region` and `testing_region`
    are those of both clouds. `image` and `flavor` are those that were asked for, "" where that is not known.
    """

    run: RunId
    cloud: str
    region: str = ""
    testing_cloud: str = ""
    testing_region: str = ""
    staging: StagingFacts
    filling: FillingRecord | None = None
    servers: tuple[ServerRecord, ...]
    tools: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    mtus: dict[str, int] = Field(default_factory=dict)
    image: str = ""
    flavor: str = ""

    @classmethod
    def of(
        cls,
        topology: Topology,
        tools: Iterable[Mapping[str, str]] = (),
        disks: Sequence[DiskReport] = (),
    ) -> TopologyRecord:
        """The record of `topology`; `tools` are the versions that each agent reported ({tool: version}),
        `disks` what each has filled.
        """
        found: dict[str, set[str]] = {}
        for versions in tools:
            for tool, version in versions.items():
                found.setdefault(tool, set()).add(version)
        return cls(
            run=topology.run_id,
            cloud=topology.cloud,
            region=topology.region,
            testing_cloud=topology.testing_cloud,
            testing_region=topology.testing_region,
            staging=topology.staging,
            filling=_filling(disks) if disks else None,
            servers=tuple(ServerRecord.of(server) for server in (*topology.proxies, *topology.agents)),
            tools={tool: tuple(sorted(versions)) for tool, versions in sorted(found.items())},
            mtus=dict(topology.mtus),
            image=topology.image,
            flavor=topology.flavor,
        )


def _filling(disks: Sequence[DiskReport]) -> FillingRecord:
    return FillingRecord(bytes=sum(disk.bytes for disk in disks), seconds=max(disk.seconds for disk in disks))


class ScenarioRecord(Part):
    """A scenario as it was read (`settings`) from `file`, with what the command line set in it
    (`overrides`), as it was typed; `topology` is None while it is not staged.

    `staged_again` are those that were staged for it later in the same session.
    """

    name: str
    kind: str
    file: str
    settings: dict[str, JsonValue]
    overrides: list[str] = Field(default_factory=list)
    topology: TopologyRecord | None = None
    staged_again: list[TopologyRecord] = Field(default_factory=list)

    def put(self, topology: TopologyRecord) -> None:
        """Keep what was staged for it."""
        if self.topology is None:
            self.topology = topology
        else:
            self.staged_again.append(topology)

    def topology_of(self, point: PointRecord) -> TopologyRecord | None:
        """What `point` ran on."""
        for again in self.staged_again:
            if again.run == point.run:
                return again
        return self.topology
