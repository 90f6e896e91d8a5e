"""How much a project may have: by Nova's own quotas, or by Keystone's unified limits."""

from __future__ import annotations

from kb_tests.localcloud.cloud import Cloud
from kb_tests.localcloud.keystone.state import RegisteredLimit, new_id
from kb_tests.localcloud.keystone.tokens import stable_id
from kb_tests.localcloud.nova.state import QUOTAS
from kb_tests.localcloud.settings import Quota

_OF_PROJECTS = {"instances": "servers", "cores": "class:VCPU", "ram": "class:MEMORY_MB"}
"""What Keystone may limit by project, by Nova's old names; without a registered limit there may be none."""

_OF_ALL = {
    "key_pairs": "server_key_pairs",
    "metadata_items": "server_metadata_items",
    "server_groups": "server_groups",
    "server_group_members": "server_group_members",
    "injected_files": "server_injected_files",
    "injected_file_content_bytes": "server_injected_file_content_bytes",
    "injected_file_path_bytes": "server_injected_file_path_bytes",
}
"""What is the same for all projects."""

RESOURCES = _OF_PROJECTS | _OF_ALL


def limit(cloud: Cloud, kind: str, project_id: str) -> int:
    """The limit of a project; -1 is none."""
    if cloud.settings.quota is Quota.OWN:
        return cloud.compute.limit(kind, project_id)
    registered = _registered(cloud, kind)
    if registered is None:
        return 0 if kind in _OF_PROJECTS else -1
    if kind in _OF_PROJECTS:
        for each in cloud.identity.limits.values():
            if (each.registered_id, each.project_id) == (registered.id, project_id):
                return each.resource_limit
    return registered.default_limit


def _registered(cloud: Cloud, kind: str) -> RegisteredLimit | None:
    wanted = (stable_id("service", "compute"), RESOURCES.get(kind))
    for each in cloud.identity.registered_limits.values():
        if (each.service_id, each.resource_name) == wanted and each.region_id in (None, cloud.region):
            return each
    return None


def register(cloud: Cloud) -> None:
    """Nova's defaults as registered limits, as an operator makes them who moves to Keystone's."""
    if cloud.settings.quota is Quota.OWN:
        return
    for kind, resource in RESOURCES.items():
        if _registered(cloud, kind) is None:
            service = stable_id("service", "compute")
            made = RegisteredLimit(new_id(), service, cloud.region, resource, QUOTAS[kind], "")
            cloud.identity.registered_limits[made.id] = made
