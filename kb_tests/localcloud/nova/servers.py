"""Servers: list, show, change, delete; metadata and tags."""

from __future__ import annotations

import re
from collections.abc import Callable

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply, text, truth
from kb_tests.localcloud.api.errors import ApiError, bad_request, conflict, not_found
from kb_tests.localcloud.api.paging import page
from kb_tests.localcloud.nova import lifecycle
from kb_tests.localcloud.nova.common import get_server, must_be_unlocked, next_page, routes
from kb_tests.localcloud.nova.create import access_address, check_metadata, check_tags
from kb_tests.localcloud.nova.state import Server
from kb_tests.localcloud.nova.views import detail, floating_by_port, summary
from kb_tests.localcloud.times import micros, seconds


@routes.add("GET", "/v2.1/servers")
async def list_servers(call: Call) -> Response:
    """Ids and names."""
    found, marker = page([_sortable(server) for server in _listed(call)], call.query)
    servers = call.cloud.compute.servers
    body: Json = {"servers": [summary(call, servers[each["id"]]) for each in found]}
    if more := next_page(call, marker):
        body["servers_links"] = more
    return reply(body)


@routes.add("GET", "/v2.1/servers/detail")
async def list_server_details(call: Call) -> Response:
    """Whole."""
    found, marker = page([_sortable(server) for server in _listed(call)], call.query)
    servers, floating = call.cloud.compute.servers, floating_by_port(call)
    body: Json = {"servers": [detail(call, servers[each["id"]], floating) for each in found]}
    if more := next_page(call, marker):
        body["servers_links"] = more
    return reply(body)


def _sortable(server: Server) -> Json:
    return {
        "id": server.id,
        "uuid": server.id,
        "display_name": server.name,
        "created_at": micros(server.created),
        "updated_at": micros(server.updated),
        "host": server.host,
        "vm_state": server.vm_state,
        "project_id": server.project_id,
    }


_FILTERS: dict[str, Callable[[Call, Server, str], bool]] = {
    "name": lambda _call, server, value: bool(_regex(value).search(server.name)),
    "status": lambda _call, server, value: server.status == value.upper(),
    "vm_state": lambda _call, server, value: server.vm_state == value,
    "uuid": lambda _call, server, value: server.id == value,
    "flavor": lambda _call, server, value: server.flavor.id == value,
    "image": lambda _call, server, value: server.image_id == value,
    "host": lambda call, server, value: not call.caller.is_admin or server.host == value,
    "reservation_id": lambda _call, server, value: server.reservation_id == value,
    "key_name": lambda _call, server, value: server.key_name == value,
    "user_id": lambda _call, server, value: server.user_id == value,
    "availability_zone": lambda call, server, value: call.cloud.compute.zone_of(server.host or "") == value,
    "tags": lambda _call, server, value: set(value.split(",")) <= set(server.tags),
    "tags-any": lambda _call, server, value: bool(set(value.split(",")) & set(server.tags)),
    "not-tags": lambda _call, server, value: not set(value.split(",")) <= set(server.tags),
    "not-tags-any": lambda _call, server, value: not set(value.split(",")) & set(server.tags),
    "changes-since": lambda _call, server, value: seconds(server.updated) >= value[:19],
    "changes-before": lambda _call, server, value: seconds(server.updated)[:19] <= value[:19],
    "locked": lambda _call, server, value: server.locked == truth(value),
    "ip": lambda call, server, value: any(
        _regex(value).search(address)
        for port in call.cloud.networking.device_ports(server.id)
        for _, address in port.fixed_ips
    ),
}


def _regex(value: str) -> re.Pattern[str]:
    try:
        return re.compile(value)
    except re.error:
        raise bad_request(f"Invalid regular expression in filter: {value}") from None


def _listed(call: Call) -> list[Server]:
    """Newest first, as Nova's database does; all projects only for administrators who ask."""
    query = call.query
    everywhere = truth(query.get("all_tenants", query.get("all_projects")))
    if "all_tenants" in query and query["all_tenants"] == "":
        everywhere = True
    if everywhere and not call.caller.is_admin:
        raise ApiError(
            403, "Policy doesn't allow os_compute_api:servers:detail:get_all_tenants to be performed."
        )
    project = call.caller.project_id
    if everywhere:
        project = query.get("project_id", query.get("tenant_id", ""))
    servers = [s for s in reversed(call.cloud.compute.servers.values()) if project in ("", s.project_id)]
    for name, value in query.multi_items():
        matches = _FILTERS.get(name)
        if matches is not None:
            servers = [server for server in servers if matches(call, server, value)]
    if truth(query.get("deleted")) and call.caller.is_admin:
        return []
    return servers


@routes.add("GET", "/v2.1/servers/{id}")
async def show_server(call: Call) -> Response:
    """One server."""
    server = get_server(call)
    return reply({"server": detail(call, server, floating_by_port(call), single=True)})


@routes.add("PUT", "/v2.1/servers/{id}")
async def update_server(call: Call) -> Response:
    """Name and description."""
    server, given = get_server(call), call.object("server")
    if "name" in given:
        name = text(given, "name").strip()
        if not name:
            raise bad_request("Invalid input for field/attribute name. Value: . '' is too short")
        server.name = name
    server.access_ipv4 = access_address(given, "accessIPv4", server.access_ipv4)
    server.access_ipv6 = access_address(given, "accessIPv6", server.access_ipv6)
    if "description" in given and call.version >= (2, 19):
        server.description = None if given["description"] is None else text(given, "description")
    if "hostname" in given and call.version >= (2, 90):
        server.hostname = text(given, "hostname", longest=63)
    server.touch()
    shown = detail(call, server, floating_by_port(call), single=True)
    if call.version < (2, 75):
        for name in [name for name in shown if name.startswith(("OS-EXT", "OS-SRV", "os-extended"))]:
            del shown[name]
        for name in ("key_name", "config_drive", "security_groups", "host_status"):
            shown.pop(name, None)
    return reply({"server": shown})


@routes.add("DELETE", "/v2.1/servers/{id}")
async def delete_server(call: Call) -> Response:
    """Gone from the list once it is gone from the data plane."""
    server = get_server(call)
    must_be_unlocked(call, server)
    begin_delete(call, server)
    return reply(status=204)


def begin_delete(call: Call, server: Server) -> None:
    """Mark it, and let the rest follow."""
    if not server.deleting:
        server.unwanted.set()
        server.task_state = "deleting"
        server.touch()
        call.cloud.spawn(lifecycle.delete(call.cloud, server))


# Metadata


@routes.add("GET", "/v2.1/servers/{id}/metadata")
async def show_metadata(call: Call) -> Response:
    """All of it."""
    return reply({"metadata": get_server(call).metadata})


@routes.add("PUT", "/v2.1/servers/{id}/metadata")
async def replace_metadata(call: Call) -> Response:
    """Nothing but what is given."""
    server = get_server(call)
    server.metadata = check_metadata(call, call.object("metadata"))
    server.touch()
    return reply({"metadata": server.metadata})


@routes.add("POST", "/v2.1/servers/{id}/metadata")
async def add_metadata(call: Call) -> Response:
    """What is given, beside what is there."""
    server = get_server(call)
    server.metadata = check_metadata(call, server.metadata | call.object("metadata"))
    server.touch()
    return reply({"metadata": server.metadata})


def _item(call: Call) -> tuple[Server, str]:
    server, key = get_server(call), call.params["key"]
    if key not in server.metadata:
        raise not_found("Metadata item was not found")
    return server, key


@routes.add("GET", "/v2.1/servers/{id}/metadata/{key}")
async def show_metadata_item(call: Call) -> Response:
    """One item."""
    server, key = _item(call)
    return reply({"meta": {key: server.metadata[key]}})


@routes.add("PUT", "/v2.1/servers/{id}/metadata/{key}")
async def set_metadata_item(call: Call) -> Response:
    """One item."""
    server, given = get_server(call), call.object("meta")
    if list(given) != [call.params["key"]]:
        raise bad_request("Request body and URI mismatch")
    server.metadata = check_metadata(call, server.metadata | given)
    server.touch()
    return reply({"meta": given})


@routes.add("DELETE", "/v2.1/servers/{id}/metadata/{key}")
async def delete_metadata_item(call: Call) -> Response:
    """One item less."""
    server, key = _item(call)
    del server.metadata[key]
    server.touch()
    return reply(status=204)


# Tags, from 2.26 on


def _tagged(call: Call) -> Server:
    if call.version < (2, 26):
        raise not_found("The resource could not be found.")
    return get_server(call)


@routes.add("GET", "/v2.1/servers/{id}/tags")
async def list_tags(call: Call) -> Response:
    """All tags."""
    return reply({"tags": _tagged(call).tags})


@routes.add("PUT", "/v2.1/servers/{id}/tags")
async def replace_tags(call: Call) -> Response:
    """Other tags."""
    server = _tagged(call)
    server.tags = check_tags(call.body.get("tags"))
    return reply({"tags": server.tags})


@routes.add("DELETE", "/v2.1/servers/{id}/tags")
async def delete_tags(call: Call) -> Response:
    """No tags."""
    _tagged(call).tags = []
    return reply(status=204)


@routes.add("GET", "/v2.1/servers/{id}/tags/{tag}")
async def check_tag(call: Call) -> Response:
    """Whether it has a tag."""
    _has(call, _tagged(call))
    return reply(status=204)


@routes.add("PUT", "/v2.1/servers/{id}/tags/{tag}")
async def add_tag(call: Call) -> Response:
    """One tag more."""
    server, tag = _tagged(call), call.params["tag"]
    if tag in server.tags:
        return reply(status=204)
    if len(server.tags) >= 50:
        raise conflict("The number of tags exceeded the per-server limit 50")
    server.tags = check_tags([*server.tags, tag])
    return reply(status=201, headers={"Location": str(call.request.url)})


@routes.add("DELETE", "/v2.1/servers/{id}/tags/{tag}")
async def delete_tag(call: Call) -> Response:
    """One tag less."""
    server = _tagged(call)
    _has(call, server)
    server.tags.remove(call.params["tag"])
    return reply(status=204)


def _has(call: Call, server: Server) -> None:
    if call.params["tag"] not in server.tags:
        raise not_found(f"Server {server.id} has no tag '{call.params['tag']}'")
