"""What the cloud must have before anything is created on it; what lacks is said with its numbers."""

from __future__ import annotations

import uuid
from base64 import b64encode
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from openstack import exceptions as sdk

from kb_tests.cloud.caller import Caller
from kb_tests.cloud.flavors import ChosenFlavor, find_flavor, root_disk
from kb_tests.cloud.layout import Existing, Layout, mebibytes
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.places import check_places, check_zone, volume_zones
from kb_tests.cloud.quotas import check_limits
from kb_tests.cloud.shortages import shortages
from kb_tests.cloud.signed_in import check_member, check_sign_in, check_tenants, makes_projects, member_role
from kb_tests.cloud.topology import Role
from kb_tests.errors import CapacityError

NOTES_PROPERTY = "kb_notes"

IMAGES_NAMED = 20
"""How many of the images that there are an error lists."""

_USER_DATA_LIMIT = 65_535


@dataclass(frozen=True)
class Supplies:
    """What staging will use. `flavor` is None where the run makes its own, with `disk` GiB.

    `external_network_id` is empty where the run needs no way out; `member_role_id` where the run
    makes no projects of its own. `own_role_ids` are the signed-in user's roles, where a project needs its
    servers on chosen hosts: Nova takes those from such a user alone. `volume_zones` has Cinder's zone for the
    volume of each server, "" where it may choose.
    `notes` are what the image's property `kb_notes` says, a sentence a line: whoever provides the image
    says by it what every report has to show.
    """

    image_id: str
    disk: int
    external_network_id: str
    flavor: ChosenFlavor | None
    member_role_id: str
    own_role_ids: tuple[str, ...] = ()
    volume_zones: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def fitted(self, layout: Layout) -> Layout:
        """The layout with servers of the size that they will have."""
        return self.flavor.carried_by(layout) if self.flavor else layout

    @property
    def own_projects(self) -> bool:
        """Whether the run makes projects of its own."""
        return bool(self.member_role_id)


def check_size(layouts: Iterable[Layout], options: StageOptions) -> None:
    """CapacityError where a run would have more servers than were allowed."""
    layouts = tuple(layouts)
    servers = sum(layout.needs.servers for layout in layouts)
    if options.max_servers is not None and servers > options.max_servers:
        proxies = "the proxy" if len(layouts) == 1 else "the proxies"
        raise CapacityError(
            f"Scenario {layouts[0].scenario} needs {servers} servers, {proxies} included; "
            f"{options.max_servers} are allowed.",
            remedy=f"Allow them with --kb-max-servers {servers}, or make the scenario smaller.",
        )


def check(caller: Caller, layout: Layout, boot: Mapping[Role, str], options: StageOptions) -> Supplies:
    """Look for everything that staging needs; CapacityError says all that lacks, in one sentence."""
    cloud = caller.cloud
    _check_boot(boot)
    check_sign_in(cloud)
    own = makes_projects(caller, layout, options)
    if not own:
        check_tenants(caller, layout)
        check_member(caller)
    with ThreadPoolExecutor() as pool:  # three services, which need not wait for each other
        role = pool.submit(member_role, caller) if own else None
        found = pool.submit(find_image, caller, options.image, own)
        external = pool.submit(way_out, caller, layout, options)
        # Once, before many steps do at the same time.
        pool.submit(
            caller.call, "asking for Nova's versions", lambda: cloud.connection.compute.get_endpoint_data()
        ).result()
    member_role_id = role.result() if role else ""
    image = found.result()
    disk = root_disk(image, layout)
    check_memory(image, layout)
    check_volumes(caller, layout)
    check_places(caller, layout, own=own)
    check_zone(caller, options)
    supplies = Supplies(
        image_id=image.id,
        disk=disk,
        external_network_id=external.result(),
        flavor=None if own and not options.flavor else find_flavor(caller, layout, disk, options.flavor),
        member_role_id=member_role_id,
        own_role_ids=cloud.role_ids if own and layout.forces_hosts else (),
        notes=notes_of(image),
        volume_zones=volume_zones(caller, layout, options),
    )
    if own:
        check_limits(caller, supplies.fitted(layout))
    lacking = [
        f"{needed} {what} where {free} are free"
        for what, needed, free in shortages(
            caller,
            supplies.fitted(layout),
            options,
            own=own,
            external_network_id=supplies.external_network_id,
        )
    ]
    if lacking:
        raise CapacityError(
            f"Cloud {cloud.name!r} is too small for scenario {layout.scenario}: it needs "
            f"{'; '.join(lacking)}.",
            remedy="Raise the quota, free some, or make the scenario smaller.",
        )
    return supplies


def _check_boot(boot: Mapping[Role, str]) -> None:
    for role, user_data in boot.items():
        size = len(b64encode(user_data.encode()))
        if size > _USER_DATA_LIMIT:
            raise CapacityError(
                f"The user_data of role {role} is {size} bytes in base64; Nova takes {_USER_DATA_LIMIT}."
            )


def find_image(caller: Caller, wanted: str, own: bool) -> Any:
    """The image, if the run's projects (`own`: of its own) can use it; else CapacityError."""
    cloud = caller.cloud
    image = _one_image(caller, wanted)
    if image.status != "active":
        raise CapacityError(
            f"Image {wanted!r} of cloud {cloud.name!r} is {image.status}, not active.",
            remedy="Wait until it is, or name another one with --kb-image.",
        )
    if own and image.visibility not in ("public", "community"):
        raise CapacityError(
            f"Image {wanted!r} of cloud {cloud.name!r} is {image.visibility}: "
            "the run's own projects cannot use it.",
            remedy="Make it public or community, or stage in the user's own project.",
        )
    return image


def check_memory(image: Any, layout: Layout) -> None:
    """CapacityError where the scenario's servers are too small for an image."""
    ram = mebibytes(layout.flavor.ram)
    if (image.min_ram or 0) > ram:
        raise CapacityError(
            f"Image {image.name} needs {image.min_ram} MiB of RAM; the scenario's flavor has {ram}.",
            remedy="Raise topology.flavor.ram.",
        )


def _one_image(caller: Caller, wanted: str) -> Any:
    """The image of that name or id. Somebody else's community image is nobody's choice but by its id: anybody
    may give one any name.
    """
    cloud, service = caller.cloud, caller.cloud.connection.image

    def listed(**query: Any) -> list[Any]:
        return caller.call("looking for the image", lambda: list(service.images(name=wanted, **query)))

    def by_id() -> list[Any]:
        try:
            return [service.get_image(wanted)]
        except sdk.NotFoundException:
            return []

    found = caller.call("looking for the image", by_id) if _is_id(wanted) else []
    found = found or listed() or listed(is_hidden=True)
    if len(found) == 1:
        return found[0]
    if found:
        raise CapacityError(
            f"Cloud {cloud.name!r} has {len(found)} images {wanted!r}: {_ids(found)}.",
            remedy="Give the id of one with --kb-image.",
        )
    others = listed(visibility="community")
    if others:
        raise CapacityError(
            f"Cloud {cloud.name!r} has no image {wanted!r} but what other projects share with everybody: "
            f"{_ids(others)}.",
            remedy="If you trust its owner, give its id with --kb-image.",
        )
    there = sorted({str(each.name) for each in caller.call("listing images", lambda: list(service.images()))})
    more = f" and {len(there) - IMAGES_NAMED} more" if len(there) > IMAGES_NAMED else ""
    raise CapacityError(
        f"Cloud {cloud.name!r} has no image {wanted!r}; it has "
        f"{', '.join(there[:IMAGES_NAMED]) or 'none'}{more}.",
        remedy="`kb image upload` puts one there; --kb-image names another one.",
    )


def _is_id(wanted: str) -> bool:
    try:
        return bool(uuid.UUID(wanted))
    except ValueError:
        return False


def _ids(images: Iterable[Any]) -> str:
    return ", ".join(sorted(str(image.id) for image in images))


def notes_of(image: Any) -> tuple[str, ...]:
    """What every report of servers with this image has to show."""
    text = str((image.properties or {}).get(NOTES_PROPERTY) or "")
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def check_volumes(caller: Caller, layout: Layout) -> None:
    """Whether the cloud offers the volumes of a layout; else CapacityError."""
    cloud, plan = caller.cloud, layout.volume
    if plan is None:
        return
    if not cloud.has_volumes:
        raise CapacityError(
            f"Cloud {cloud.name!r} offers no volumes, which scenario {layout.scenario} needs.",
            remedy="Give the scenario target: ephemeral, or name another cloud.",
        )
    if plan.type:
        storage: Any = cloud.connection.block_storage
        names = caller.call("listing volume types", lambda: {str(found.name) for found in storage.types()})
        if plan.type not in names:
            raise CapacityError(
                f"Cloud {cloud.name!r} has no volume type {plan.type!r}; it has {', '.join(sorted(names))}.",
                remedy="Correct topology.volume.type in the scenario, or leave it out for the default.",
            )


def way_out(caller: Caller, layout: Layout | None, options: StageOptions) -> str:
    """The external network's id; an existing router has its own."""
    existing = layout.existing if layout else Existing()
    if existing.router or existing.network:
        return existing.external
    return find_external_network(caller, options)


def find_external_network(caller: Caller, options: StageOptions) -> str:
    """Its id, "" where there is none and none is needed; CapacityError where it cannot be told."""
    cloud, wanted = caller.cloud, options.external_network
    networks = caller.call(
        "looking for the external network",
        lambda: list(cloud.connection.network.networks(is_router_external=True)),
    )
    named = [network for network in networks if not wanted or wanted in (network.name, network.id)]
    names = ", ".join(sorted(str(network.name) for network in networks))
    if len(named) == 1:
        return str(named[0].id)
    if wanted:
        raise CapacityError(
            f"Cloud {cloud.name!r} has {'no' if not named else 'several'} external network {wanted!r}: "
            f"it has {names or 'none'}.",
            remedy="Name one by its id.",
        )
    if named:
        raise CapacityError(
            f"Cloud {cloud.name!r} has several external networks: {names}.",
            remedy="Name one with --kb-external-network.",
        )
    if options.floating_ip or options.packages:
        why = "the proxy's floating IP" if options.floating_ip else "packages to come in"
        raise CapacityError(
            f"Cloud {cloud.name!r} has no external network for {why}.",
            remedy="Its operator makes one (`openstack network create --external`) and shares it.",
        )
    return ""
