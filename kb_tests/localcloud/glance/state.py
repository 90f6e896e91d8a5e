"""Images; their data are files in the state directory."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from kb_tests.localcloud.times import now

NODE_IMAGE = "kb-node"
"""The image that is there from the start: this machine's own root."""


@dataclass(kw_only=True)
class Image:
    """An image. `is_host_root` marks the one that servers really boot from."""

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    owner: str
    name: str | None = None
    status: str = "queued"
    visibility: str = "shared"
    container_format: str | None = None
    disk_format: str | None = None
    min_disk: int = 0
    min_ram: int = 0
    protected: bool = False
    hidden: bool = False
    size: int | None = None
    checksum: str | None = None
    hash_value: str | None = None
    tags: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    members: dict[str, str] = field(default_factory=dict)
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    data: Path | None = None
    is_host_root: bool = False


@dataclass
class Images:
    """All of Glance's state; `folder` holds the data."""

    folder: Path
    images: dict[str, Image] = field(default_factory=dict)

    def bootstrap(self, owner: str, notes: tuple[str, ...] = ()) -> None:
        """The node image. Its property `kb_notes` says, a sentence a line, what reports on it have to say."""
        image = Image(
            owner=owner,
            name=NODE_IMAGE,
            status="active",
            visibility="public",
            container_format="bare",
            disk_format="raw",
            size=0,
            checksum="d41d8cd98f00b204e9800998ecf8427e",
            properties={
                "description": "The root file system of the machine that runs the local cloud",
                "kb_notes": "\n".join(notes),
            },
            is_host_root=True,
        )
        self.images[image.id] = image
