"""Where a cloud has less room than a run needs: quotas of the user's own project, external addresses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from openstack import exceptions as sdk

from kb_tests.cloud.caller import Caller
from kb_tests.cloud.calls import FAILURES
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.layout import Layout, Needs, VolumePlan
from kb_tests.cloud.options import StageOptions


def shortages(
    caller: Caller, layout: Layout, options: StageOptions, *, own: bool, external_network_id: str
) -> Iterator[tuple[str, int, int]]:
    """(what, needed, free) of all that does not suffice."""
    if not own:
        yield from _compute_shortages(caller, layout.needs)
        if layout.volume:
            yield from _volume_shortages(caller, layout.needs, layout.volume)
        yield from _network_shortages(caller, layout.needs, options)
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


def _compute_shortages(caller: Caller, needs: Needs) -> Iterator[tuple[str, int, int]]:
    cloud = caller.cloud
    limits = caller.call("reading the compute quota", lambda: cloud.connection.compute.get_limits()).absolute
    compute = (
        ("servers", needs.servers, limits.instances, limits.instances_used),
        ("vCPU", needs.vcpus, limits.total_cores, limits.total_cores_used),
        ("MiB of RAM", needs.ram, limits.total_ram, limits.total_ram_used),
    )
    for what, needed, limit, used in compute:
        free = _free(limit, used)
        if free is not None and free < needed:
            yield what, needed, free


def _volume_shortages(caller: Caller, needs: Needs, plan: VolumePlan) -> Iterator[tuple[str, int, int]]:
    """Cinder has quotas of each type, too, and one of what a single volume may have."""
    quota = caller.call("reading the volume quota", lambda: volume_quota(caller.cloud))
    of_type = f" of type {plan.type}"
    for what, needed, name in (
        ("volumes", needs.volumes, "volumes"),
        ("GiB", needs.gibibytes, "gigabytes"),
        (f"volumes{of_type}", needs.volumes, f"volumes_{plan.type}"),
        (f"GiB{of_type}", needs.gibibytes, f"gigabytes_{plan.type}"),
        ("GiB in one volume", plan.size >> 30, "per_volume_gigabytes"),
    ):
        detail = quota.get(name)
        if isinstance(detail, dict):
            used = (detail.get("in_use") or 0) + (detail.get("reserved") or 0)
            free = _free(detail.get("limit"), used)
            if free is not None and free < needed:
                yield what, needed, free


def volume_quota(cloud: Cloud) -> dict[str, Any]:
    """By name, with what is in use; some users are told of all types together alone."""
    storage: Any = cloud.connection.block_storage
    response = storage.get(f"/os-quota-sets/{cloud.project_id}?usage=True")
    if response.status_code not in (403, 404):
        sdk.raise_from_response(response)
        return dict(response.json()["quota_set"])
    told = storage.get_limits().absolute
    return {
        "volumes": {"limit": told.max_total_volumes, "in_use": told.total_volumes_used},
        "gigabytes": {"limit": told.max_total_volume_gigabytes, "in_use": told.total_gigabytes_used},
    }


def _network_shortages(caller: Caller, needs: Needs, options: StageOptions) -> Iterator[tuple[str, int, int]]:
    cloud = caller.cloud
    quota = caller.call("reading the network quota", lambda: network_quota(cloud))
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


def network_quota(cloud: Cloud) -> Any:
    """With what is in use, where Neutron tells that: not every one does."""
    network = cloud.connection.network
    try:
        return network.get_quota(cloud.project_id, details=True)
    except sdk.NotFoundException:
        return network.get_quota(cloud.project_id)


def _free(limit: int | None, used: int | None) -> int | None:
    """What is left of a quota; None where there is no limit."""
    return None if limit is None or limit < 0 else max(limit - (used or 0), 0)
