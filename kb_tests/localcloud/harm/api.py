"""The part of the admin API that harms running servers and attached volumes, and lists what there is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.responses import Response

from kb_tests.localcloud.admin import routes
from kb_tests.localcloud.api.call import Call, Json, reply, text, truth
from kb_tests.localcloud.api.errors import bad_request, conflict, not_found
from kb_tests.localcloud.cinder.state import Volume
from kb_tests.localcloud.cloud import Cloud
from kb_tests.localcloud.driver import DriverError
from kb_tests.localcloud.harm import servers, volumes
from kb_tests.localcloud.harm.asked import parse
from kb_tests.localcloud.nova.state import Server


@routes.add("POST", "/harms/servers", admin="harm servers")
async def harm_servers(call: Call) -> Response:
    """`kind` and its values, of a `server` (id, name, or a regular expression of names: of one server, or
    with `all` of several) or of all that run on a `host`. Answers with those that were harmed.
    """
    given = call.object("harm")
    kinds = {kind: names for kind, (_, names) in servers.KINDS.items()}
    asked = parse(call, given, kinds, frozenset({"server", "host", "all"}))
    chosen = _running(call.cloud, given)
    do, _ = servers.KINDS[asked.kind]
    with _refused():
        await asyncio.gather(*(do(asked, server) for server in chosen))
    return reply({"harmed": [{"id": server.id, "name": server.name} for server in chosen]}, 202)


@routes.add("POST", "/harms/volumes", admin="harm volumes")
async def harm_volume(call: Call) -> Response:
    """`kind` and its values, of an attached `volume`, by id or name. Values left out end the fault."""
    given = call.object("harm")
    kinds = {kind: names for kind, (_, names) in volumes.KINDS.items()}
    asked = parse(call, given, kinds, frozenset({"volume"}))
    volume = _volume(call.cloud, text(given, "volume"))
    if not volume.attachments:
        raise conflict(f"Volume {volume.name or volume.id} is not attached.")
    do, _ = volumes.KINDS[asked.kind]
    with _refused():
        await do(asked, volume)
    return reply({"harmed": [{"id": volume.id, "name": volume.name}]}, 202)


@routes.add("GET", "/harms", admin="see faults")
async def list_harms(call: Call) -> Response:
    """What is wrong on request just now."""
    return reply({"harms": [harm.view() for harm in call.cloud.harms.all()]})


@routes.add("DELETE", "/harms", admin="end faults")
async def end_harms(call: Call) -> Response:
    """What was done to all, or to the `?server=` or `?volume=` alone, is undone."""
    cloud = call.cloud
    chosen: list[str | None] = [None]
    if "server" in call.query:
        chosen = [server.id for server in _named(cloud, call.query["server"], several=True)]
    elif "volume" in call.query:
        chosen = [_volume(cloud, call.query["volume"]).id]
    for identifier in chosen:
        await cloud.harms.end(*cloud.harms.all(identifier))
    return reply(status=204)


@routes.add("GET", "/servers", admin="list servers")
async def list_servers(call: Call) -> Response:
    """All of all projects: where each is, how it is reached, its volumes, and what is wrong with it."""
    return reply({"servers": [_view(call.cloud, server) for server in call.cloud.compute.servers.values()]})


def _view(cloud: Cloud, server: Server) -> Json:
    networking = cloud.networking
    ports = [networking.ports[port] for port in server.ports if port in networking.ports]
    project = cloud.identity.projects.get(server.project_id)
    attached = (cloud.storage.volumes.get(volume) for volume in server.attachments)
    return {
        "id": server.id,
        "name": server.name,
        "status": server.status,
        "host": server.host,
        "zone": cloud.compute.zone_of(server.host) if server.host else None,
        "project": project.name if project else server.project_id,
        "addresses": [address for port in ports for _, address in port.fixed_ips],
        "floating": [each.address for each in networking.floating.values() if each.port_id in server.ports],
        "volumes": [volume.name or volume.id for volume in attached if volume is not None],
        "harms": [harm.view() for harm in cloud.harms.all(server.id)],
    }


@contextmanager
def _refused() -> Iterator[None]:
    """What the data plane cannot do here, or not to this, is no fault of the API."""
    try:
        yield
    except DriverError as error:
        raise conflict(str(error)) from None


def _running(cloud: Cloud, given: Json) -> list[Server]:
    if ("server" in given) == ("host" in given):
        raise bad_request("Say either a server or a host.")
    if "server" in given:
        found = _named(cloud, text(given, "server"), several=truth(given.get("all")))
        idle = [server.name for server in found if server.vm_state != "active"]
        if idle:
            raise conflict(f"Server {', '.join(idle)} does not run.")
        return found
    host, hosts = text(given, "host"), [each.host for each in cloud.compute.hypervisors]
    if host not in hosts:
        raise not_found(f"There is no host {host}: there are {', '.join(hosts)}.")
    found = [
        each for each in cloud.compute.servers.values() if each.host == host and each.vm_state == "active"
    ]
    if not found:
        raise not_found(f"No server runs on {host}.")
    return found


def _named(cloud: Cloud, wanted: str, *, several: bool) -> list[Server]:
    """Servers by id, by name, or by a regular expression that is searched in their names.

    Raises:
        ApiError: 404, there is none; 409, there are many, and one was meant.

    """
    known = cloud.compute.servers
    if wanted in known:
        return [known[wanted]]
    found = [server for server in known.values() if server.name == wanted]
    if not found:
        try:
            found = [server for server in known.values() if re.search(wanted, server.name)]
        except re.error:
            found = []
    if not found:
        names = ", ".join(sorted({server.name for server in known.values()}))
        raise not_found(f"There is no server {wanted}: there is {names or 'none at all'}.")
    if len(found) > 1 and not several:
        which = ", ".join(f"{server.name} ({server.id})" for server in found)
        raise conflict(f"{len(found)} servers are {wanted}: {which}. Say which, or that all are meant.")
    return found


def _volume(cloud: Cloud, wanted: str) -> Volume:
    known = cloud.storage.volumes
    if wanted in known:
        return known[wanted]
    found = [volume for volume in known.values() if volume.name == wanted]
    if not found:
        names = ", ".join(sorted({volume.name or volume.id for volume in known.values()}))
        raise not_found(f"There is no volume {wanted}: there is {names or 'none at all'}.")
    if len(found) > 1:
        raise conflict(f"{len(found)} volumes are {wanted}: say one's id.")
    return found[0]
