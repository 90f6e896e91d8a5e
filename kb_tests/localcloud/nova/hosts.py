"""Hypervisors, services, availability zones and aggregates."""

from __future__ import annotations

from ipaddress import IPv4Address

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply, text
from kb_tests.localcloud.api.errors import bad_request, conflict, not_found
from kb_tests.localcloud.nova.common import routes
from kb_tests.localcloud.nova.state import DEFAULT_ZONE, Aggregate, Hypervisor
from kb_tests.localcloud.times import micros, now

_HYPERVISORS = "os_compute_api:os-hypervisors"
_AGGREGATES = "os_compute_api:os-aggregates"
_HOSTS = IPv4Address("198.18.0.0")
"""Nobody reaches a host (RFC 2544)."""
_SERVICES = "os_compute_api:os-services"


# Hypervisors


def _id(call: Call, hypervisor: Hypervisor) -> str | int:
    return hypervisor.id if call.version >= (2, 53) else hypervisor.number


def _summary(call: Call, hypervisor: Hypervisor) -> Json:
    shown: Json = {
        "id": _id(call, hypervisor),
        "hypervisor_hostname": hypervisor.host,
        "state": "down" if hypervisor.forced_down else "up",
        "status": "enabled" if hypervisor.enabled else "disabled",
    }
    if call.version >= (2, 53) and call.query.get("with_servers", "").lower() == "true":
        found = [s for s in call.cloud.compute.servers.values() if s.host == hypervisor.host]
        shown["servers"] = [{"uuid": server.id, "name": server.name} for server in found]
    return shown


def _detail(call: Call, hypervisor: Hypervisor) -> Json:
    shown = _summary(call, hypervisor) | {
        "host_ip": str(_HOSTS + hypervisor.number),
        "hypervisor_type": f"kb-localcloud-{call.cloud.driver.name}",
        "hypervisor_version": 1,
        "service": {
            "id": hypervisor.service_id if call.version >= (2, 53) else hypervisor.number,
            "host": hypervisor.host,
            "disabled_reason": hypervisor.disabled_reason,
        },
    }
    if call.version >= (2, 88):
        return shown | {"uptime": None}
    cpu: object = {"notes": list(call.cloud.driver.notes)}
    return shown | _figures(call, [hypervisor]) | {"cpu_info": cpu if call.version >= (2, 28) else ""}


def _figures(call: Call, hypervisors: list[Hypervisor]) -> Json:
    hosts = {each.host for each in hypervisors}
    servers = [server for server in call.cloud.compute.servers.values() if server.host in hosts]
    memory = sum(each.memory_mib for each in hypervisors)
    disk = sum(each.disk_gib for each in hypervisors)
    ram_used = sum(server.flavor.ram for server in servers)
    disk_used = sum(server.flavor.disk for server in servers)
    return {
        "vcpus": sum(each.vcpus for each in hypervisors),
        "vcpus_used": sum(server.flavor.vcpus for server in servers),
        "memory_mb": memory,
        "memory_mb_used": ram_used,
        "free_ram_mb": memory - ram_used,
        "local_gb": disk,
        "local_gb_used": disk_used,
        "free_disk_gb": disk - disk_used,
        "disk_available_least": disk - disk_used,
        "running_vms": len(servers),
        "current_workload": sum(1 for server in servers if server.task_state),
    }


def _listed(call: Call) -> list[Hypervisor]:
    pattern = call.query.get("hypervisor_hostname_pattern", "")
    found = [each for each in call.cloud.compute.hypervisors if pattern in each.host]
    if pattern and not found:
        raise not_found(f"No hypervisor matching '{pattern}' could be found.")
    return found


@routes.add("GET", "/v2.1/os-hypervisors", admin=f"{_HYPERVISORS}:list")
async def list_hypervisors(call: Call) -> Response:
    """Ids and names."""
    return reply({"hypervisors": [_summary(call, each) for each in _listed(call)]})


@routes.add("GET", "/v2.1/os-hypervisors/detail", admin=f"{_HYPERVISORS}:list-detail")
async def list_hypervisor_details(call: Call) -> Response:
    """Whole."""
    return reply({"hypervisors": [_detail(call, each) for each in _listed(call)]})


@routes.add("GET", "/v2.1/os-hypervisors/statistics", admin=f"{_HYPERVISORS}:statistics")
async def show_statistics(call: Call) -> Response:
    """The sum, before 2.88."""
    if call.version >= (2, 88):
        raise not_found("The resource could not be found.")
    hypervisors = call.cloud.compute.hypervisors
    return reply({"hypervisor_statistics": {"count": len(hypervisors)} | _figures(call, hypervisors)})


def _hypervisor(call: Call) -> Hypervisor:
    for each in call.cloud.compute.hypervisors:
        if call.params["id"] in (each.id, str(each.number)):
            return each
    raise not_found(f"Hypervisor with ID '{call.params['id']}' could not be found.")


@routes.add("GET", "/v2.1/os-hypervisors/{id}", admin=f"{_HYPERVISORS}:show")
async def show_hypervisor(call: Call) -> Response:
    """One of them."""
    return reply({"hypervisor": _detail(call, _hypervisor(call))})


@routes.add("GET", "/v2.1/os-hypervisors/{id}/uptime", admin=f"{_HYPERVISORS}:uptime")
async def show_uptime(call: Call) -> Response:
    """The drivers know of none."""
    return reply({"hypervisor": _summary(call, _hypervisor(call)) | {"uptime": ""}})


# Services


@routes.add("GET", "/v2.1/os-services", admin=f"{_SERVICES}:list")
async def list_services(call: Call) -> Response:
    """One compute service a hypervisor, and the scheduler and conductor that every Nova has."""
    compute = call.cloud.compute
    views = [
        _service_view(call, binary, "kb-controller", "internal", None)
        for binary in ("nova-scheduler", "nova-conductor")
    ]
    views += [
        _service_view(call, "nova-compute", each.host, compute.zone_of(each.host), each)
        for each in compute.hypervisors
    ]
    host, binary_asked = call.query.get("host"), call.query.get("binary")
    views = [v for v in views if host in (None, v["host"]) and binary_asked in (None, v["binary"])]
    return reply({"services": views})


def _service_view(call: Call, binary: str, host: str, zone: str, hypervisor: Hypervisor | None) -> Json:
    enabled = hypervisor is None or hypervisor.enabled
    down = hypervisor is not None and hypervisor.forced_down
    number = hypervisor.number if hypervisor else (1001 if binary == "nova-scheduler" else 1002)
    identifier = hypervisor.service_id if hypervisor else f"00000000-0000-4000-8000-00000000{number}"
    shown: Json = {
        "id": identifier if call.version >= (2, 53) else number,
        "binary": binary,
        "host": host,
        "zone": zone,
        "status": "enabled" if enabled else "disabled",
        "state": "down" if down else "up",
        "updated_at": micros(now()),
        "disabled_reason": hypervisor.disabled_reason if hypervisor else None,
    }
    if call.version >= (2, 11):
        shown["forced_down"] = down
    return shown


@routes.add("PUT", "/v2.1/os-services/{id}", admin=f"{_SERVICES}:update")
async def update_service(call: Call) -> Response:
    """Enable, disable, force down: from 2.53 by id."""
    for each in call.cloud.compute.hypervisors:
        if call.params["id"] == each.service_id:
            if call.body.get("status") in ("enabled", "disabled"):
                each.enabled = call.body["status"] == "enabled"
                each.disabled_reason = None if each.enabled else call.body.get("disabled_reason")
            if isinstance(call.body.get("forced_down"), bool):
                each.forced_down = call.body["forced_down"]
            zone = call.cloud.compute.zone_of(each.host)
            return reply({"service": _service_view(call, "nova-compute", each.host, zone, each)})
    raise not_found(f"Compute service {call.params['id']} could not be found.")


# Availability zones


def _zones(call: Call) -> dict[str, list[Hypervisor]]:
    zones: dict[str, list[Hypervisor]] = {}
    for each in call.cloud.compute.hypervisors:
        zones.setdefault(call.cloud.compute.zone_of(each.host), []).append(each)
    return zones


@routes.add("GET", "/v2.1/os-availability-zone")
async def list_zones(call: Call) -> Response:
    """Their names; one is available while a host of it is enabled and up."""
    views = [
        {
            "zoneName": zone,
            "zoneState": {"available": any(each.enabled and not each.forced_down for each in hypervisors)},
            "hosts": None,
        }
        for zone, hypervisors in _zones(call).items()
    ]
    return reply({"availabilityZoneInfo": views})


@routes.add("GET", "/v2.1/os-availability-zone/detail", admin="os_compute_api:os-availability-zone:detail")
async def list_zone_details(call: Call) -> Response:
    """With their enabled hosts and services."""
    views: list[Json] = [
        {
            "zoneName": "internal",
            "zoneState": {"available": True},
            "hosts": {"kb-controller": {name: _alive(True) for name in ("nova-scheduler", "nova-conductor")}},
        }
    ]
    views += [
        {
            "zoneName": zone,
            "zoneState": {"available": bool(enabled)},
            "hosts": {each.host: {"nova-compute": _alive(not each.forced_down)} for each in enabled} or None,
        }
        for zone, hypervisors in _zones(call).items()
        for enabled in [[each for each in hypervisors if each.enabled]]
    ]
    return reply({"availabilityZoneInfo": views})


def _alive(available: bool) -> Json:
    return {"available": available, "active": True, "updated_at": micros(now())}


# Aggregates


def _aggregate_view(call: Call, aggregate: Aggregate) -> Json:
    shown: Json = {
        "id": aggregate.number,
        "name": aggregate.name,
        "availability_zone": aggregate.metadata.get("availability_zone"),
        "hosts": list(aggregate.hosts),
        "metadata": dict(aggregate.metadata),
        "created_at": micros(aggregate.created),
        "updated_at": micros(aggregate.updated) if aggregate.updated else None,
        "deleted": False,
        "deleted_at": None,
    }
    if call.version >= (2, 41):
        shown["uuid"] = aggregate.id
    return shown


def _aggregate(call: Call) -> Aggregate:
    number = call.params["id"]
    aggregate = call.cloud.compute.aggregates.get(int(number)) if number.isdigit() else None
    if aggregate is None:
        raise not_found(f"Aggregate {number} could not be found.")
    return aggregate


@routes.add("GET", "/v2.1/os-aggregates", admin=f"{_AGGREGATES}:index")
async def list_aggregates(call: Call) -> Response:
    """All of them."""
    return reply(
        {"aggregates": [_aggregate_view(call, each) for each in call.cloud.compute.aggregates.values()]}
    )


@routes.add("GET", "/v2.1/os-aggregates/{id}", admin=f"{_AGGREGATES}:show")
async def show_aggregate(call: Call) -> Response:
    """One of them."""
    return reply({"aggregate": _aggregate_view(call, _aggregate(call))})


@routes.add("POST", "/v2.1/os-aggregates", admin=f"{_AGGREGATES}:create")
async def create_aggregate(call: Call) -> Response:
    """A new one, perhaps as an availability zone."""
    given, compute = call.object("aggregate"), call.cloud.compute
    name = text(given, "name")
    if any(each.name == name for each in compute.aggregates.values()):
        raise conflict(f"Aggregate {name} already exists.")
    aggregate = Aggregate(number=compute.next_number(), name=name)
    if given.get("availability_zone"):
        aggregate.metadata["availability_zone"] = text(given, "availability_zone")
    compute.aggregates[aggregate.number] = aggregate
    shown = _aggregate_view(call, aggregate)
    del shown["hosts"], shown["metadata"]
    return reply({"aggregate": shown})


@routes.add("PUT", "/v2.1/os-aggregates/{id}", admin=f"{_AGGREGATES}:update")
async def update_aggregate(call: Call) -> Response:
    """Name and zone."""
    aggregate, given = _aggregate(call), call.object("aggregate")
    aggregate.name = text(given, "name", aggregate.name)
    if given.get("availability_zone"):
        aggregate.metadata["availability_zone"] = text(given, "availability_zone")
    aggregate.updated = now()
    return reply({"aggregate": _aggregate_view(call, aggregate)})


@routes.add("DELETE", "/v2.1/os-aggregates/{id}", admin=f"{_AGGREGATES}:delete")
async def delete_aggregate(call: Call) -> Response:
    """One without hosts."""
    aggregate = _aggregate(call)
    if aggregate.hosts:
        raise bad_request(
            f"Cannot remove host from aggregate {aggregate.number}. Reason: Host aggregate is not empty."
        )
    del call.cloud.compute.aggregates[aggregate.number]
    return reply(status=200)


@routes.add("POST", "/v2.1/os-aggregates/{id}/action", admin=f"{_AGGREGATES}:add_host")
async def change_aggregate(call: Call) -> Response:
    """Hosts and metadata."""
    aggregate = _aggregate(call)
    if "add_host" in call.body:
        host = text(call.object("add_host"), "host")
        if all(each.host != host for each in call.cloud.compute.hypervisors):
            raise not_found(f"Compute host {host} could not be found.")
        if host in aggregate.hosts:
            raise conflict(f"Aggregate {aggregate.number} already has host {host}.")
        if call.cloud.compute.zone_of(host) != DEFAULT_ZONE and "availability_zone" in aggregate.metadata:
            raise conflict(
                f"Cannot add host to aggregate {aggregate.number}. Reason: One or more hosts already in "
                "different availability zone(s)."
            )
        aggregate.hosts.append(host)
    elif "remove_host" in call.body:
        host = text(call.object("remove_host"), "host")
        if host not in aggregate.hosts:
            raise not_found(f"Aggregate {aggregate.number} has no host {host}.")
        aggregate.hosts.remove(host)
    else:
        for key, value in call.object("set_metadata").get("metadata", {}).items():
            if value is None:
                aggregate.metadata.pop(key, None)
            else:
                aggregate.metadata[key] = str(value)
    aggregate.updated = now()
    return reply({"aggregate": _aggregate_view(call, aggregate)})
