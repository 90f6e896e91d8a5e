"""Volumes: create, find, change, delete."""

from __future__ import annotations

import logging

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply, text, truth
from kb_tests.localcloud.api.errors import (
    ApiError,
    bad_request,
    forbidden,
    not_found,
)
from kb_tests.localcloud.api.filters import keep
from kb_tests.localcloud.cinder.common import listing, routes
from kb_tests.localcloud.cinder.state import ZONE, Volume, VolumeType
from kb_tests.localcloud.cloud import Cloud
from kb_tests.localcloud.driver import DriverError
from kb_tests.localcloud.settings import BackEnd, VolumeZones
from kb_tests.localcloud.times import micros

log = logging.getLogger(__name__)

GIB = 2**30


def _links(call: Call, volume: Volume) -> list[Json]:
    return [
        {"rel": "self", "href": f"{call.cloud.url}/volume/v3/{volume.project_id}/volumes/{volume.id}"},
        {"rel": "bookmark", "href": f"{call.cloud.url}/volume/{volume.project_id}/volumes/{volume.id}"},
    ]


def view(call: Call, volume: Volume) -> Json:
    """The volume in the shape of the microversion."""
    shown: Json = {
        "id": volume.id,
        "name": volume.name,
        "description": volume.description,
        "size": volume.size,
        "status": volume.status,
        "availability_zone": volume.zone,
        "volume_type": volume.type.name,
        "bootable": str(volume.bootable).lower(),
        "encrypted": False,
        "multiattach": False,
        "replication_status": None,
        "consistencygroup_id": None,
        "snapshot_id": None,
        "source_volid": None,
        "metadata": dict(volume.metadata),
        "user_id": volume.user_id,
        "attachments": [
            {
                "id": volume.id,
                "attachment_id": each.id,
                "volume_id": volume.id,
                "server_id": each.server_id,
                "host_name": each.host if call.caller.is_admin else None,
                "device": each.device,
                "attached_at": micros(each.attached),
            }
            for each in volume.attachments
        ],
        "created_at": micros(volume.created),
        "updated_at": micros(volume.updated) if volume.updated else None,
        "links": _links(call, volume),
        "os-vol-tenant-attr:tenant_id": volume.project_id,
    }
    if call.caller.is_admin:
        shown |= {
            "os-vol-host-attr:host": f"kb-localcloud@{call.cloud.driver.name}#files",
            "os-vol-mig-status-attr:migstat": None,
            "os-vol-mig-status-attr:name_id": None,
            "migration_status": None,
        }
    return shown | _newer(call, volume)


def _newer(call: Call, volume: Volume) -> Json:
    shown: Json = {}
    if call.version >= (3, 13):
        shown["group_id"] = None
    if call.version >= (3, 21):
        shown["provider_id"] = None
    if call.version >= (3, 48):
        shown |= {"service_uuid": None, "shared_targets": False}
    if call.version >= (3, 61):
        shown["cluster_name"] = None
    if call.version >= (3, 63):
        shown["volume_type_id"] = volume.type.id
    if call.version >= (3, 65):
        shown["consumes_quota"] = True
    if not call.caller.is_admin:
        for name in ("provider_id", "cluster_name"):
            shown.pop(name, None)
    return shown


def _without_extensions(shown: Json) -> Json:
    """As answers to POST and PUT show a volume."""
    return {name: value for name, value in shown.items() if not name.startswith("os-vol-")}


def get(call: Call) -> Volume:
    """The volume, if it is the caller's.

    Raises:
        ApiError: 404.

    """
    return find(call, call.params["id"])


def find(call: Call, identifier: str) -> Volume:
    """The volume of this id, if it is the caller's.

    Raises:
        ApiError: 404.

    """
    volume = call.cloud.storage.volumes.get(identifier)
    if volume is None or not call.caller.sees(volume.project_id):
        raise not_found(f"Volume {identifier} could not be found.")
    return volume


def _listed(call: Call) -> list[Volume]:
    everywhere = call.caller.is_admin and truth(call.query.get("all_tenants"))
    project = call.query.get("project_id", "") if everywhere else call.caller.project_id
    volumes = reversed(call.cloud.storage.volumes.values())
    found = [volume for volume in volumes if project in ("", volume.project_id)]
    ignored = frozenset({"project_id", "glance_metadata", "metadata"})
    kept = {each["id"] for each in keep([view(call, volume) for volume in found], call.query, ignored)}
    return [volume for volume in found if volume.id in kept]


@routes.add("GET", "/v3/{project_id}/volumes")
async def list_volumes(call: Call) -> Response:
    """Ids and names."""
    volumes = _listed(call)
    short = [{"id": each.id, "name": each.name, "links": _links(call, each)} for each in volumes]
    return listing(call, "volumes", [view(call, each) for each in volumes], short)


@routes.add("GET", "/v3/{project_id}/volumes/detail")
async def list_volume_details(call: Call) -> Response:
    """Whole."""
    return listing(call, "volumes", [view(call, each) for each in _listed(call)])


@routes.add("GET", "/v3/{project_id}/volumes/summary")
async def summarize(call: Call) -> Response:
    """How many, and how large together."""
    volumes = _listed(call)
    summary: Json = {"total_count": len(volumes), "total_size": sum(volume.size for volume in volumes)}
    if call.version >= (3, 36):
        summary["metadata"] = {}
    return reply({"volume-summary": summary})


@routes.add("GET", "/v3/{project_id}/volumes/{id}")
async def show_volume(call: Call) -> Response:
    """One volume."""
    return reply({"volume": view(call, get(call))})


@routes.add("POST", "/v3/{project_id}/volumes")
async def create_volume(call: Call) -> Response:
    """An empty volume; `available` once it is filled."""
    given = call.object("volume")
    for source in ("snapshot_id", "source_volid", "imageRef", "backup_id"):
        if given.get(source):
            raise bad_request(f"The local cloud makes empty volumes only: {source} is not possible.")
    size = parse_size(given.get("size"))
    volume_type = _type(call, given.get("volume_type"))
    there = zones(call)
    zone = given.get("availability_zone") or there[0]
    if zone not in there:
        raise bad_request(f"Availability zone '{zone}' is invalid.")
    check_quota(call, size)
    volume = Volume(
        project_id=call.caller.project_id,
        user_id=call.caller.user_id,
        size=size,
        name=None if given.get("name") is None else text(given, "name"),
        description=None if given.get("description") is None else text(given, "description"),
        type=volume_type,
        metadata=parse_metadata(given.get("metadata") or {}),
        zone=zone,
    )
    call.cloud.storage.volumes[volume.id] = volume
    call.cloud.spawn(_fill(call.cloud, volume))
    return reply({"volume": _without_extensions(view(call, volume))}, 202)


def zones(call: Call) -> list[str]:
    """Those that Cinder has; the first is that of volumes whose maker names none."""
    if call.cloud.settings.volume_zones is VolumeZones.ONE:
        return [ZONE]
    compute = call.cloud.compute
    return sorted({compute.zone_of(each.host) for each in compute.hypervisors})


def parse_size(given: object) -> int:
    """GiB.

    Raises:
        ApiError: 400.

    """
    if given is None:
        raise bad_request(
            "The server could not comply with the request since it is either malformed or otherwise "
            "incorrect."
        )
    if isinstance(given, bool) or not str(given).lstrip("-").isdigit():
        raise bad_request(
            f"Invalid input for field/attribute size. Value: {given}. {given!r} does not match '^[0-9]+$'"
        )
    if int(str(given)) < 1:
        raise bad_request(
            f"Invalid input for field/attribute size. Value: {given}. {given} is less than the minimum of 1"
        )
    return int(str(given))


def _type(call: Call, given: object) -> VolumeType:
    if given in (None, ""):
        return call.cloud.storage.default_type()
    found = call.cloud.storage.find_type(str(given))
    if found is None:
        raise not_found(f"Volume type with name {given} could not be found.")
    return found


def parse_metadata(given: object) -> dict[str, str]:
    """Texts of at most 255 characters.

    Raises:
        ApiError: 400.

    """
    if not isinstance(given, dict) or any(
        not isinstance(value, str) or len(value) > 255 or not 0 < len(name) <= 255
        for name, value in given.items()
    ):
        raise bad_request(f"Invalid input for field/attribute metadata. Value: {given}.")
    return dict(given)


def check_quota(call: Call, size: int, volumes: int = 1) -> None:
    """Room for a volume, or for one to grow by `size` GiB.

    Raises:
        ApiError: 413.

    """
    storage, project = call.cloud.storage, call.caller.project_id
    used = storage.used(project)
    most = storage.limit("per_volume_gigabytes", project)
    if 0 <= most < size:
        raise bad_request(
            f"Invalid input received: Volume size {size}GB cannot be larger than the limit of {most}GB."
        )
    room = storage.limit("gigabytes", project)
    if 0 <= room < used["gigabytes"] + size:
        raise ApiError(
            413,
            "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. "
            f"Requested {size}G, quota is {room}G and {used['gigabytes']}G has been consumed.",
        )
    allowed = storage.limit("volumes", project)
    if volumes and 0 <= allowed < used["volumes"] + volumes:
        raise ApiError(
            413,
            f"VolumeLimitExceeded: Maximum number of volumes allowed ({allowed}) exceeded for quota "
            "'volumes'.",
        )


async def _fill(cloud: Cloud, volume: Volume) -> None:
    if cloud.settings.volume_back_end is BackEnd.DOWN:
        volume.status = "error"
        volume.touch()
        return
    try:
        await cloud.driver.put_volume(volume.id, volume.size * GIB)
    except DriverError as error:
        log.warning("volume %s is in error: %s", volume.id, error)
        volume.status = "error"
    else:
        volume.status = "available"
    volume.touch()


@routes.add("PUT", "/v3/{project_id}/volumes/{id}")
async def update_volume(call: Call) -> Response:
    """Name, description, metadata."""
    volume, given = get(call), call.object("volume")
    for name in ("name", "description"):
        if name in given:
            setattr(volume, name, None if given[name] is None else text(given, name))
    if "metadata" in given:
        volume.metadata = parse_metadata(given["metadata"])
    volume.touch()
    return reply({"volume": _without_extensions(view(call, volume))})


@routes.add("DELETE", "/v3/{project_id}/volumes/{id}")
async def delete_volume(call: Call) -> Response:
    """A volume that no server has; `force` needs an administrator."""
    volume = get(call)
    force = truth(call.query.get("force"))
    if force and not call.caller.is_admin:
        raise forbidden("Policy doesn't allow volume:force_delete to be performed.")
    begin_delete(call, volume, force=force)
    return reply(status=202)


def begin_delete(call: Call, volume: Volume, *, force: bool) -> None:
    """Mark it, and let the rest follow.

    Raises:
        ApiError: 400, it is in use.

    """
    deletable = (
        ("available", "error", "error_deleting", "error_extending", "in-use")
        if force
        else ("available", "error", "error_deleting", "error_extending")
    )
    if volume.status not in deletable or volume.attachments:
        raise bad_request(
            "Invalid volume: Volume status must be available or error or error_restoring or error_extending "
            "or error_managing and must not be migrating, attached, belong to a group, have snapshots, "
            "awaiting a transfer, or be disassociated from snapshots after volume transfer."
        )
    volume.status = "deleting"
    volume.touch()
    call.cloud.spawn(_delete(call.cloud, volume))


async def _delete(cloud: Cloud, volume: Volume) -> None:
    try:
        await cloud.driver.delete_volume(volume.id)
    except DriverError as error:
        log.warning("volume %s cannot be deleted: %s", volume.id, error)
        volume.status = "error_deleting"
    else:
        cloud.storage.volumes.pop(volume.id, None)


def must_be_available(volume: Volume) -> None:
    """Free for a server.

    Raises:
        ApiError: 400.

    """
    if volume.status != "available":
        raise bad_request(
            f"Invalid volume: volume '{volume.id}' status must be 'available'. Currently in '{volume.status}'"
        )
