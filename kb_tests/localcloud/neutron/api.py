"""Versions, extensions, quotas, tags, agents; and the service."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api import errors
from kb_tests.localcloud.api.call import Call, Json, reply
from kb_tests.localcloud.api.errors import bad_request, forbidden, not_found
from kb_tests.localcloud.api.service import Service
from kb_tests.localcloud.neutron import default_rules, floating, groups, networks, ports, routers, subnets
from kb_tests.localcloud.neutron.common import entry, listing, routes
from kb_tests.localcloud.neutron.state import QUOTAS, Resource
from kb_tests.localcloud.settings import Shown

__all__ = ["SERVICE", "default_rules"]

SERVICE = Service("neutron", "networking", routes, errors.neutron, "rule:{rule} is disallowed by policy")

_EXTENSIONS = {
    "agent": "agent",
    "availability_zone": "Availability Zone",
    "binding": "Port Binding",
    "default-subnetpools": "Default Subnetpools",
    "external-net": "Neutron external network",
    "extraroute": "Neutron Extra Route",
    "net-mtu": "Network MTU",
    "net-mtu-writable": "Network MTU (writable)",
    "network-ip-availability": "Network IP Availability",
    "pagination": "Pagination support",
    "port-security": "Port Security",
    "project-id": "project_id field enabled",
    "provider": "Provider Network",
    "quotas": "Quota management support",
    "quota_details": "Quota details management support",
    "router": "Neutron L3 Router",
    "security-group": "security-group",
    "security-groups-default-rules": "Default rules for security groups",
    "sorting": "Sorting support",
    "standard-attr-description": "standard-attr-description",
    "standard-attr-revisions": "Resource revision numbers",
    "standard-attr-tag": "Tag support for resources with standard attribute",
    "standard-attr-timestamp": "Resource timestamps",
}


@routes.add("GET", "/", public=True)
async def versions(call: Call) -> Response:
    """What versions there are."""
    link = {"rel": "self", "href": f"{call.cloud.url}/networking/v2.0/"}
    return reply({"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]})


@routes.add("GET", "/v2.0", public=True)
async def resources(call: Call) -> Response:
    """The collections of version 2.0."""
    names = ("network", "subnet", "port", "router", "floatingip", "security-group", "security-group-rule")
    found = [
        {
            "name": name,
            "collection": f"{name}s",
            "links": [{"rel": "self", "href": f"{call.cloud.url}/networking/v2.0/{name}s"}],
        }
        for name in names
    ]
    return reply({"resources": found})


def _present(call: Call) -> list[str]:
    without = {"quota_details"} if call.cloud.settings.quota_details is Shown.OFF else set()
    return [alias for alias in _EXTENSIONS if alias not in without]


def _extension(alias: str) -> Json:
    return {
        "alias": alias,
        "name": _EXTENSIONS[alias],
        "description": _EXTENSIONS[alias],
        "updated": "2013-01-20T00:00:00-00:00",
        "links": [],
    }


@routes.add("GET", "/v2.0/extensions")
async def list_extensions(call: Call) -> Response:
    """What this Neutron can do beyond the core."""
    return reply({"extensions": [_extension(alias) for alias in _present(call)]})


@routes.add("GET", "/v2.0/extensions/{id}")
async def show_extension(call: Call) -> Response:
    """One extension."""
    if call.params["id"] not in _present(call):
        raise not_found(f"Extension with alias {call.params['id']} does not exist", "HTTPNotFound")
    return reply({"extension": _extension(call.params["id"])})


@routes.add("GET", "/v2.0/agents", admin="get_agent")
async def list_agents(call: Call) -> Response:
    """One agent a hypervisor."""
    views: list[Json] = [
        {
            "id": hypervisor.id,
            "agent_type": "Local cloud agent",
            "binary": f"kb-localcloud-{call.cloud.driver.name}",
            "topic": "N/A",
            "host": hypervisor.host,
            "admin_state_up": True,
            "alive": True,
            "availability_zone": "nova",
            "description": None,
            "configurations": {},
            "resources_synced": None,
        }
        for hypervisor in call.cloud.compute.hypervisors
    ]
    return listing(call, "agents", views)


@routes.add("GET", "/v2.0/availability_zones")
async def list_zones(call: Call) -> Response:
    """Where networks and routers can be."""
    views: list[Json] = [
        {"id": kind, "name": "nova", "resource": kind, "state": "available"} for kind in ("network", "router")
    ]
    return listing(call, "availability_zones", views)


@routes.add("GET", "/v2.0/network-ip-availabilities", admin="get_network_ip_availability")
async def list_availabilities(call: Call) -> Response:
    """How many addresses are taken, by network."""
    return listing(
        call,
        "network_ip_availabilities",
        (
            _availability(call, network_id) | {"ip_version": 4}
            for network_id in call.cloud.networking.networks
        ),
        hidden="ip_version",
    )


@routes.add("GET", "/v2.0/network-ip-availabilities/{id}", admin="get_network_ip_availability")
async def show_availability(call: Call) -> Response:
    """How many addresses of one network are taken."""
    network = networks.get(call, call.params["id"])
    return reply({"network_ip_availability": _availability(call, network.id)})


def _availability(call: Call, network_id: str) -> Json:
    network = call.cloud.networking.networks[network_id]
    each = [subnets.availability(subnet) for subnet in call.cloud.networking.subnets_of(network_id)]
    return {
        "id": network_id,
        "network_id": network_id,
        "network_name": network.name,
        "tenant_id": network.project_id,
        "project_id": network.project_id,
        "total_ips": sum(entry["total_ips"] for entry in each),
        "used_ips": sum(entry["used_ips"] for entry in each),
        "subnet_ip_availability": each,
    }


# Quotas


def _limits(call: Call, project_id: str) -> dict[str, int]:
    return {kind: call.cloud.networking.limit(kind, project_id) for kind in QUOTAS}


def _may_see_quota(call: Call) -> str:
    project_id = call.params["project_id"]
    if not call.caller.sees(project_id):
        raise forbidden("rule:get_quota is disallowed by policy", "PolicyNotAuthorized")
    return project_id


@routes.add("GET", "/v2.0/quotas", admin="get_quota")
async def list_quotas(call: Call) -> Response:
    """The projects whose quotas were set."""
    views = [
        {"project_id": project, "tenant_id": project} | _limits(call, project)
        for project in call.cloud.networking.quotas
    ]
    return reply({"quotas": views})


@routes.add("GET", "/v2.0/quotas/{project_id}")
async def show_quota(call: Call) -> Response:
    """The limits of a project."""
    return reply({"quota": _limits(call, _may_see_quota(call))})


@routes.add("GET", "/v2.0/quotas/{project_id}/default")
async def show_default_quota(call: Call) -> Response:
    """The limits of a project whose quotas were not set."""
    _may_see_quota(call)
    return reply({"quota": dict(QUOTAS)})


@routes.add("GET", "/v2.0/quotas/{project_id}/details.json")
async def show_quota_details(call: Call) -> Response:
    """Limits and use."""
    return await show_quota_usage(call)


@routes.add("GET", "/v2.0/quotas/{project_id}/details")
async def show_quota_usage(call: Call) -> Response:
    """Limits and use."""
    if call.cloud.settings.quota_details is Shown.OFF:
        raise not_found("The resource could not be found.", "HTTPNotFound")
    project_id = _may_see_quota(call)
    details = {
        kind: {"limit": limit, "used": call.cloud.networking.used(kind, project_id), "reserved": 0}
        for kind, limit in _limits(call, project_id).items()
    }
    return reply({"quota": details})


@routes.add("PUT", "/v2.0/quotas/{project_id}", admin="update_quota")
async def update_quota(call: Call) -> Response:
    """Other limits."""
    project_id, given = call.params["project_id"], entry(call, "quota")
    limits = dict(call.cloud.networking.quotas.get(project_id, {}))
    for kind, limit in given.items():
        if kind in ("tenant_id", "project_id", "check_limit", "force"):
            continue
        if kind not in QUOTAS:
            raise bad_request(f"Unrecognized attribute(s) '{kind}'", "HTTPBadRequest")
        if not isinstance(limit, int | str) or not str(limit).lstrip("-").isdigit() or int(limit) < -1:
            raise bad_request(
                f"Invalid input for {kind}. Reason: '{limit}' is not an integer of at least -1.",
                "HTTPBadRequest",
            )
        limits[kind] = int(limit)
    call.cloud.networking.quotas[project_id] = limits
    return reply({"quota": _limits(call, project_id)})


@routes.add("DELETE", "/v2.0/quotas/{project_id}", admin="delete_quota")
async def delete_quota(call: Call) -> Response:
    """Back to the defaults."""
    call.cloud.networking.quotas.pop(call.params["project_id"], None)
    return reply(status=204)


# Tags


def _tagged(call: Call) -> Resource:
    identifier = call.params["id"]
    match call.params["kind"]:
        case "networks":
            return networks.get(call, identifier)
        case "subnets":
            return subnets.get(call, identifier)
        case "ports":
            return ports.get(call, identifier)
        case "routers":
            return routers.get(call, identifier)
        case "security-groups":
            return groups.get(call, identifier)
        case "floatingips":
            return floating.get(call, identifier)
        case kind:
            raise not_found(f"The resource {kind} has no tags.", "HTTPNotFound")


def _checked(tags: object) -> list[str]:
    if not isinstance(tags, list) or not all(isinstance(tag, str) and 0 < len(tag) <= 255 for tag in tags):
        raise bad_request(
            f"Invalid input for tags. Reason: '{tags}' is not a list of strings.", "HTTPBadRequest"
        )
    return list(dict.fromkeys(tags))


@routes.add("GET", "/v2.0/{kind}/{id}/tags")
async def list_tags(call: Call) -> Response:
    """All tags of a resource."""
    return reply({"tags": _tagged(call).tags})


@routes.add("PUT", "/v2.0/{kind}/{id}/tags")
async def replace_tags(call: Call) -> Response:
    """Other tags."""
    resource = _tagged(call)
    resource.tags = _checked(call.body.get("tags"))
    resource.touch()
    return reply({"tags": resource.tags})


@routes.add("DELETE", "/v2.0/{kind}/{id}/tags")
async def delete_tags(call: Call) -> Response:
    """No tags."""
    resource = _tagged(call)
    resource.tags = []
    resource.touch()
    return reply(status=204)


@routes.add("GET", "/v2.0/{kind}/{id}/tags/{tag}")
async def check_tag(call: Call) -> Response:
    """Whether it has a tag."""
    _check_has(call, _tagged(call))
    return reply(status=204)


@routes.add("PUT", "/v2.0/{kind}/{id}/tags/{tag}")
async def add_tag(call: Call) -> Response:
    """One tag more."""
    resource = _tagged(call)
    resource.tags = _checked([*resource.tags, call.params["tag"]])
    resource.touch()
    return reply(status=201)


@routes.add("DELETE", "/v2.0/{kind}/{id}/tags/{tag}")
async def delete_tag(call: Call) -> Response:
    """One tag less."""
    resource = _tagged(call)
    _check_has(call, resource)
    resource.tags.remove(call.params["tag"])
    resource.touch()
    return reply(status=204)


def _check_has(call: Call, resource: Resource) -> None:
    if call.params["tag"] not in resource.tags:
        raise not_found(f"Tag {call.params['tag']} could not be found.", "TagNotFound")
