"""Flavors, their extra specs and who may use them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply, text, truth, whole
from kb_tests.localcloud.api.errors import bad_request, conflict, not_found
from kb_tests.localcloud.api.paging import page
from kb_tests.localcloud.nova.common import links, next_page, routes
from kb_tests.localcloud.nova.state import Flavor, new_id


def view(call: Call, flavor: Flavor) -> Json:
    """The flavor in the shape of the microversion."""
    shown: Json = {
        "id": flavor.id,
        "name": flavor.name,
        "ram": flavor.ram,
        "disk": flavor.disk,
        "vcpus": flavor.vcpus,
        "swap": flavor.swap or (0 if call.version >= (2, 75) else ""),
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral,
        "OS-FLV-DISABLED:disabled": False,
        "os-flavor-access:is_public": flavor.public,
        "rxtx_factor": flavor.rxtx_factor,
        "links": links(call, f"flavors/{flavor.id}"),
    }
    if call.version >= (2, 55):
        shown["description"] = flavor.description
    if call.version >= (2, 61):
        shown["extra_specs"] = dict(flavor.extra_specs)
    return shown


def sees(call: Call, flavor: Flavor) -> bool:
    """Public ones, and those that the project was given."""
    return flavor.public or call.caller.is_admin or call.caller.project_id in flavor.access


def get(call: Call, identifier: str) -> Flavor:
    """The flavor, if the caller may use it.

    Raises:
        ApiError: 404.

    """
    flavor = call.cloud.compute.flavors.get(identifier)
    if flavor is None or not sees(call, flavor):
        raise not_found(f"Flavor {identifier} could not be found.")
    return flavor


def _listed(call: Call) -> Iterable[Flavor]:
    asked = call.query.get("is_public")
    least_ram, least_disk = call.query.get("minRam"), call.query.get("minDisk")
    for name, value in (("minRam", least_ram), ("minDisk", least_disk)):
        if value is not None and not value.isdigit():
            raise bad_request(f"Invalid {name} filter [{value}]")
    for flavor in call.cloud.compute.flavors.values():
        if not sees(call, flavor):
            continue
        everything = not call.caller.is_admin or (asked or "").lower() == "none"
        if not everything and flavor.public != truth(asked, True):
            continue
        if flavor.ram >= int(least_ram or 0) and flavor.disk >= int(least_disk or 0):
            yield flavor


@routes.add("GET", "/v2.1/flavors")
async def list_flavors(call: Call) -> Response:
    """Ids and names."""
    found, marker = page([view(call, flavor) for flavor in _listed(call)], call.query)
    names = ("id", "name", "links", "description") if call.version >= (2, 55) else ("id", "name", "links")
    body: Json = {"flavors": [{name: each[name] for name in names} for each in found]}
    if more := next_page(call, marker):
        body["flavors_links"] = more
    return reply(body)


@routes.add("GET", "/v2.1/flavors/detail")
async def list_flavor_details(call: Call) -> Response:
    """Whole."""
    found, marker = page([view(call, flavor) for flavor in _listed(call)], call.query)
    body: Json = {"flavors": found}
    if more := next_page(call, marker):
        body["flavors_links"] = more
    return reply(body)


@routes.add("GET", "/v2.1/flavors/{id}")
async def show_flavor(call: Call) -> Response:
    """One flavor."""
    return reply({"flavor": view(call, get(call, call.params["id"]))})


@routes.add("POST", "/v2.1/flavors", admin="os_compute_api:os-flavor-manage:create")
async def create_flavor(call: Call) -> Response:
    """A new size."""
    given, flavors = call.object("flavor"), call.cloud.compute.flavors
    identifier = given.get("id")
    identifier = new_id() if identifier in (None, "auto") else str(identifier)
    name = text(given, "name").strip()
    if not name or not re.fullmatch(r"[\w.\- ]{1,255}", identifier):
        raise bad_request("Invalid input for field/attribute name or id.")
    flavor = Flavor(
        id=identifier,
        name=name,
        vcpus=whole(given, "vcpus", least=1),
        ram=whole(given, "ram", least=1),
        disk=whole(given, "disk"),
        ephemeral=whole(given, "OS-FLV-EXT-DATA:ephemeral", 0),
        swap=whole(given, "swap", 0),
        rxtx_factor=_factor(given.get("rxtx_factor")),
        public=truth(given.get("os-flavor-access:is_public"), True),
    )
    if given.get("description") is not None and call.version >= (2, 55):
        flavor.description = text(given, "description", longest=65535)
    for other in flavors.values():
        if other.name == flavor.name:
            raise conflict(f"Flavor with name {flavor.name} already exists.")
        if other.id == flavor.id:
            raise conflict(f"Flavor with ID {flavor.id} already exists.")
    if not flavor.public:
        flavor.access.add(call.caller.project_id)
    flavors[flavor.id] = flavor
    return reply({"flavor": view(call, flavor)})


def _factor(given: object) -> float:
    if given is None:
        return 1.0
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise bad_request(f"Invalid input for field/attribute rxtx_factor. Value: {given}.")
    try:
        return float(given)
    except ValueError:
        raise bad_request(f"Invalid input for field/attribute rxtx_factor. Value: {given}.") from None


@routes.add("PUT", "/v2.1/flavors/{id}", admin="os_compute_api:os-flavor-manage:update")
async def update_flavor(call: Call) -> Response:
    """Its description, from 2.55 on."""
    flavor, given = get(call, call.params["id"]), call.object("flavor")
    flavor.description = text(given, "description", "", longest=65535)
    return reply({"flavor": view(call, flavor)})


@routes.add("DELETE", "/v2.1/flavors/{id}", admin="os_compute_api:os-flavor-manage:delete")
async def delete_flavor(call: Call) -> Response:
    """Servers made of it keep their size."""
    del call.cloud.compute.flavors[get(call, call.params["id"]).id]
    return reply(status=202)


@routes.add("GET", "/v2.1/flavors/{id}/os-extra_specs")
async def list_extra_specs(call: Call) -> Response:
    """All of them."""
    return reply({"extra_specs": get(call, call.params["id"]).extra_specs})


@routes.add("POST", "/v2.1/flavors/{id}/os-extra_specs", admin="os_compute_api:os-flavor-extra-specs:create")
async def create_extra_specs(call: Call) -> Response:
    """Add or replace."""
    flavor, given = get(call, call.params["id"]), call.object("extra_specs")
    flavor.extra_specs |= {name: text(given, name) for name in given}
    return reply({"extra_specs": {name: flavor.extra_specs[name] for name in given}})


@routes.add("GET", "/v2.1/flavors/{id}/os-extra_specs/{key}")
async def show_extra_spec(call: Call) -> Response:
    """One of them."""
    flavor, key = get(call, call.params["id"]), call.params["key"]
    if key not in flavor.extra_specs:
        raise not_found(f"Flavor {flavor.id} has no extra specs with key {key}.")
    return reply({key: flavor.extra_specs[key]})


@routes.add(
    "PUT", "/v2.1/flavors/{id}/os-extra_specs/{key}", admin="os_compute_api:os-flavor-extra-specs:update"
)
async def update_extra_spec(call: Call) -> Response:
    """One of them."""
    flavor, key = get(call, call.params["id"]), call.params["key"]
    flavor.extra_specs[key] = text(call.body, key)
    return reply({key: flavor.extra_specs[key]})


@routes.add(
    "DELETE", "/v2.1/flavors/{id}/os-extra_specs/{key}", admin="os_compute_api:os-flavor-extra-specs:delete"
)
async def delete_extra_spec(call: Call) -> Response:
    """One less."""
    flavor, key = get(call, call.params["id"]), call.params["key"]
    if key not in flavor.extra_specs:
        raise not_found(f"Flavor {flavor.id} has no extra specs with key {key}.")
    del flavor.extra_specs[key]
    return reply(status=200)


@routes.add("GET", "/v2.1/flavors/{id}/os-flavor-access", admin="os_compute_api:os-flavor-access")
async def list_access(call: Call) -> Response:
    """The projects that may use a private flavor."""
    flavor = get(call, call.params["id"])
    if flavor.public:
        raise not_found("Access list not available for public flavors.")
    return reply(_access_view(flavor))


def _access_view(flavor: Flavor) -> Json:
    return {
        "flavor_access": [{"flavor_id": flavor.id, "tenant_id": project} for project in sorted(flavor.access)]
    }


@routes.add("POST", "/v2.1/flavors/{id}/action", admin="os_compute_api:os-flavor-access:add_tenant_access")
async def change_access(call: Call) -> Response:
    """Give it to a project, or take it away."""
    flavor = get(call, call.params["id"])
    if "addTenantAccess" in call.body:
        project = text(call.object("addTenantAccess"), "tenant")
        if flavor.public:
            raise conflict("Can not add access to a public flavor.")
        if project in flavor.access:
            raise conflict(
                f"Flavor access already exists for flavor {flavor.id} and project {project} combination."
            )
        flavor.access.add(project)
    else:
        project = text(call.object("removeTenantAccess"), "tenant")
        if project not in flavor.access:
            raise not_found(f"Flavor access not found for {flavor.id} / {project} combination.")
        flavor.access.discard(project)
    return reply(_access_view(flavor))
