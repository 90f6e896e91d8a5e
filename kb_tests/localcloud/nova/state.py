"""Servers, flavors, key pairs, hypervisors, aggregates, server groups and quotas."""

from __future__ import annotations

import asyncio
import hashlib
import os
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from kb_tests.localcloud.driver import ServerSpec
from kb_tests.localcloud.times import now

DEFAULT_ZONE = "nova"

QUOTAS = {
    "instances": 10,
    "cores": 20,
    "ram": 51200,
    "key_pairs": 100,
    "metadata_items": 128,
    "server_groups": 10,
    "server_group_members": 10,
    "injected_files": 5,
    "injected_file_content_bytes": 10240,
    "injected_file_path_bytes": 255,
    "fixed_ips": -1,
    "floating_ips": -1,
    "networks": -1,
    "security_groups": -1,
    "security_group_rules": -1,
}
"""Nova's defaults; the last five are Neutron's matter and never enforced here."""


def new_id() -> str:
    """A UUID."""
    return str(uuid.uuid4())


@dataclass(kw_only=True)
class Flavor:
    """A size of servers. `access` are the projects that may use it when it is not public."""

    id: str
    name: str
    vcpus: int
    ram: int
    disk: int
    ephemeral: int = 0
    swap: int = 0
    rxtx_factor: float = 1.0
    public: bool = True
    description: str | None = None
    extra_specs: dict[str, str] = field(default_factory=dict)
    access: set[str] = field(default_factory=set)


@dataclass(kw_only=True)
class Keypair:
    """A public key of a user."""

    name: str
    public_key: str
    fingerprint: str
    kind: str = "ssh"
    created: datetime = field(default_factory=now)
    number: int = 0


@dataclass(kw_only=True)
class Fault:
    """Why a server is in ERROR."""

    message: str
    code: int = 500
    created: datetime = field(default_factory=now)


@dataclass(kw_only=True)
class Attachment:
    """A volume in a server."""

    volume_id: str
    device: str | None
    number: int = 1
    id: str = field(default_factory=new_id)
    bdm_id: str = field(default_factory=new_id)
    tag: str | None = None
    delete_on_termination: bool = False


@dataclass(kw_only=True)
class Action:
    """Something that was done to a server."""

    name: str
    request_id: str
    user_id: str
    project_id: str
    started: datetime = field(default_factory=now)
    message: str | None = None


@dataclass(kw_only=True)
class Server:
    """A server. `vm_state` and `task_state` are Nova's; `ports` maps a port to whether Nova made it (and
    so deletes it with the server).
    """

    id: str = field(default_factory=new_id)
    project_id: str
    user_id: str
    name: str
    hostname: str
    image_id: str
    flavor: Flavor
    reservation_id: str
    launch_index: int = 0
    key_name: str | None = None
    public_key: str | None = None
    user_data: str | None = None
    config_drive: bool = False
    access_ipv4: str = ""
    access_ipv6: str = ""
    disk_config: str = "MANUAL"
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    zone: str | None = None
    host: str | None = None
    vm_state: str = "building"
    task_state: str | None = "scheduling"
    power_state: int = 0
    ports: dict[str, bool] = field(default_factory=dict)
    port_tags: dict[str, str] = field(default_factory=dict)
    attachments: dict[str, Attachment] = field(default_factory=dict)
    actions: list[Action] = field(default_factory=list)
    group_id: str | None = None
    locked: bool = False
    locked_reason: str | None = None
    fault: Fault | None = None
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    launched: datetime | None = None
    spec: ServerSpec | None = None
    booted: bool = False
    unwanted: asyncio.Event = field(default_factory=asyncio.Event)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def deleting(self) -> bool:
        """Whether its deletion was asked for."""
        return self.unwanted.is_set()

    @property
    def status(self) -> str:
        """What users see of `vm_state` and `task_state`."""
        if self.vm_state == "active" and self.task_state in ("rebooting", "reboot_pending", "reboot_started"):
            return "REBOOT"
        if self.vm_state == "active" and self.task_state in ("rebooting_hard", "reboot_started_hard"):
            return "HARD_REBOOT"
        return {"building": "BUILD", "active": "ACTIVE", "stopped": "SHUTOFF", "error": "ERROR",
                "deleted": "DELETED"}[self.vm_state]  # fmt: skip

    @property
    def host_id(self) -> str:
        """Differs by host and project, so that tenants see whether servers share a host."""
        if self.host is None:
            return ""
        return hashlib.sha224((self.project_id + self.host).encode()).hexdigest()

    def touch(self) -> None:
        """Note the time of a change."""
        self.updated = now()


@dataclass(kw_only=True)
class Hypervisor:
    """A named part of this machine. What it has is what the machine has: nothing is divided."""

    host: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    number: int
    id: str = field(default_factory=new_id)
    service_id: str = field(default_factory=new_id)
    enabled: bool = True
    disabled_reason: str | None = None
    forced_down: bool = False


@dataclass(kw_only=True)
class Aggregate:
    """Hosts with metadata; `availability_zone` in it makes a zone."""

    number: int
    name: str
    id: str = field(default_factory=new_id)
    hosts: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    created: datetime = field(default_factory=now)
    updated: datetime | None = None


@dataclass(kw_only=True)
class ServerGroup:
    """Servers that a policy keeps together or apart."""

    project_id: str
    user_id: str
    name: str
    policy: str
    rules: dict[str, int] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    id: str = field(default_factory=new_id)


@dataclass
class Compute:
    """All of Nova's state. Key pairs are by (user, name)."""

    servers: dict[str, Server] = field(default_factory=dict)
    flavors: dict[str, Flavor] = field(default_factory=dict)
    keypairs: dict[tuple[str, str], Keypair] = field(default_factory=dict)
    hypervisors: list[Hypervisor] = field(default_factory=list)
    aggregates: dict[int, Aggregate] = field(default_factory=dict)
    groups: dict[str, ServerGroup] = field(default_factory=dict)
    quotas: dict[str, dict[str, int]] = field(default_factory=dict)
    _count: int = 0

    def bootstrap(self, hosts: int = 2, zones: int = 1) -> None:
        """Hypervisors, each with all that this machine has, and three small flavors. Of several zones each is
        an aggregate of its own, with hosts that follow each other.
        """
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        disk = os.statvfs(Path("/"))
        for number in range(1, hosts + 1):
            self.hypervisors.append(
                Hypervisor(
                    host=f"kb-host-{number}",
                    vcpus=os.cpu_count() or 1,
                    memory_mib=memory,
                    disk_gib=disk.f_blocks * disk.f_frsize // 2**30,
                    number=number,
                )
            )
        for zone in range(zones if zones > 1 else 0):
            aggregate = Aggregate(number=self.next_number(), name=f"zone-{zone + 1}")
            aggregate.metadata["availability_zone"] = aggregate.name
            first, last = (end * hosts // zones for end in (zone, zone + 1))
            aggregate.hosts = [each.host for each in self.hypervisors[first:last]]
            self.aggregates[aggregate.number] = aggregate
        for name, vcpus, ram in (("kb.tiny", 1, 256), ("kb.small", 1, 1024), ("kb.medium", 2, 2048)):
            flavor = Flavor(id=new_id(), name=name, vcpus=vcpus, ram=ram, disk=0)
            self.flavors[flavor.id] = flavor

    def next_number(self) -> int:
        """For resources that have whole numbers as ids."""
        self._count += 1
        return self._count

    def zone_of(self, host: str) -> str:
        """The availability zone of a host."""
        for aggregate in self.aggregates.values():
            if host in aggregate.hosts and "availability_zone" in aggregate.metadata:
                return aggregate.metadata["availability_zone"]
        return DEFAULT_ZONE

    def limit(self, kind: str, project_id: str) -> int:
        """The quota of a project; -1 is none."""
        return self.quotas.get(project_id, {}).get(kind, QUOTAS[kind])

    def used(self, project_id: str) -> dict[str, int]:
        """What a project has of what is limited by project."""
        servers = [server for server in self.servers.values() if server.project_id == project_id]
        return {
            "instances": len(servers),
            "cores": sum(server.flavor.vcpus for server in servers),
            "ram": sum(server.flavor.ram for server in servers),
            "server_groups": sum(1 for group in self.groups.values() if group.project_id == project_id),
        }
