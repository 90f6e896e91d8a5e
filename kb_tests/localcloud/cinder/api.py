"""Versions, quotas, limits, zones, services; and lists of what this cloud has none of."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply, truth
from kb_tests.localcloud.api.errors import bad_request, forbidden, not_found
from kb_tests.localcloud.api.microversions import written
from kb_tests.localcloud.cinder import actions, metadata, qos, types, volumes
from kb_tests.localcloud.cinder.common import MICROVERSIONS, SERVICE, routes
from kb_tests.localcloud.cinder.state import QUOTAS, ZONE
from kb_tests.localcloud.times import micros, now

__all__ = ["SERVICE", "actions", "metadata", "qos", "types", "volumes"]


def _version(call: Call) -> Json:
    return {
        "id": "v3.0",
        "status": "CURRENT",
        "version": written(MICROVERSIONS.most),
        "min_version": written(MICROVERSIONS.least),
        "updated": "2022-08-31T00:00:00Z",
        "links": [{"rel": "self", "href": f"{call.cloud.url}/volume/v3/"}],
        "media-types": [
            {"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}
        ],
    }


@routes.add("GET", "/", public=True)
async def versions(call: Call) -> Response:
    """What versions there are."""
    return reply({"versions": [_version(call)]}, 300)


@routes.add("GET", "/v3", public=True)
async def version(call: Call) -> Response:
    """Version 3 and its microversions."""
    return reply({"versions": [_version(call)]})


@routes.add("GET", "/v3/{project_id}/extensions")
async def list_extensions(call: Call) -> Response:
    """None by name."""
    del call
    return reply({"extensions": []})


@routes.add("GET", "/v3/{project_id}/os-availability-zone")
async def list_zones(call: Call) -> Response:
    """The one zone, or Nova's."""
    views = [{"zoneName": zone, "zoneState": {"available": True}} for zone in volumes.zones(call)]
    return reply({"availabilityZoneInfo": views})


@routes.add("GET", "/v3/{project_id}/os-services", admin="volume_extension:services:index")
async def list_services(call: Call) -> Response:
    """The scheduler, and the one back end."""
    views = [
        {
            "binary": binary,
            "host": host,
            "zone": ZONE,
            "status": "enabled",
            "state": state,
            "updated_at": micros(now()),
            "disabled_reason": None,
            "cluster": None,
        }
        for binary, host, state in (
            ("cinder-scheduler", "kb-localcloud", "up"),
            (
                "cinder-volume",
                f"kb-localcloud@{call.cloud.driver.name}",
                call.cloud.settings.volume_back_end.value,
            ),
        )
    ]
    return reply({"services": views})


# Quotas


def _limits(call: Call, project_id: str) -> Json:
    kinds = dict(QUOTAS)
    for kind in call.cloud.storage.types.values():
        kinds |= {f"{name}_{kind.name}": -1 for name in ("volumes", "gigabytes", "snapshots")}
    return {kind: call.cloud.storage.limit(kind, project_id) for kind in kinds}


def _may_see(call: Call) -> str:
    if not call.caller.sees(call.params["id"]):
        raise forbidden("Policy doesn't allow volume_extension:quotas:show to be performed.")
    return call.params["id"]


@routes.add("GET", "/v3/{project_id}/os-quota-sets/{id}")
async def show_quota(call: Call) -> Response:
    """The limits of a project; with `usage` also what it has."""
    project_id = _may_see(call)
    limits = _limits(call, project_id)
    if truth(call.query.get("usage")):
        used = call.cloud.storage.used(project_id)
        limits = {
            kind: {"limit": limit, "in_use": used.get(kind, 0), "reserved": 0}
            for kind, limit in limits.items()
        }
    return reply({"quota_set": {"id": project_id} | limits})


@routes.add("GET", "/v3/{project_id}/os-quota-sets/{id}/defaults")
async def show_default_quota(call: Call) -> Response:
    """The limits of a project whose quotas were not set."""
    return reply({"quota_set": {"id": call.params["id"]} | _limits(call, "")})


@routes.add("PUT", "/v3/{project_id}/os-quota-sets/{id}", admin="volume_extension:quotas:update")
async def update_quota(call: Call) -> Response:
    """Other limits."""
    project_id, given = call.params["id"], call.object("quota_set")
    limits = dict(call.cloud.storage.quotas.get(project_id, {}))
    known = _limits(call, project_id)
    for kind, limit in given.items():
        if kind in ("tenant_id", "skip_validation", "force"):
            continue
        if kind not in known:
            raise bad_request(f"Bad key(s) in quota set: {kind}")
        if not str(limit).lstrip("-").isdigit() or int(limit) < -1:
            raise bad_request(f"Invalid input for field/attribute {kind}. Value: {limit}.")
        limits[kind] = int(limit)
    call.cloud.storage.quotas[project_id] = limits
    return reply({"quota_set": _limits(call, project_id)})


@routes.add("DELETE", "/v3/{project_id}/os-quota-sets/{id}", admin="volume_extension:quotas:delete")
async def delete_quota(call: Call) -> Response:
    """Back to the defaults."""
    call.cloud.storage.quotas.pop(call.params["id"], None)
    return reply(status=200)


@routes.add("GET", "/v3/{project_id}/limits")
async def show_limits(call: Call) -> Response:
    """Limits and use of the caller's project."""
    storage, project = call.cloud.storage, call.caller.project_id
    used = storage.used(project)
    absolute = {
        "maxTotalVolumes": storage.limit("volumes", project),
        "maxTotalVolumeGigabytes": storage.limit("gigabytes", project),
        "maxTotalSnapshots": storage.limit("snapshots", project),
        "maxTotalBackups": storage.limit("backups", project),
        "maxTotalBackupGigabytes": storage.limit("backup_gigabytes", project),
        "totalVolumesUsed": used["volumes"],
        "totalGigabytesUsed": used["gigabytes"],
        "totalSnapshotsUsed": 0,
        "totalBackupsUsed": 0,
        "totalBackupGigabytesUsed": 0,
    }
    return reply({"limits": {"rate": [], "absolute": absolute}})


# Snapshots and backups: clients that clean up ask for them


async def _none(call: Call) -> Response:
    kind = call.request.url.path.split("/")[4]
    return reply({kind: []})


async def _no_such(call: Call) -> Response:
    kind = call.request.url.path.split("/")[4]
    raise not_found(f"{kind[:-1].capitalize()} {call.params['id']} could not be found.")


for _kind in ("snapshots", "backups"):
    routes.add("GET", f"/v3/{{project_id}}/{_kind}")(_none)
    routes.add("GET", f"/v3/{{project_id}}/{_kind}/detail")(_none)
    routes.add("GET", f"/v3/{{project_id}}/{_kind}/{{id}}")(_no_such)
