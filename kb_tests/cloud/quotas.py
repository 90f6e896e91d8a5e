"""Quotas of the projects that a run makes: set, and looked at whether the service took them.

Nova may have its limits in Keystone (unified limits): it answers a change of its quotas with 200 and what
Keystone has, and changes nothing. A project's own limits are made there then; they go with the project.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from openstack import exceptions as sdk

from kb_tests.cloud.builder import Builder
from kb_tests.cloud.caller import Caller
from kb_tests.cloud.calls import FAILURES
from kb_tests.cloud.layout import Layout, Needs
from kb_tests.errors import CapacityError, StagingError

COUNTED = 2
"""How often Neutron may count what it makes: as reserved still, when it is there already."""

_RESOURCES = {"instances": "servers", "cores": "class:VCPU", "ram": "class:MEMORY_MB"}
"""What Nova's quotas are called among Keystone's limits."""

_REMEDY = (
    "Have its operator raise the limits that Nova has registered in Keystone (`openstack registered limit "
    "set`), or stage in an existing project that has room."
)


@dataclass(frozen=True)
class RegisteredLimit:
    """How much of a resource of Nova's a project may have that has no limit of its own; below 0 is any."""

    resource: str
    default: int
    service_id: str
    region_id: str | None


def wanted(needs: Needs) -> dict[str, int]:
    """Nova's quotas of a project that has to hold so much."""
    return {"instances": needs.servers, "cores": needs.vcpus, "ram": needs.ram}


def set_network(builder: Builder, project_id: str, suffix: str, needs: Needs) -> None:
    """Neutron's, for a project of the run; StagingError where they stay too small."""
    limits = {
        "networks": COUNTED * needs.networks,
        "subnets": COUNTED * needs.subnets,
        "ports": COUNTED * needs.ports,
        "routers": COUNTED * needs.routers,
        "floating_ips": COUNTED * needs.floating_ips,
        "security_groups": COUNTED * (needs.security_groups + 1),
        "security_group_rules": COUNTED * needs.security_group_rules,
    }
    answer = builder.call(
        f"setting the network quota of {suffix}",
        lambda: builder.cloud.connection.network.update_quota(project_id, **limits),
    )
    _must_hold(builder, "Neutron", limits, answer)


def set_volumes(builder: Builder, project_id: str, needs: Needs) -> None:
    """Cinder's, for a project of the run; StagingError where they stay too small."""
    storage: Any = builder.cloud.connection.block_storage
    limits = {"volumes": needs.volumes, "gigabytes": needs.gibibytes}
    answer = builder.call(
        "setting the volume quota",
        lambda: storage.update_quota_set(project_id, **limits, per_volume_gigabytes=-1),
    )
    _must_hold(builder, "Cinder", limits, answer)


def set_compute(builder: Builder, project_id: str, suffix: str, needs: Needs) -> None:
    """Nova's, for a project of the run, or Keystone's where Nova takes them from there; StagingError where
    neither gives room.
    """
    limits = wanted(needs)
    compute: Any = builder.cloud.connection.compute
    answer = builder.call(
        f"setting the compute quota of {suffix}",
        lambda: compute.update_quota_set(project_id, **limits),
    )
    if not any(_short(limits, answer)):
        return
    registered = registered_limits(builder)
    if not {_RESOURCES[kind] for kind, _ in _short(limits, answer)} <= registered.keys():
        _must_hold(builder, "Nova", limits, answer)
    _make_limits(builder, project_id, suffix, limits, registered)
    answer = builder.call(f"reading the compute quota of {suffix}", lambda: compute.get_quota_set(project_id))
    _must_hold(builder, "Nova", limits, answer)


def _make_limits(
    builder: Builder,
    project_id: str,
    suffix: str,
    limits: Mapping[str, int],
    registered: Mapping[str, RegisteredLimit],
) -> None:
    identity = builder.cloud.identity
    made = {_RESOURCES[kind]: most for kind, most in limits.items() if _RESOURCES[kind] in registered}
    first = True

    def make() -> None:
        nonlocal first
        there: set[str] = set()
        if not first:  # an answer that was lost may have made them
            there = {str(limit.resource_name) for limit in identity.limits(project_id=project_id)}
        first = False
        missing = [
            {
                "project_id": project_id,
                "service_id": registered[resource].service_id,
                "region_id": registered[resource].region_id,
                "resource_name": resource,
                "resource_limit": most,
            }
            for resource, most in made.items()
            if resource not in there
        ]
        if missing:
            sdk.raise_from_response(identity.post("/limits", json={"limits": missing}))

    try:
        builder.call(f"making the limits of {suffix} in Keystone", make)
    except StagingError as error:
        if not isinstance(error.__cause__, FAILURES):
            raise
        raise StagingError(str(error), remedy=_REMEDY) from error.__cause__


def registered_limits(caller: Caller) -> dict[str, RegisteredLimit]:
    """What Keystone has registered of Nova's resources in the cloud's region, by resource."""
    cloud = caller.cloud
    service = cloud.service_id("compute")
    found: dict[str, RegisteredLimit] = {}
    if not service:
        return found
    for limit in caller.call(
        "reading Keystone's registered limits",
        lambda: list(cloud.identity.registered_limits(service_id=service)),
    ):
        resource = str(limit.resource_name)
        if resource not in _RESOURCES.values() or limit.region_id not in (None, cloud.region):
            continue
        if limit.region_id is not None or resource not in found:
            found[resource] = RegisteredLimit(resource, int(limit.default_limit), service, limit.region_id)
    return found


def check_limits(caller: Caller, layout: Layout) -> bool:
    """Whether Keystone limits Nova's resources, as far as can be told beforehand. CapacityError where a
    project of the run needs more than is registered and the user may not make limits.
    """
    registered = registered_limits(caller)
    cloud = caller.cloud
    projects = [wanted(layout.needs_of(tenant)) for tenant in (0, *layout.tenants)]
    most = {kind: max(limits[kind] for limits in projects) for kind in _RESOURCES}
    short = [
        f"{most[kind]} {resource} where {registered[resource].default} are"
        for kind, resource in _RESOURCES.items()
        if resource in registered and 0 <= registered[resource].default < most[kind]
    ]
    if short and not caller.call("asking what the user may do", lambda: cloud.rights.makes_limits):
        raise CapacityError(
            f"Cloud {cloud.name!r} limits servers in Keystone, where its user may change nothing: a project "
            f"of the run needs {' and '.join(short)} registered.",
            remedy=_REMEDY,
        )
    return bool(registered)


def _must_hold(builder: Builder, service: str, limits: Mapping[str, int], answer: Any) -> None:
    short = list(_short(limits, answer))
    if short:
        kept = " and ".join(f"{kind.replace('_', ' ')} at {value}" for kind, value in short)
        needed = " and ".join(str(limits[kind]) for kind, _ in short)
        raise StagingError(
            f"{service} of cloud {builder.cloud.name!r} accepted a change of quotas and keeps {kept}, where "
            f"{needed} were asked for.",
            remedy="Ask its operator what limits projects, or stage in an existing one that has room.",
        )


def _short(limits: Mapping[str, int], answer: Any) -> Iterator[tuple[str, int]]:
    """What a service says that it allows, where that is less than was asked for."""
    for kind, most in limits.items():
        value = getattr(answer, kind, None)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < most:
            yield kind, value
