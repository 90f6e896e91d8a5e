"""What the cloud must have before anything is created on it; what lacks is said with its numbers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from openstack import exceptions as sdk

from kb_tests.cloud.caller import Caller
from kb_tests.cloud.calls import FAILURES
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.flavors import ChosenFlavor, find_flavor, root_disk
from kb_tests.cloud.layout import Existing, Layout, Needs, mebibytes
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.quotas import check_limits
from kb_tests.cloud.topology import Role
from kb_tests.errors import CapacityError

NOTES_PROPERTY = "kb_notes"

_USER_DATA_LIMIT = 65_535


@dataclass(frozen=True)
class Supplies:
    """What staging will use. `flavor` is None where the run makes its own, with `disk` GiB.

    `external_network_id` is empty where the run needs no way out; `member_role_id` where the run
    makes no projects of its own. `own_role_ids` are the signed-in user's roles, where a project needs its
    servers on chosen hosts: Nova takes those from such a user alone. `volume_zone` is Cinder's, "" where it
    may choose.
    `notes` are what the image's property `kb_notes` says, a sentence a line: whoever provides the image
    says by it what every report has to show.
    """

    image_id: str
    disk: int
    external_network_id: str
    flavor: ChosenFlavor | None
    member_role_id: str
    own_role_ids: tuple[str, ...] = ()
    volume_zone: str = ""
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
            remedy="Raise --kb-max-servers or make the scenario smaller.",
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
    member_role_id = role.result() if role else ""
    image = found.result()
    disk = root_disk(image, layout)
    ram = mebibytes(layout.flavor.ram)
    if (image.min_ram or 0) > ram:
        raise CapacityError(
            f"Image {image.name} needs {image.min_ram} MiB of RAM; the scenario's flavor has {ram}."
        )
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
        volume_zone=volume_zone(caller, layout, options),
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


_ONCE = frozenset({
    "token", "v3token", "admin_token", "v3totp", "v3oidcaccesstoken", "v3oidcauthcode", "v3oidcdeviceauthz",
})  # fmt: skip
"""Ways to sign in that prove it once or for a short time, so that nobody can do it again hours later."""


def check_sign_in(cloud: Cloud) -> None:
    """CapacityError where nobody could sign in again later, to remove what a run has made."""
    once = [method for method in cloud.sign_in_methods if method in _ONCE]
    if once:
        raise CapacityError(
            f"Cloud {cloud.name!r} signs in by {' and '.join(once)}, which does not work again hours later, "
            "when somebody has to remove what a run has made.",
            remedy="Make an application credential (`openstack application credential create`) and give that "
            "in clouds.yaml.",
        )


def makes_projects(caller: Caller, layout: Layout | None, options: StageOptions) -> bool:
    """Whether a run makes projects of its own: where the user's rights suffice, unless told otherwise."""
    if options.own_projects is not None:
        return options.own_projects
    cloud, asking = caller.cloud, "asking what the user may do"
    if not caller.call(asking, lambda: cloud.is_admin):
        return False
    on_volumes = layout is not None and layout.volume is not None and cloud.has_volumes
    return not on_volumes or caller.call(asking, lambda: cloud.rights.limits_volumes)


def check_member(caller: Caller) -> None:
    """CapacityError where the user only reads in the project that everything would be made in."""
    cloud = caller.cloud
    denied = caller.call("asking what the user may do", lambda: cloud.rights.denied)
    if denied:
        raise CapacityError(
            f"The user of cloud {cloud.name!r} may not {' and '.join(denied)} in project {cloud.project_id}.",
            remedy="Give it the role member there (`openstack role add`), or use another user's credentials.",
        )


def check_tenants(caller: Caller, layout: Layout) -> None:
    """CapacityError where a scenario asks for several tenants and all would share one project."""
    if len(layout.tenants) > 1:
        raise CapacityError(
            f"Scenario {layout.scenario} has {len(layout.tenants)} tenants, each a project of its own; on "
            f"cloud {caller.cloud.name!r} all would share the project signed in to.",
            remedy="Use an admin's credentials, or one tenant with as many routers.",
        )


def member_role(caller: Caller) -> str:
    """The role of the run's users; CapacityError where the signed-in one may not make any."""
    cloud = caller.cloud
    missing = caller.call("asking what the user may do", lambda: cloud.rights.missing)
    if missing:
        raise CapacityError(
            f"The user of cloud {cloud.name!r} may not {missing}.",
            remedy="Use an admin's credentials, or stage in the user's own project.",
        )
    roles = caller.call("listing roles", lambda: list(cloud.identity.roles()))
    by_name = {role.name.lower(): role.id for role in roles}
    for name in ("member", "_member_"):
        if name in by_name:
            return str(by_name[name])
    raise CapacityError(f"Cloud {cloud.name!r} has no role 'member' for the run's users.")


def find_image(caller: Caller, wanted: str, own: bool) -> Any:
    """The image, if the run's projects (`own`: of its own) can use it; else CapacityError."""
    cloud = caller.cloud
    image = caller.call("looking for the image", lambda: cloud.connection.image.find_image(wanted))
    if image is None:
        raise CapacityError(
            f"Cloud {cloud.name!r} has no image {wanted!r}.",
            remedy="`kb image upload` puts one there; --kb-image names another one.",
        )
    if image.status != "active":
        raise CapacityError(f"Image {wanted!r} of cloud {cloud.name!r} is {image.status}, not active.")
    if own and image.visibility not in ("public", "community"):
        raise CapacityError(
            f"Image {wanted!r} of cloud {cloud.name!r} is {image.visibility}: "
            "the run's own projects cannot use it.",
            remedy="Make it public or community, or stage in the user's own project.",
        )
    return image


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
            f"Cloud {cloud.name!r} offers no volumes, which scenario {layout.scenario} needs."
        )
    if plan.type:
        storage: Any = cloud.connection.block_storage
        names = caller.call("listing volume types", lambda: {str(found.name) for found in storage.types()})
        if plan.type not in names:
            raise CapacityError(
                f"Cloud {cloud.name!r} has no volume type {plan.type!r}; it has {', '.join(sorted(names))}."
            )


def check_places(caller: Caller, layout: Layout, *, own: bool) -> None:
    """Whether Nova can put servers where a layout wants them, in the run's `own` projects or in the user's
    one; else CapacityError.
    """
    if not layout.places:
        return
    cloud, compute = caller.cloud, caller.cloud.connection.compute
    if layout.forces_hosts and not cloud.is_admin:
        raise CapacityError(
            f"Scenario {layout.scenario} places servers on hosts, which the user of cloud {cloud.name!r} "
            "may not choose.",
            remedy="Use an admin's credentials, or name availability zones.",
        )
    if layout.forces_hosts and own and not caller.call("signing in again", cloud.may_choose_project):
        raise CapacityError(
            f"Scenario {layout.scenario} places servers on hosts. In the run's own projects that is for the "
            f"user of cloud {cloud.name!r}, who signs in by {cloud.sign_in_methods[0]} and by that to one "
            "project only.",
            remedy="Sign in with a password, or give --kb-existing-project.",
        )
    zones = caller.call(
        "listing availability zones", lambda: list(compute.availability_zones(details=layout.forces_hosts))
    )
    there = {str(zone.name) for zone in zones if (zone.state or {}).get("available")}
    if layout.forces_hosts:
        there |= {
            f"{zone.name}:{host}"
            for zone in zones
            for host, services in (zone.hosts or {}).items()
            if _runs_servers(services or {})
        }
    missing = [place for place in layout.places if place not in there]
    if missing:
        known = ", ".join(sorted(place for place in there if (":" in place) == layout.forces_hosts))
        raise CapacityError(
            f"Cloud {cloud.name!r} has no {' and no '.join(missing)} to place servers in; it has "
            f"{known or 'none'}.",
            remedy="Correct topology.placement in the scenario.",
        )


def check_zone(caller: Caller, options: StageOptions) -> None:
    """Whether Nova has the availability zone that was asked for; else CapacityError."""
    wanted = options.availability_zone
    if not wanted:
        return
    there = _zones(caller)
    if wanted not in there:
        raise CapacityError(
            f"Cloud {caller.cloud.name!r} has no availability zone {wanted!r}; it has "
            f"{', '.join(sorted(there)) or 'none'}.",
            remedy="Correct --kb-availability-zone.",
        )


def _zones(caller: Caller) -> set[str]:
    compute = caller.cloud.connection.compute
    zones = caller.call("listing availability zones", lambda: list(compute.availability_zones()))
    return {str(zone.name) for zone in zones if (zone.state or {}).get("available")}


def volume_zone(caller: Caller, layout: Layout, options: StageOptions) -> str:
    """Cinder's zone of that name, where it has one: many clouds attach no volume of another zone than the
    server's. "" leaves it to Cinder.
    """
    if layout.volume is None or not options.availability_zone:
        return ""
    try:
        storage: Any = caller.cloud.connection.block_storage
        zones = list(storage.availability_zones())
    except FAILURES:
        return ""
    return options.availability_zone if options.availability_zone in {zone.name for zone in zones} else ""


def _runs_servers(services: Mapping[str, Any]) -> bool:
    """Whether a host with these services takes servers, as far as Nova knows."""
    state = services.get("nova-compute") or {}
    return bool(state.get("active") and state.get("available"))


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


def shortages(
    caller: Caller, layout: Layout, options: StageOptions, *, own: bool, external_network_id: str
) -> Iterator[tuple[str, int, int]]:
    """(what, needed, free) of all that does not suffice."""
    if not own:
        yield from _quota_shortages(caller, layout.needs, options)
    if external_network_id and caller.cloud.is_admin:
        needed = layout.gateways + _floating_ips(layout.needs, options)
        free = _free_addresses(caller.cloud, external_network_id)
        if free is not None and free < needed:
            yield "external addresses (gateways and floating IPs)", needed, free


def _floating_ips(needs: Needs, options: StageOptions) -> int:
    """The proxy may do without one."""
    return needs.floating_ips - (not options.floating_ip)


def _free_addresses(cloud: Cloud, network_id: str) -> int | None:
    """Free addresses of the external network; None where Neutron does not tell."""
    try:
        for found in cloud.connection.network.network_ip_availabilities(network_id=network_id):
            if found.network_id == network_id and found.total_ips is not None:
                return max(int(found.total_ips) - int(found.used_ips or 0), 0)
    except FAILURES:
        pass
    return None


def _quota_shortages(caller: Caller, needs: Needs, options: StageOptions) -> Iterator[tuple[str, int, int]]:
    cloud = caller.cloud
    limits = caller.call("reading the compute quota", lambda: cloud.connection.compute.get_limits()).absolute
    compute: tuple[tuple[str, int, int | None, int | None], ...] = (
        ("servers", needs.servers, limits.instances, limits.instances_used),
        ("vCPU", needs.vcpus, limits.total_cores, limits.total_cores_used),
        ("MiB of RAM", needs.ram, limits.total_ram, limits.total_ram_used),
    )
    if needs.volumes:
        storage: Any = cloud.connection.block_storage
        absolute = caller.call("reading the volume quota", lambda: storage.get_limits()).absolute
        compute += (
            ("volumes", needs.volumes, absolute.max_total_volumes, absolute.total_volumes_used),
            ("GiB", needs.gibibytes, absolute.max_total_volume_gigabytes, absolute.total_gigabytes_used),
        )
    for what, needed, limit, used in compute:
        free = _free(limit, used)
        if free is not None and free < needed:
            yield what, needed, free
    quota = caller.call("reading the network quota", lambda: _network_quota(cloud))
    network = (
        ("networks", needs.networks, quota.networks),
        ("subnets", needs.subnets, quota.subnets),
        ("ports", needs.ports, quota.ports),
        ("routers", needs.routers, quota.routers),
        ("floating IPs", _floating_ips(needs, options), quota.floating_ips),
        ("security groups", needs.security_groups, quota.security_groups),
        ("security group rules", needs.security_group_rules, quota.security_group_rules),
    )
    for what, needed, value in network:
        detail = value if isinstance(value, dict) else {"limit": value}
        free = _free(detail.get("limit"), (detail.get("used") or 0) + int(detail.get("reserved") or 0))
        if free is not None and free < needed:
            yield what, needed, free


def _network_quota(cloud: Cloud) -> Any:
    """With what is in use, where Neutron tells that: not every one does."""
    network = cloud.connection.network
    try:
        return network.get_quota(cloud.project_id, details=True)
    except sdk.NotFoundException:
        return network.get_quota(cloud.project_id)


def _free(limit: int | None, used: int | None) -> int | None:
    """What is left of a quota; None where there is no limit."""
    return None if limit is None or limit < 0 else max(limit - (used or 0), 0)
