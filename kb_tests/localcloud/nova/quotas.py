"""Quota sets, limits and usage."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply
from kb_tests.localcloud.api.errors import bad_request, forbidden
from kb_tests.localcloud.nova import limits
from kb_tests.localcloud.nova.common import routes
from kb_tests.localcloud.nova.state import QUOTAS
from kb_tests.localcloud.settings import Quota

_NETWORK = frozenset({"fixed_ips", "floating_ips", "networks", "security_groups", "security_group_rules"})
_FILES = frozenset({"injected_files", "injected_file_content_bytes", "injected_file_path_bytes"})


def _kinds(call: Call) -> list[str]:
    """What the microversion knows of."""
    gone = (_NETWORK if call.version >= (2, 36) else frozenset()) | (
        _FILES if call.version >= (2, 57) else frozenset()
    )
    if call.version < (2, 50):
        gone |= {"server_groups", "server_group_members"} if call.version >= (2, 36) else set()
    return [kind for kind in QUOTAS if kind not in gone]


def _project(call: Call, rule: str) -> str:
    project_id = call.params["project_id"]
    if not call.caller.sees(project_id):
        raise forbidden(f"Policy doesn't allow os_compute_api:os-quota-sets:{rule} to be performed.")
    return project_id


def _set(call: Call, project_id: str) -> Json:
    return {kind: limits.limit(call.cloud, kind, project_id) for kind in _kinds(call)}


@routes.add("GET", "/v2.1/os-quota-sets/{project_id}")
async def show_quota(call: Call) -> Response:
    """The limits of a project."""
    project_id = _project(call, "show")
    return reply({"quota_set": {"id": project_id} | _set(call, project_id)})


@routes.add("GET", "/v2.1/os-quota-sets/{project_id}/detail")
async def show_quota_detail(call: Call) -> Response:
    """Limits and use."""
    project_id = _project(call, "detail")
    used = call.cloud.compute.used(project_id)
    details: Json = {
        kind: {"limit": limit, "in_use": used.get(kind, 0), "reserved": 0}
        for kind, limit in _set(call, project_id).items()
    }
    return reply({"quota_set": {"id": project_id} | details})


@routes.add("GET", "/v2.1/os-quota-sets/{project_id}/defaults")
async def show_default_quota(call: Call) -> Response:
    """The limits of a project whose quotas were not set."""
    return reply({"quota_set": {"id": call.params["project_id"]} | _set(call, "")})


@routes.add("PUT", "/v2.1/os-quota-sets/{project_id}", admin="os_compute_api:os-quota-sets:update")
async def update_quota(call: Call) -> Response:
    """Other limits, not below what is in use unless forced; where they are Keystone's, nothing changes."""
    project_id, given = call.params["project_id"], call.object("quota_set")
    compute = call.cloud.compute
    wanted, used = dict(compute.quotas.get(project_id, {})), compute.used(project_id)
    for kind, limit in given.items():
        if kind in ("force", "tenant_id"):
            continue
        if kind not in _kinds(call):
            raise bad_request(
                "Invalid input for field/attribute quota_set. Additional properties are not allowed "
                f"('{kind}' was unexpected)"
            )
        if not str(limit).lstrip("-").isdigit() or int(limit) < -1:
            raise bad_request(f"Invalid input for field/attribute {kind}. Value: {limit}.")
        if 0 <= int(limit) < used.get(kind, 0) and not given.get("force"):
            raise bad_request(
                f"Quota limit {limit} for {kind} must be greater than or equal to already used and reserved "
                f"{used[kind]}."
            )
        wanted[kind] = int(limit)
    if call.cloud.settings.quota is Quota.OWN:
        compute.quotas[project_id] = wanted
    return reply({"quota_set": _set(call, project_id)})


@routes.add("DELETE", "/v2.1/os-quota-sets/{project_id}", admin="os_compute_api:os-quota-sets:delete")
async def delete_quota(call: Call) -> Response:
    """Back to the defaults."""
    call.cloud.compute.quotas.pop(call.params["project_id"], None)
    return reply(status=202)


@routes.add("GET", "/v2.1/limits")
async def show_limits(call: Call) -> Response:
    """Limits and use of the caller's project."""
    compute, project = call.cloud.compute, call.caller.project_id
    asked = call.query.get("tenant_id")
    if asked and asked != project:
        if not call.caller.is_admin:
            raise forbidden("Policy doesn't allow os_compute_api:limits:other_project to be performed.")
        project = asked
    used = compute.used(project)
    absolute = {
        "maxTotalInstances": limits.limit(call.cloud, "instances", project),
        "maxTotalCores": limits.limit(call.cloud, "cores", project),
        "maxTotalRAMSize": limits.limit(call.cloud, "ram", project),
        "maxTotalKeypairs": limits.limit(call.cloud, "key_pairs", project),
        "maxServerMeta": limits.limit(call.cloud, "metadata_items", project),
        "maxServerGroups": limits.limit(call.cloud, "server_groups", project),
        "maxServerGroupMembers": limits.limit(call.cloud, "server_group_members", project),
        "totalInstancesUsed": used["instances"],
        "totalCoresUsed": used["cores"],
        "totalRAMUsed": used["ram"],
        "totalServerGroupsUsed": used["server_groups"],
    }
    if call.version < (2, 39):
        absolute["maxImageMeta"] = limits.limit(call.cloud, "metadata_items", project)
    if call.version < (2, 57):
        absolute["maxPersonality"] = limits.limit(call.cloud, "injected_files", project)
        absolute["maxPersonalitySize"] = limits.limit(call.cloud, "injected_file_content_bytes", project)
    if call.version < (2, 36):
        absolute |= {
            "maxSecurityGroups": -1,
            "maxSecurityGroupRules": -1,
            "maxTotalFloatingIps": -1,
            "totalSecurityGroupsUsed": 0,
            "totalFloatingIpsUsed": 0,
        }
    return reply({"limits": {"rate": [], "absolute": absolute}})
