"""Volumes, volume types and quotas."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from kb_tests.localcloud.times import now

QUOTAS = {
    "volumes": 10,
    "snapshots": 10,
    "gigabytes": 1000,
    "backups": 10,
    "backup_gigabytes": 1000,
    "per_volume_gigabytes": -1,
    "groups": 10,
}
"""Cinder's defaults; -1 is no limit."""

ZONE = "nova"


def new_id() -> str:
    """A UUID."""
    return str(uuid.uuid4())


@dataclass(kw_only=True)
class QosSpecs:
    """Limits of volumes: `total_iops_sec` and `total_bytes_sec` hold for reads, and for writes, each; others
    are kept and do nothing.
    """

    name: str
    consumer: str
    specs: dict[str, str]
    id: str = field(default_factory=new_id)


@dataclass(kw_only=True)
class VolumeType:
    """A kind of volumes. The extra specs `kb:iops` and `kb:bandwidth` (bytes a second), or its QoS specs,
    limit them, where the driver can; `kb:faulty` lets them go wrong on request.
    """

    name: str
    id: str = field(default_factory=new_id)
    description: str | None = None
    public: bool = True
    extra_specs: dict[str, str] = field(default_factory=dict)
    qos: QosSpecs | None = None

    @property
    def faulty(self) -> bool:
        """Whether they can go wrong in every way."""
        return self.extra_specs.get("kb:faulty", "").lower() == "true"

    @property
    def limits(self) -> tuple[int | None, int | None]:
        """IOPS and bytes a second; None is no limit."""
        qos = self.qos.specs if self.qos else {}
        iops, bandwidth = (
            self.extra_specs.get(f"kb:{name}") or qos.get(f"total_{key}_sec", "")
            for name, key in (("iops", "iops"), ("bandwidth", "bytes"))
        )
        return (int(iops) if iops.isdigit() else None, int(bandwidth) if bandwidth.isdigit() else None)


@dataclass(kw_only=True)
class VolumeAttachment:
    """A volume in a server."""

    id: str
    server_id: str
    device: str | None
    host: str | None
    attached: datetime = field(default_factory=now)


@dataclass(kw_only=True)
class Volume:
    """A volume; `size` is in GiB."""

    id: str = field(default_factory=new_id)
    project_id: str
    user_id: str
    size: int
    name: str | None
    description: str | None
    type: VolumeType
    metadata: dict[str, str]
    zone: str = ZONE
    status: str = "creating"
    bootable: bool = False
    attachments: list[VolumeAttachment] = field(default_factory=list)
    created: datetime = field(default_factory=now)
    updated: datetime | None = None

    def touch(self) -> None:
        """Note the time of a change."""
        self.updated = now()

    def release(self, server_id: str) -> None:
        """A server no longer has it."""
        self.attachments = [each for each in self.attachments if each.server_id != server_id]
        self.status = "available"
        self.touch()


@dataclass
class BlockStorage:
    """All of Cinder's state."""

    volumes: dict[str, Volume] = field(default_factory=dict)
    types: dict[str, VolumeType] = field(default_factory=dict)
    qos: dict[str, QosSpecs] = field(default_factory=dict)
    quotas: dict[str, dict[str, int]] = field(default_factory=dict)

    def bootstrap(self) -> None:
        """The one type that volumes have when none is asked for."""
        default = VolumeType(name="__DEFAULT__", description="Files of this machine")
        self.types[default.id] = default

    def default_type(self) -> VolumeType:
        """The type of volumes that ask for none."""
        return next(iter(self.types.values()))

    def find_type(self, name_or_id: str) -> VolumeType | None:
        """A type by id or name."""
        if name_or_id in self.types:
            return self.types[name_or_id]
        return next((each for each in self.types.values() if each.name == name_or_id), None)

    def limit(self, kind: str, project_id: str) -> int:
        """The quota of a project."""
        return self.quotas.get(project_id, {}).get(kind, QUOTAS.get(kind, -1))

    def used(self, project_id: str) -> dict[str, int]:
        """What a project has."""
        volumes = [volume for volume in self.volumes.values() if volume.project_id == project_id]
        return {"volumes": len(volumes), "gigabytes": sum(volume.size for volume in volumes)}
