"""Which flavor servers get where a run makes none of its own."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any

from kb_tests.cloud.caller import Caller
from kb_tests.cloud.layout import Layout, mebibytes
from kb_tests.cloud.mark import run_of_name
from kb_tests.errors import CapacityError

_MIB = 1 << 20
_GIB = 1 << 30


@dataclass(frozen=True)
class ChosenFlavor:
    """An existing flavor; `ram` in MiB, `disk` in GiB: servers take what it has, not what was asked for."""

    id: str
    name: str
    vcpus: int
    ram: int
    disk: int

    def carried_by(self, layout: Layout) -> Layout:
        """The layout with servers of this size, by which its needs count."""
        size = {"vcpus": self.vcpus, "ram": self.ram * _MIB, "disk": self.disk * _GIB}
        return replace(layout, flavor=layout.flavor.model_copy(update=size))


def root_disk(image: Any, layout: Layout) -> int:
    """GiB of a server's root disk: real clouds refuse flavors without one to members."""
    needed = image.virtual_size or image.size or 0
    return max(math.ceil(max(layout.flavor.disk, needed) / _GIB), image.min_disk or 0, 1)


def size_is_unknown(image: Any, layout: Layout) -> bool:
    """Whether the flavor's disk can but follow the image's file, which may be far smaller than its disk.

    Glance tells no other size of images from before it knew, and of imported ones.
    """
    told = image.virtual_size or image.min_disk or layout.flavor.disk
    return not told and image.disk_format not in ("raw", "iso", "ami")


_USUAL = {"hw:cpu_policy": ("shared",), "hw:mem_page_size": ("any", "small")}
_SPECIAL = re.compile(r"(resources|trait|group)\d*:|pci_passthrough:|hw:|aggregate_instance_extra_specs:")


def _is_special(flavor: Any) -> bool:
    """Whether a flavor is for some hosts only, such as bare metal: nobody gets it for its size.

    One that shows no extra specs is held for a usual one.
    """
    specs = getattr(flavor, "extra_specs", None) or {}
    asked = {str(key): str(value) for key, value in specs.items()}
    special = (key for key, value in asked.items() if value not in _USUAL.get(key, ()))
    return bool(getattr(flavor, "is_disabled", False)) or any(map(_SPECIAL.match, special))


def find_flavor(caller: Caller, layout: Layout, disk: int, wanted: str) -> ChosenFlavor:
    """An existing flavor: the named one, else the smallest that suffices and that no run of ours has made.

    Flavors of runs are public, so that the projects of those runs may use them, and end with them.
    One without a disk of its own takes the image's size; some clouds refuse those, so they come last.
    CapacityError where there is none.
    """
    cloud = caller.cloud
    need = layout.flavor
    flavors = caller.call("listing flavors", lambda: list(cloud.connection.compute.flavors(details=True)))
    if wanted:
        for flavor in flavors:
            if wanted in (flavor.name, flavor.id):
                return _chosen(flavor)
        names = ", ".join(sorted(str(flavor.name) for flavor in flavors))
        raise CapacityError(
            f"Cloud {cloud.name!r} has no flavor {wanted!r}; it has {names or 'none'}.",
            remedy="Name one of them with --kb-flavor.",
        )
    fitting = [
        flavor
        for flavor in flavors
        if run_of_name(str(flavor.name)) is None
        and flavor.vcpus >= need.vcpus
        and flavor.ram >= mebibytes(need.ram)
        and (flavor.disk >= disk or not (flavor.disk or need.disk))
        and not _is_special(flavor)
    ]
    if not fitting:
        raise CapacityError(
            f"Cloud {cloud.name!r} has no flavor with {need.vcpus} vCPU, {mebibytes(need.ram)} MiB of RAM "
            f"and {disk} GiB of disk.",
            remedy="Name one with --kb-flavor, or ask for less in the scenario.",
        )
    return _chosen(min(fitting, key=lambda f: (not f.disk, f.vcpus, f.ram, f.disk, f.name)))


def _chosen(flavor: Any) -> ChosenFlavor:
    return ChosenFlavor(
        str(flavor.id), str(flavor.name), int(flavor.vcpus), int(flavor.ram), int(flavor.disk or 0)
    )
