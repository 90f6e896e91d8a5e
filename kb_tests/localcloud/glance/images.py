"""Images: create, upload, find, change, delete."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.responses import Response, StreamingResponse

from kb_tests.localcloud.api.call import Call, Json, reply, truth
from kb_tests.localcloud.api.errors import ApiError, bad_request, conflict, forbidden, not_found
from kb_tests.localcloud.api.filters import keep
from kb_tests.localcloud.api.paging import next_link, page
from kb_tests.localcloud.glance.common import get, own, routes, sees
from kb_tests.localcloud.glance.state import Image
from kb_tests.localcloud.times import now, seconds

_DISK_FORMATS = ("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop")
_CONTAINER_FORMATS = ("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed")
_READ_ONLY = frozenset(
    {
        "status", "checksum", "size", "virtual_size", "created_at", "updated_at", "self", "file", "schema",
        "os_hash_algo", "os_hash_value", "direct_url", "locations", "stores",
    }
)  # fmt: skip
_LARGEST = 64 * 2**30
_PAGE = 25


def view(image: Image) -> Json:
    """The image's body."""
    return image.properties | {
        "id": image.id,
        "name": image.name,
        "status": image.status,
        "visibility": image.visibility,
        "container_format": image.container_format,
        "disk_format": image.disk_format,
        "min_disk": image.min_disk,
        "min_ram": image.min_ram,
        "protected": image.protected,
        "os_hidden": image.hidden,
        "owner": image.owner,
        "size": image.size,
        "virtual_size": image.size,
        "checksum": image.checksum,
        "os_hash_algo": "sha512" if image.hash_value else None,
        "os_hash_value": image.hash_value,
        "tags": list(image.tags),
        "created_at": seconds(image.created),
        "updated_at": seconds(image.updated),
        "self": f"/v2/images/{image.id}",
        "file": f"/v2/images/{image.id}/file",
        "schema": "/v2/schemas/image",
    }


@routes.add("GET", "/v2/images")
async def list_images(call: Call) -> Response:
    """Newest first; hidden ones only when asked for, community ones of others only by `visibility`."""
    query = call.query
    hidden = truth(query.get("os_hidden"))
    wanted = query.get("visibility")
    images = [
        image
        for image in reversed(call.cloud.images.images.values())
        if sees(call, image)
        and image.hidden == hidden
        and (
            image.visibility != "community"
            or wanted in ("community", "all")
            or image.owner == call.caller.project_id
        )
    ]
    if "tag" in query:
        images = [image for image in images if set(query.getlist("tag")) <= set(image.tags)]
    ignored = frozenset({"os_hidden", "tag", "member_status", "size_min", "size_max"})
    if wanted == "all":
        ignored |= {"visibility"}
    views = [each for each in map(view, images) if _sized(each, query.get("size_min"), query.get("size_max"))]
    found, marker = page(_keep(views, call, ignored), query, 1000 if "limit" in query else _PAGE)
    body: Json = {"images": found, "first": "/v2/images", "schema": "/v2/schemas/images"}
    if marker is not None:
        body["next"] = next_link("/v2/images", query, marker)
    return reply(body)


def _sized(image: Json, least: str | None, most: str | None) -> bool:
    size = image["size"] or 0
    return (least is None or size >= int(least)) and (most is None or size <= int(most))


def _keep(views: list[Json], call: Call, ignored: frozenset[str]) -> list[Json]:
    """As everywhere, but that a value may be `in:a,b`."""
    lists = {name: value[3:].split(",") for name, value in call.query.items() if value.startswith("in:")}
    kept = keep(views, call.query, ignored | frozenset(lists))
    return [image for image in kept if all(str(image.get(name)) in values for name, values in lists.items())]


@routes.add("GET", "/v2/images/{id}")
async def show_image(call: Call) -> Response:
    """One image."""
    return reply(view(get(call, call.params["id"])))


@routes.add("POST", "/v2/images")
async def create_image(call: Call) -> Response:
    """A record, to which data may then be uploaded."""
    given = dict(call.body)
    identifier = given.pop("id", None) or str(uuid.uuid4())
    try:
        identifier = str(uuid.UUID(str(identifier)))
    except ValueError:
        raise bad_request(f"Invalid image id format: {identifier}") from None
    if identifier in call.cloud.images.images:
        raise conflict(f"Image ID {identifier} already exists!")
    image = Image(id=identifier, owner=call.caller.project_id)
    if "owner" in given:
        if not call.caller.sees(str(given["owner"])):
            raise forbidden(f"You are not permitted to create images owned by '{given['owner']}'.")
        image.owner = str(given.pop("owner"))
    for name, value in given.items():
        _set(call, image, name, value)
    call.cloud.images.images[image.id] = image
    headers = {"Location": f"{call.cloud.url}/image/v2/images/{image.id}"}
    return reply(view(image), 201, headers)


def _set(call: Call, image: Image, name: str, value: object) -> None:
    if name in _READ_ONLY:
        raise forbidden(f"Attribute '{name}' is read-only.")
    match name:
        case "name":
            image.name = None if value is None else str(value)[:255]
        case "tags":
            if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
                raise bad_request("Tags must be a list of strings.")
            image.tags = list(dict.fromkeys(value))
        case "visibility":
            if value not in ("public", "private", "shared", "community"):
                raise bad_request(f"Invalid visibility value: {value}")
            if value == "public" and not call.caller.is_admin:
                raise forbidden("You are not authorized to complete publicize_image action.")
            image.visibility = str(value)
        case "disk_format":
            image.disk_format = _among(name, value, _DISK_FORMATS)
        case "container_format":
            image.container_format = _among(name, value, _CONTAINER_FORMATS)
        case "min_disk" | "min_ram":
            if not isinstance(value, int) or value < 0:
                raise bad_request(f"Invalid value '{value}' for {name}.")
            setattr(image, name, value)
        case "protected":
            image.protected = truth(value)
        case "os_hidden":
            image.hidden = truth(value)
        case _:
            if not isinstance(value, str):
                raise bad_request(f"The value of the property {name} must be a string.")
            image.properties[name] = value


def _among(name: str, value: object, allowed: tuple[str, ...]) -> str | None:
    if value is not None and not (isinstance(value, str) and value in allowed):
        raise bad_request(f"Invalid value '{value}' for {name}. Allowed values: {', '.join(allowed)}")
    return None if value is None else str(value)


@dataclass(frozen=True)
class _Edit:
    op: str
    name: str
    value: object


@routes.add("PATCH", "/v2/images/{id}", raw=True)
async def update_image(call: Call) -> Response:
    """A JSON patch, in which paths are single names."""
    image = own(call, "modify_image")
    for edit in _edits(await _small_body(call)):
        if edit.op in ("add", "replace"):
            _set(call, image, edit.name, edit.value)
        elif edit.name in image.properties:
            del image.properties[edit.name]
        else:
            raise conflict(f"Property {edit.name} does not exist.")
    image.updated = now()
    return reply(view(image))


async def _small_body(call: Call) -> bytes:
    raw = b""
    async for chunk in call.request.stream():
        raw += chunk
        if len(raw) > 2**20:
            raise ApiError(413, "The request body is larger than 1 MiB.")
    return raw


def _edits(raw: bytes) -> list[_Edit]:
    try:
        patch = json.loads(raw)
    except ValueError:
        raise bad_request("The request body is not valid JSON.") from None
    if not isinstance(patch, list):
        raise bad_request("Request body must be a JSON array of operation objects.")
    edits = []
    for each in patch:
        if not isinstance(each, dict):
            raise bad_request("Operations must be JSON objects.")
        # The media type of v2.0 says {"replace": "/name"} for {"op": "replace", "path": "/name"}.
        old = next((op for op in ("add", "replace", "remove") if op in each), None)
        op, path = (old, str(each[old])) if old else (each.get("op"), str(each.get("path", "")))
        if op not in ("add", "replace", "remove") or not path.startswith("/"):
            raise bad_request("Operations must be add, replace or remove, and their path start with /.")
        edits.append(_Edit(str(op), path[1:].replace("~1", "/").replace("~0", "~"), each.get("value")))
    return edits


@routes.add("PUT", "/v2/images/{id}/file", raw=True)
async def upload(call: Call) -> Response:
    """The data, streamed into a file."""
    image = own(call, "upload_image")
    if image.status != "queued":
        raise conflict(f"Image status transition from {image.status} to saving is not allowed")
    if image.container_format is None or image.disk_format is None:
        raise bad_request("Properties disk_format, container_format must be set prior to saving data.")
    image.status = "saving"
    md5, sha512, size = hashlib.md5(usedforsecurity=False), hashlib.sha512(), 0
    path = call.cloud.images.folder / image.id
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("wb") as file:
            async for chunk in call.request.stream():
                file.write(chunk)
                md5.update(chunk)
                sha512.update(chunk)
                size += len(chunk)
                if size > _LARGEST:
                    raise ApiError(413, "The image is larger than 64 GiB.")
    except BaseException:
        path.unlink(missing_ok=True)
        image.status = "queued"
        raise
    image.data, image.size, image.status, image.updated = path, size, "active", now()
    image.checksum, image.hash_value = md5.hexdigest(), sha512.hexdigest()
    return reply(status=204)


@routes.add("GET", "/v2/images/{id}/file")
async def download(call: Call) -> Response:
    """The data."""
    image = get(call, call.params["id"])
    if image.data is None:
        return reply(status=204)
    path = image.data

    async def chunks() -> AsyncIterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(2**20):
                yield chunk

    headers = {"Content-Length": str(image.size), "Content-MD5": image.checksum or ""}
    return StreamingResponse(chunks(), headers=headers, media_type="application/octet-stream")


@routes.add("DELETE", "/v2/images/{id}")
async def delete_image(call: Call) -> Response:
    """An image that is not protected."""
    image = own(call, "delete_image")
    if image.protected:
        raise forbidden(f"Image {image.id} is protected and cannot be deleted.")
    if image.data is not None:
        image.data.unlink(missing_ok=True)
    del call.cloud.images.images[image.id]
    return reply(status=204)


@routes.add("PUT", "/v2/images/{id}/tags/{tag}")
async def add_tag(call: Call) -> Response:
    """One tag more."""
    image = own(call, "modify_image")
    image.tags = list(dict.fromkeys([*image.tags, call.params["tag"]]))
    image.updated = now()
    return reply(status=204)


@routes.add("DELETE", "/v2/images/{id}/tags/{tag}")
async def delete_tag(call: Call) -> Response:
    """One tag less."""
    image = own(call, "modify_image")
    if call.params["tag"] not in image.tags:
        raise not_found("The tag could not be found.")
    image.tags.remove(call.params["tag"])
    image.updated = now()
    return reply(status=204)


@routes.add("POST", "/v2/images/{id}/actions/deactivate", admin="deactivate")
async def deactivate(call: Call) -> Response:
    """Nobody may boot from it or download it."""
    own(call, "deactivate").status = "deactivated"
    return reply(status=204)


@routes.add("POST", "/v2/images/{id}/actions/reactivate", admin="reactivate")
async def reactivate(call: Call) -> Response:
    """Undo that."""
    own(call, "reactivate").status = "active"
    return reply(status=204)
