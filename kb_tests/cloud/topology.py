"""The staged topology: what `cloud/` hands to the rooms after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Role(StrEnum):
    """What a server of ours is for."""

    PROXY = "proxy"
    SERVER = "server"
    CLIENT = "client"
    STORAGE = "storage"


NAMES = {
    Role.PROXY: "proxy",
    Role.SERVER: "HTTP servers",
    Role.CLIENT: "traffic generators",
    Role.STORAGE: "storage servers",
}
"""For people."""


@dataclass(frozen=True)
class Volume:
    """A Cinder volume attached to one of our servers; `size` in bytes."""

    id: str
    name: str
    size: int


@dataclass(frozen=True)
class Server:
    """One running server.

    `address` is its fixed IPv4 address, `floating_ip` the one that it has outside, "" for none; `host`
    the hypervisor where an admin may see it, else Nova's opaque hostId; `peer` is, for a client, the
    address of the HTTP server it loads; `mtu` is what its agent sees, 0 while that is unknown.
    """

    id: str
    name: str
    role: Role
    address: str
    network: str
    project_id: str
    host: str = ""
    zone: str = ""
    peer: str = ""
    volume: Volume | None = None
    mtu: int = 0
    cloud: str = ""
    floating_ip: str = ""


@dataclass(frozen=True)
class Access:
    """How the controller reaches the proxy: SSH to `host`, then Redis at `redis_host` through it.

    `proxy_command` is an ssh_config(5) ProxyCommand (`%h` and `%p` are filled in), empty for a
    direct connection.
    """

    host: str
    port: int
    redis_host: str
    redis_port: int
    proxy_command: str = ""


@dataclass(frozen=True)
class StagingFacts:
    """What staging cost: seconds from the first request to all servers ACTIVE, and API requests."""

    seconds: float
    requests: int


@dataclass(frozen=True)
class Topology:
    """Everything that was staged for one scenario and is ready to take agents' commands.

    `notes` are sentences that every report of it must show (the local cloud says what it is).
    `clients[i].peer == servers[i].address`, or its floating IP where the clients are on another cloud,
    the testing cloud, which then has a proxy of its own. `region` and `testing_region` are those of both
    clouds, "" where unknown. `mtus` are those of the networks by name, as Neutron says, `routers` the
    ids of the routers by the network before which they are. `kept` is a sentence
    on until when it stays and how it ends, "" if it goes with its session. `image` and `flavor` are those of
    its servers by name or id, as they were asked for; "" where the run made a flavor of its own.
    """

    run_id: str
    scenario: str
    cloud: str
    proxy: Server
    servers: tuple[Server, ...]
    clients: tuple[Server, ...]
    access: Access
    staging: StagingFacts
    notes: tuple[str, ...] = field(default=())
    mtus: Mapping[str, int] = field(default_factory=dict)
    routers: Mapping[str, str] = field(default_factory=dict)
    testing_proxy: Server | None = None
    region: str = ""
    testing_region: str = ""
    kept: str = ""
    image: str = ""
    flavor: str = ""

    @property
    def agents(self) -> tuple[Server, ...]:
        """Every server that carries an agent: all but the proxies."""
        return self.servers + self.clients

    @property
    def loading(self) -> tuple[Server, ...]:
        """The servers that make the load: generators, or storage servers where there are none."""
        return self.clients or self.servers

    @property
    def loaded(self) -> Mapping[str, str]:
        """The host of what each of `loading` loads, by its name: its peer's, or its own where it has none."""
        hosts = {server.floating_ip or server.address: server.host for server in self.servers}
        return {one.name: hosts.get(one.peer, one.host) for one in self.loading}

    @property
    def proxies(self) -> tuple[Server, ...]:
        """One for each cloud."""
        return (self.proxy,) if self.testing_proxy is None else (self.proxy, self.testing_proxy)

    @property
    def testing_cloud(self) -> str:
        """The cloud of the clients, "" if it is that of the servers."""
        return self.testing_proxy.cloud if self.testing_proxy else ""


def paired(clients: Iterable[Server], servers: Iterable[Server]) -> tuple[Server, ...]:
    """The clients, each with the server that it loads as its peer; as many on either side."""
    return tuple(
        replace(client, peer=server.floating_ip or server.address)
        for client, server in zip(clients, servers, strict=True)
    )


def joined(under_test: Topology, testing: Topology) -> Topology:
    """The topologies of two clouds as one: the servers of the former, the clients of the latter."""
    return replace(
        under_test,
        clients=testing.clients,
        testing_proxy=testing.proxy,
        testing_region=testing.region,
        notes=tuple(dict.fromkeys((*under_test.notes, *testing.notes))),
        mtus={**under_test.mtus, **testing.mtus},
        routers={**testing.routers, **under_test.routers},
    )
