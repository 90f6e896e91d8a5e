"""What a scenario of `kind: storage` stages: servers, and the volumes, disks or folders that they load."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from kb_tests.scenario.base import Flavor
from kb_tests.scenario.placement import StoragePlacement
from kb_tests.scenario.section import Section
from kb_tests.scenario.units import Size

SMALLEST_FILE_SYSTEM = 300 << 20
"""Bytes; mkfs.xfs makes nothing smaller."""


def _absolute(path: str) -> str:
    if re.fullmatch(r"(/[A-Za-z0-9_.-]+)+", path) is None or "/.." in path:
        raise ValueError("an absolute path without special characters is allowed here")
    return path


Directory = Annotated[str, AfterValidator(_absolute), StringConstraints(max_length=200)]


class VolumeSpec(Section):
    """The Cinder volume of each server; `type: null` means the cloud's default type."""

    size: Size
    type: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None

    @field_validator("size")
    @classmethod
    def _whole(cls, size: int) -> int:
        if not size or size % (1 << 30):
            raise ValueError("a volume has whole GiB")
        return size


class StorageTopology(Section):
    """Servers, and what each of them reads and writes.

    `volume` is a Cinder volume of its own, `ephemeral` the server's own disk, `directory` a folder that
    the image mounts. With a `file_system` the volume is formatted and carries a file, without one its
    first `file_size` bytes are used raw. Those bytes are written before any of them is read.
    """

    servers: Annotated[int, Field(ge=1, le=10_000)] = 1
    target: Literal["volume", "ephemeral", "directory"] = "volume"
    volume: VolumeSpec | None = None
    file_system: Literal["xfs", "ext4"] | None = None
    directory: Directory | None = None
    file_size: Size = 1 << 30
    flavor: Flavor = Flavor()
    placement: StoragePlacement = StoragePlacement()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.target == "volume") != (self.volume is not None):
            raise ValueError("target: volume goes with a volume section, and only that target does")
        if (self.target == "directory") != (self.directory is not None):
            raise ValueError("target: directory goes with a directory, and only that target does")
        if self.file_system is not None and self.volume is None:
            raise ValueError("file_system formats a volume; other targets have their file system already")
        if self.file_size < 1 << 20:
            raise ValueError("file_size has to be 1MiB at least")
        if self.volume is not None:
            room = self.volume.size if self.file_system is None else int(self.volume.size * 0.9)
            if self.file_size > room:
                raise ValueError(
                    "file_size has to fit into the volume, with a tenth of it left to a file system"
                )
        return self
