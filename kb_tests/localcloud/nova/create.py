"""POST /servers: everything that can be wrong is said here, before a server exists."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from ipaddress import ip_address

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, objects, reply, text, truth, whole
from kb_tests.localcloud.api.errors import ApiError, bad_request, forbidden
from kb_tests.localcloud.glance import common as glance
from kb_tests.localcloud.glance.state import Image
from kb_tests.localcloud.nova import flavors, lifecycle, limits, plugging
from kb_tests.localcloud.nova.common import links, routes
from kb_tests.localcloud.nova.state import Action, Flavor, Server
from kb_tests.localcloud.settings import Quota

USER_DATA_LIMIT = 65535
"""Characters of base64."""


@routes.add("POST", "/v2.1/servers")
async def create_servers(call: Call) -> Response:
    """One server, or `min_count` to `max_count` of them, named with -1, -2, ... behind."""
    given = call.object("server")
    name = text(given, "name").strip()
    if not name:
        raise bad_request("Invalid input for field/attribute name. Value: . '' is too short")
    least = whole(given, "min_count", 1, least=1)
    most = whole(given, "max_count", least, least=1)
    if least > most:
        raise bad_request("min_count must be <= max_count")
    image = _image(call, given)
    flavor = _flavor(call, given, image)
    user_data = _user_data(given)
    key_name, public_key = _key(call, given)
    zone, host = _placement(call, given)
    wanted = plugging.networks(call, given)
    groups = plugging.groups(call, given, wanted)
    metadata = check_metadata(call, given.get("metadata") or {})
    tags = check_tags(given.get("tags") or []) if call.version >= (2, 52) else []
    if given.get("block_device_mapping_v2") or given.get("block_device_mapping"):
        _check_block_devices(given)
    plugging.check_unique(wanted, most)
    count = _within_quota(call, flavor, least, most)
    reservation = "r-" + secrets.token_hex(4)
    group_id = _server_group(call)
    made = []
    for index in range(count):
        own_name = name if most == 1 else f"{name}-{index + 1}"
        server = Server(
            project_id=call.caller.project_id,
            user_id=call.caller.user_id,
            name=own_name,
            hostname=_hostname(given, call, own_name),
            image_id=image.id,
            flavor=flavor,
            reservation_id=reservation,
            launch_index=index,
            key_name=key_name,
            public_key=public_key,
            user_data=user_data,
            config_drive=truth(given.get("config_drive")),
            access_ipv4=access_address(given, "accessIPv4"),
            access_ipv6=access_address(given, "accessIPv6"),
            disk_config=text(given, "OS-DCF:diskConfig", "MANUAL"),
            description=_description(call, given, own_name),
            metadata=dict(metadata),
            tags=list(tags),
            zone=zone,
            group_id=group_id,
        )
        server.actions.append(
            Action(
                name="create",
                request_id=call.request.scope.get("request_id", ""),
                user_id=call.caller.user_id,
                project_id=call.caller.project_id,
            )
        )
        call.cloud.compute.servers[server.id] = server
        made.append(server)
    call.cloud.spawn(lifecycle.build(call.cloud, made, wanted, groups, host, image.is_host_root))
    if truth(given.get("return_reservation_id")):
        return reply({"reservation_id": reservation}, 202)
    first = made[0]
    shown: Json = {
        "id": first.id,
        "links": links(call, f"servers/{first.id}"),
        "OS-DCF:diskConfig": first.disk_config,
        "security_groups": [
            {"name": each.get("name")} for each in objects(given, "security_groups") or [{"name": "default"}]
        ],
        "adminPass": str(given.get("adminPass") or secrets.token_urlsafe(9)),
    }
    return reply({"server": shown}, 202, {"Location": f"{call.cloud.url}/compute/v2.1/servers/{first.id}"})


def access_address(given: Json, name: str, default: str = "") -> str:
    """`accessIPv4` or `accessIPv6`, which Nova only keeps and shows.

    Raises:
        ApiError: 400, no address.

    """
    value = text(given, name, default)
    try:
        return str(ip_address(value)) if value else ""
    except ValueError:
        raise bad_request(f"Invalid input for field/attribute {name}. Value: {value}.") from None


def _image(call: Call, given: Json) -> Image:
    reference = str(given.get("imageRef") or "").rsplit("/", 1)[-1]
    if not reference:
        raise bad_request("Invalid imageRef provided.")
    image = call.cloud.images.images.get(reference)
    if image is None or not glance.sees(call, image):
        raise bad_request("Can not find requested image")
    if image.status != "active":
        raise bad_request(f"Image {reference} is unacceptable: Image is not active.")
    return image


def _flavor(call: Call, given: Json, image: Image) -> Flavor:
    reference = str(given.get("flavorRef") or "").rsplit("/", 1)[-1]
    flavor = call.cloud.compute.flavors.get(reference)
    if flavor is None or not flavors.sees(call, flavor):
        raise bad_request(f"Flavor {reference} could not be found.")
    if flavor.ram < image.min_ram:
        raise bad_request("Flavor's memory is too small for requested image.")
    if flavor.disk and flavor.disk < image.min_disk:
        raise bad_request(
            f"Flavor's disk is too small for requested image. Flavor disk is {flavor.disk} GB, image needs "
            f"{image.min_disk} GB."
        )
    return flavor


def _user_data(given: Json) -> str | None:
    user_data = given.get("user_data")
    if user_data is None:
        return None
    if not isinstance(user_data, str):
        raise bad_request(f"Invalid input for field/attribute user_data. Value: {user_data}.")
    if len(user_data) > USER_DATA_LIMIT:
        raise bad_request(
            f"Invalid input for field/attribute user_data. Value: {user_data[:40]}.... "
            f"'{user_data[:40]}...' is too long"
        )
    try:
        base64.b64decode(user_data, validate=False)
    except (binascii.Error, ValueError):
        raise bad_request(
            f"Invalid input for field/attribute user_data. Value: {user_data[:40]}. "
            f"'{user_data[:40]}' is not a 'base64'"
        ) from None
    return user_data


def _key(call: Call, given: Json) -> tuple[str | None, str | None]:
    name = given.get("key_name")
    if name is None:
        return None, None
    keypair = call.cloud.compute.keypairs.get((call.caller.user_id, str(name)))
    if keypair is None:
        raise bad_request("Invalid key_name provided.")
    return keypair.name, keypair.public_key


def _placement(call: Call, given: Json) -> tuple[str | None, str | None]:
    """Zone and host of `zone`, `zone:host`, `zone:host:node`, or of `host` from 2.74 on."""
    compute = call.cloud.compute
    asked = given.get("availability_zone")
    zone, host = None, None
    if asked is not None:
        parts = str(asked).split(":")
        zone = parts[0] or None
        host = next((part for part in parts[1:] if part), None)
        if host is not None and not call.caller.is_admin:
            raise forbidden("Policy doesn't allow os_compute_api:servers:create:forced_host to be performed.")
        if zone is not None and zone not in {compute.zone_of(each.host) for each in compute.hypervisors}:
            raise bad_request("The requested availability zone is not available")
    if call.version >= (2, 74) and (given.get("host") or given.get("hypervisor_hostname")):
        if not call.caller.is_admin:
            raise forbidden(
                "Policy doesn't allow compute:servers:create:requested_destination to be performed."
            )
        host = str(given.get("host") or given.get("hypervisor_hostname"))
        if all(each.host != host for each in compute.hypervisors):
            raise bad_request(f"Compute host {host} could not be found.")
    return zone, host


def check_metadata(call: Call, given: object) -> dict[str, str]:
    """Texts of at most 255 characters, as many as the quota allows.

    Raises:
        ApiError: 400 or 403.

    """
    if not isinstance(given, dict):
        raise bad_request(f"Invalid input for field/attribute metadata. Value: {given}.")
    for name, value in given.items():
        if not isinstance(value, str) or len(value) > 255 or not 0 < len(name) <= 255:
            raise bad_request(
                f"Invalid input for field/attribute {name}. Value: {value}. {value!r} is not of type 'string'"
            )
    limit = limits.limit(call.cloud, "metadata_items", call.caller.project_id)
    if 0 <= limit < len(given):
        raise ApiError(403, f"Maximum number of metadata items exceeds {limit}")
    return dict(given)


def check_tags(given: object) -> list[str]:
    """At most 50 tags of at most 60 characters, without comma or slash.

    Raises:
        ApiError: 400.

    """
    if not isinstance(given, list) or len(given) > 50:
        raise bad_request(f"Invalid input for field/attribute tags. Value: {given}.")
    for tag in given:
        if not isinstance(tag, str) or not re.fullmatch(r"[^,/]{1,60}", tag):
            raise bad_request(f"Invalid input for field/attribute tags. Value: {tag}.")
    return list(dict.fromkeys(given))


def _check_block_devices(given: Json) -> None:
    for each in objects(given, "block_device_mapping_v2"):
        local = each.get("destination_type", "local") == "local"
        if not local or each.get("source_type") != "image":
            raise bad_request(
                "Block Device Mapping is Invalid: the local cloud boots from images only; attach volumes "
                "to the running server."
            )
    if given.get("block_device_mapping"):
        raise bad_request(
            "Block Device Mapping is Invalid: the local cloud boots from images only; attach volumes to the "
            "running server."
        )


def _within_quota(call: Call, flavor: Flavor, least: int, most: int) -> int:
    """How many servers the quota has room for, `least` to `most`."""
    compute, project = call.cloud.compute, call.caller.project_id
    used = compute.used(project)
    needs = {"cores": flavor.vcpus, "instances": 1, "ram": flavor.ram}
    room = most
    over = []
    for kind, need in needs.items():
        limit = limits.limit(call.cloud, kind, project)
        if limit < 0:
            continue
        fits = max(0, (limit - used[kind]) // need)
        if fits < least:
            over.append((kind, need * least, used[kind], limit))
        room = min(room, fits)
    if over:
        raise forbidden(_over(call, project, over))
    return room


def _over(call: Call, project: str, over: list[tuple[str, int, int, int]]) -> str:
    """What Nova says of kinds of which were asked, and are in use and allowed, so many."""
    if call.cloud.settings.quota is Quota.UNIFIED:
        each = (
            f"Resource {limits.RESOURCES[kind]} is over limit of {allowed} due to current usage {held} and "
            f"delta {asked}"
            for kind, asked, held, allowed in over
        )
        return f"Project {project} is over a limit for [{', '.join(each)}]"
    kinds, wanted, in_use, most = (", ".join(map(str, column)) for column in zip(*over, strict=True))
    return f"Quota exceeded for {kinds}: Requested {wanted}, but already used {in_use} of {most} {kinds}"


def _hostname(given: Json, call: Call, name: str) -> str:
    if call.version >= (2, 90) and given.get("hostname"):
        return str(given["hostname"])
    cleaned = re.sub(r"[ _.]", "-", name.encode("ascii", "ignore").decode())
    cleaned = re.sub(r"[^\w-]+", "", cleaned).lower().strip("-")
    return cleaned[:63] or "server"


def _description(call: Call, given: Json, name: str) -> str | None:
    if call.version < (2, 19):
        return name
    value = given.get("description")
    return None if value is None else text(given, "description")


def _server_group(call: Call) -> str | None:
    hints = call.body.get("os:scheduler_hints") or call.body.get("OS-SCH-HNT:scheduler_hints") or {}
    group_id = hints.get("group") if isinstance(hints, dict) else None
    if group_id is None:
        return None
    group = call.cloud.compute.groups.get(str(group_id))
    if group is None or not call.caller.sees(group.project_id):
        raise bad_request(f"Instance group {group_id} could not be found.")
    return group.id
