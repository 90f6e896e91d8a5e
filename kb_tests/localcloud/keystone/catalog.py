"""The catalog as resources: services, endpoints, regions. They are fixed."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply
from kb_tests.localcloud.keystone.common import (
    links,
    listing,
    missing,
)
from kb_tests.localcloud.keystone.tokens import ENDPOINTS, catalog, routes, stable_id


@routes.add("GET", "/v3/services", admin="identity:list_services")
async def list_services(call: Call) -> Response:
    """The services of this cloud, which are fixed."""
    views = [
        {
            "id": stable_id("service", kind),
            "name": name,
            "type": kind,
            "enabled": True,
            "description": "",
            "links": links(call, "services", stable_id("service", kind)),
        }
        for name, kind, _ in ENDPOINTS
    ]
    return listing(call, "services", views)


@routes.add("GET", "/v3/endpoints", admin="identity:list_endpoints")
async def list_endpoints(call: Call) -> Response:
    """Their addresses."""
    views = [
        {
            "id": endpoint["id"],
            "service_id": service["id"],
            "interface": endpoint["interface"],
            "region": endpoint["region"],
            "region_id": endpoint["region_id"],
            "url": endpoint["url"],
            "enabled": True,
            "links": links(call, "endpoints", endpoint["id"]),
        }
        for service in catalog(call.cloud, "$(project_id)s")
        for endpoint in service["endpoints"]
    ]
    return listing(call, "endpoints", views)


@routes.add("GET", "/v3/regions")
async def list_regions(call: Call) -> Response:
    """All regions."""
    return listing(call, "regions", [_region(call, name) for name in call.cloud.regions])


@routes.add("GET", "/v3/regions/{id}")
async def show_region(call: Call) -> Response:
    """One region."""
    if call.params["id"] not in call.cloud.regions:
        raise missing("region", call.params["id"])
    return reply({"region": _region(call, call.params["id"])})


def _region(call: Call, name: str) -> Json:
    return {
        "id": name,
        "description": "",
        "parent_region_id": None,
        "links": links(call, "regions", name),
    }


@routes.add("GET", "/v3/services/{id}", admin="identity:get_service")
async def show_service(call: Call) -> Response:
    """One service."""
    for service in catalog(call.cloud, "$(project_id)s"):
        if service["id"] == call.params["id"]:
            found = {name: service[name] for name in ("id", "name", "type")}
            return reply({"service": found | {"enabled": True, "description": ""}})
    raise missing("service", call.params["id"])


@routes.add("GET", "/v3/endpoints/{id}", admin="identity:get_endpoint")
async def show_endpoint(call: Call) -> Response:
    """One endpoint."""
    for service in catalog(call.cloud, "$(project_id)s"):
        for endpoint in service["endpoints"]:
            if endpoint["id"] == call.params["id"]:
                return reply({"endpoint": endpoint | {"service_id": service["id"], "enabled": True}})
    raise missing("endpoint", call.params["id"])
