"""Volumes of servers: os-volume_attachments."""

from __future__ import annotations

import logging

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply, truth
from kb_tests.localcloud.api.errors import bad_request, conflict, not_found
from kb_tests.localcloud.cinder import volumes
from kb_tests.localcloud.cinder.state import Volume, VolumeAttachment
from kb_tests.localcloud.cloud import Cloud
from kb_tests.localcloud.driver import DriverError
from kb_tests.localcloud.nova import lifecycle
from kb_tests.localcloud.nova.common import get_server, routes
from kb_tests.localcloud.nova.state import Attachment, Server
from kb_tests.localcloud.settings import VolumeZones

log = logging.getLogger(__name__)


def _view(call: Call, server: Server, attachment: Attachment) -> Json:
    shown: Json = {
        "volumeId": attachment.volume_id,
        "serverId": server.id,
        "device": attachment.device or f"/dev/vd{chr(ord('a') + attachment.number)}",
    }
    if call.version < (2, 89):
        shown["id"] = attachment.volume_id
    else:
        shown |= {"attachment_id": attachment.id, "bdm_uuid": attachment.bdm_id}
    if call.version >= (2, 70):
        shown["tag"] = attachment.tag
    if call.version >= (2, 79):
        shown["delete_on_termination"] = attachment.delete_on_termination
    return shown


@routes.add("GET", "/v2.1/servers/{id}/os-volume_attachments")
async def list_attachments(call: Call) -> Response:
    """The server's volumes."""
    server = get_server(call)
    views = [_view(call, server, attachment) for attachment in server.attachments.values()]
    return reply({"volumeAttachments": views})


def _find(call: Call, server: Server) -> Attachment:
    attachment = server.attachments.get(call.params["volume"])
    if attachment is None:
        raise not_found(f"Instance {server.id} is not attached to volume {call.params['volume']}")
    return attachment


@routes.add("GET", "/v2.1/servers/{id}/os-volume_attachments/{volume}")
async def show_attachment(call: Call) -> Response:
    """One of them."""
    server = get_server(call)
    return reply({"volumeAttachment": _view(call, server, _find(call, server))})


@routes.add("POST", "/v2.1/servers/{id}/os-volume_attachments")
async def attach(call: Call) -> Response:
    """A volume more; it is `in-use` once the server has the device."""
    server, given = get_server(call), call.object("volumeAttachment")
    if server.vm_state not in ("active", "stopped") or server.task_state is not None:
        raise conflict(
            f"Cannot 'attach_volume' instance {server.id} while it is in vm_state {server.vm_state}"
        )
    volume = volumes.find(call, str(given.get("volumeId", "")))
    volumes.must_be_available(volume)
    zone = call.cloud.compute.zone_of(server.host or "")
    if call.cloud.settings.volume_zones is VolumeZones.NOVAS and volume.zone != zone:
        raise bad_request(
            f"Invalid volume: Instance {server.id} and volume {volume.id} are not in the same "
            f"availability_zone. Instance is in {zone}. Volume is in {volume.zone}"
        )
    attachment = Attachment(
        volume_id=volume.id,
        device=None,
        number=len(server.attachments) + 1,
        tag=given.get("tag"),
        delete_on_termination=truth(given.get("delete_on_termination")),
    )
    server.attachments[volume.id] = attachment
    volume.status = "attaching"
    call.cloud.spawn(_attach(call.cloud, server, volume, attachment))
    return reply({"volumeAttachment": _view(call, server, attachment)})


async def _attach(cloud: Cloud, server: Server, volume: Volume, attachment: Attachment) -> None:
    async with server.lock:
        if server.deleting:
            return
        try:
            if server.vm_state == "active":
                await lifecycle.attach_volume(cloud, server, attachment)
        except DriverError as error:
            log.warning("volume %s was not attached: %s", volume.id, error)
            server.attachments.pop(volume.id, None)
            volume.status = "available"
        else:
            volume.attachments.append(
                VolumeAttachment(
                    id=attachment.id, server_id=server.id, device=attachment.device, host=server.host
                )
            )
            volume.status = "in-use"
        volume.touch()


@routes.add("PUT", "/v2.1/servers/{id}/os-volume_attachments/{volume}")
async def update(call: Call) -> Response:
    """From 2.85 on: whether it goes with the server."""
    server, given = get_server(call), call.object("volumeAttachment")
    attachment = _find(call, server)
    if given.get("volumeId") != attachment.volume_id:
        raise bad_request("The local cloud does not swap volumes.")
    attachment.delete_on_termination = truth(given.get("delete_on_termination"))
    return reply(status=202)


@routes.add("DELETE", "/v2.1/servers/{id}/os-volume_attachments/{volume}")
async def detach(call: Call) -> Response:
    """A volume less."""
    server = get_server(call)
    attachment = _find(call, server)
    volume = call.cloud.storage.volumes.get(attachment.volume_id)
    if volume is None or volume.status != "in-use":
        state = volume.status if volume else "gone"
        raise bad_request(
            f"Invalid volume: Invalid input received: Invalid volume: Unable to detach volume. Volume status "
            f"must be 'in-use' and attach_status must be 'attached' to detach. Currently: status: '{state}'"
        )
    volume.status = "detaching"
    call.cloud.spawn(_detach(call.cloud, server, volume))
    return reply(status=202)


async def _detach(cloud: Cloud, server: Server, volume: Volume) -> None:
    async with server.lock:
        try:
            if server.vm_state == "active" and not server.deleting:
                await cloud.driver.detach_volume(server.id, volume.id)
        except DriverError as error:
            log.warning("volume %s was not detached: %s", volume.id, error)
            volume.status = "in-use"
            return
        server.attachments.pop(volume.id, None)
        volume.release(server.id)
