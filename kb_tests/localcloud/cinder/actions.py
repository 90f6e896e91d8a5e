"""What else can be done with a volume: extend it, set its state, book an attachment, delete it by force."""

from __future__ import annotations

import logging

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, reply, text, truth
from kb_tests.localcloud.api.errors import bad_request, forbidden, not_implemented
from kb_tests.localcloud.cinder import volumes
from kb_tests.localcloud.cinder.common import routes
from kb_tests.localcloud.cinder.state import Volume, VolumeAttachment, new_id
from kb_tests.localcloud.cloud import Cloud
from kb_tests.localcloud.driver import DriverError

log = logging.getLogger(__name__)


@routes.add("POST", "/v3/{project_id}/volumes/{id}/action")
async def act(call: Call) -> Response:
    """Extend, reset the status, mark as bootable, delete by force."""
    volume = volumes.get(call)
    match next(iter(call.body), ""):
        case "os-extend":
            return _extend(call, volume)
        case "os-reset_status":
            if not call.caller.is_admin:
                raise forbidden(
                    "Policy doesn't allow volume_extension:volume_admin_actions:reset_status to be performed."
                )
            volume.status = text(call.object("os-reset_status"), "status", volume.status)
            volume.touch()
            return reply(status=202)
        case "os-set_bootable":
            volume.bootable = truth(call.object("os-set_bootable").get("bootable"))
            return reply(status=200)
        case "os-update_readonly_flag":
            return reply(status=202)
        case "os-reserve" | "os-unreserve" | "os-attach" | "os-detach" as name:
            _book(call, volume, name)
            return reply(status=202)
        case "os-force_delete":
            if not call.caller.is_admin:
                raise forbidden(
                    "Policy doesn't allow volume_extension:volume_admin_actions:force_delete to be performed."
                )
            volumes.begin_delete(call, volume, force=True)
            return reply(status=202)
        case "":
            raise bad_request("Malformed request body")
        case name:
            raise not_implemented(f"The local cloud cannot do '{name}' with a volume.")


def _book(call: Call, volume: Volume, action: str) -> None:
    """The state of an attachment alone: for services beside Nova, which see to the device themselves."""
    match action:
        case "os-reserve":
            volumes.must_be_available(volume)
            volume.status = "attaching"
        case "os-unreserve":
            volume.status = "available"
        case "os-attach":
            given = call.object(action)
            server_id, device = text(given, "instance_uuid", ""), text(given, "mountpoint")
            volume.attachments.append(
                VolumeAttachment(id=new_id(), server_id=server_id, device=device, host=given.get("host_name"))
            )
            volume.status = "in-use"
        case _:
            volume.attachments.clear()
            volume.status = "available"
    volume.touch()


def _extend(call: Call, volume: Volume) -> Response:
    size = volumes.parse_size(call.object("os-extend").get("new_size"))
    if volume.status != "available":
        raise bad_request(
            f"Invalid volume: Volume {volume.id} status must be '['available']' to extend, currently "
            f"{volume.status}."
        )
    if size <= volume.size:
        raise bad_request(
            f"Invalid input received: New size for extend must be greater than current size. (current: "
            f"{volume.size}, extended: {size})."
        )
    volumes.check_quota(call, size - volume.size, volumes=0)
    volume.status = "extending"
    call.cloud.spawn(_grow(call.cloud, volume, size))
    return reply(status=202)


async def _grow(cloud: Cloud, volume: Volume, size: int) -> None:
    try:
        await cloud.driver.put_volume(volume.id, size * volumes.GIB)
    except DriverError as error:
        log.warning("volume %s cannot be extended: %s", volume.id, error)
        volume.status = "error_extending"
    else:
        volume.size, volume.status = size, "available"
    volume.touch()
