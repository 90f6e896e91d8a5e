"""Images: create, upload, find, change, share, delete."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.responses import Response, StreamingResponse

from kb_tests.localcloud.api import errors
from kb_tests.localcloud.api.call import Call, Json, reply, truth
from kb_tests.localcloud.api.errors import ApiError, bad_request, conflict, forbidden, not_found
from kb_tests.localcloud.api.filters import keep
from kb_tests.localcloud.api.paging import next_link, page
from kb_tests.localcloud.api.routes import Routes
from kb_tests.localcloud.api.service import Service
from kb_tests.localcloud.glance.schemas import IMAGE_SCHEMA, IMAGES_SCHEMA, MEMBER_SCHEMA, MEMBERS_SCHEMA
from kb_tests.localcloud.glance.state import Image
from kb_tests.localcloud.times import now, seconds

routes = Routes()

SERVICE = Service(
    "glance",
    "image",
    routes,
    errors.glance,
    "You are not authorized to complete {rule} action.",
    unauthorized=errors.glance,
)

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


@routes.add("GET", "/", public=True)
async def versions(call: Call) -> Response:
    """What versions there are."""
    found = [
        {
            "id": f"v2.{minor}",
            "status": "CURRENT" if minor == 9 else "SUPPORTED",
            "links": [{"rel": "self", "href": f"{call.cloud.url}/image/v2/"}],
        }
        for minor in (9, 7, 6, 5, 4, 3, 2, 1, 0)
    ]
    return reply({"versions": found}, 300)


routes.add("GET", "/versions", public=True)(versions)


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


def sees(call: Call, image: Image) -> bool:
    """Own images, public ones, community ones, and those shared with the project."""
    if call.caller.sees(image.owner) or image.visibility in ("public", "community"):
        return True
    return image.visibility == "shared" and call.caller.project_id in image.members


def get(call: Call, identifier: str) -> Image:
    """The image, if the caller may see it.

    Raises:
        ApiError: 404.

    """
    image = call.cloud.images.images.get(identifier)
    if image is None or not sees(call, image):
        raise not_found(f"No image found with ID {identifier}")
    return image


def _own(call: Call, action: str) -> Image:
    image = get(call, call.params["id"])
    if not call.caller.sees(image.owner):
        raise forbidden(f"You are not authorized to complete {action} action.")
    return image


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
    image = _own(call, "modify_image")
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
    image = _own(call, "upload_image")
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
    image = _own(call, "delete_image")
    if image.protected:
        raise forbidden(f"Image {image.id} is protected and cannot be deleted.")
    if image.data is not None:
        image.data.unlink(missing_ok=True)
    del call.cloud.images.images[image.id]
    return reply(status=204)


@routes.add("PUT", "/v2/images/{id}/tags/{tag}")
async def add_tag(call: Call) -> Response:
    """One tag more."""
    image = _own(call, "modify_image")
    image.tags = list(dict.fromkeys([*image.tags, call.params["tag"]]))
    image.updated = now()
    return reply(status=204)


@routes.add("DELETE", "/v2/images/{id}/tags/{tag}")
async def delete_tag(call: Call) -> Response:
    """One tag less."""
    image = _own(call, "modify_image")
    if call.params["tag"] not in image.tags:
        raise not_found("The tag could not be found.")
    image.tags.remove(call.params["tag"])
    image.updated = now()
    return reply(status=204)


@routes.add("POST", "/v2/images/{id}/actions/deactivate", admin="deactivate")
async def deactivate(call: Call) -> Response:
    """Nobody may boot from it or download it."""
    _own(call, "deactivate").status = "deactivated"
    return reply(status=204)


@routes.add("POST", "/v2/images/{id}/actions/reactivate", admin="reactivate")
async def reactivate(call: Call) -> Response:
    """Undo that."""
    _own(call, "reactivate").status = "active"
    return reply(status=204)


# Members


def _member(image: Image, project_id: str) -> Json:
    return {
        "image_id": image.id,
        "member_id": project_id,
        "status": image.members[project_id],
        "created_at": seconds(image.created),
        "updated_at": seconds(image.updated),
        "schema": "/v2/schemas/member",
    }


@routes.add("GET", "/v2/images/{id}/members")
async def list_members(call: Call) -> Response:
    """With which projects it is shared."""
    image = get(call, call.params["id"])
    shown = [who for who in image.members if call.caller.sees(image.owner) or who == call.caller.project_id]
    return reply({"members": [_member(image, who) for who in shown], "schema": "/v2/schemas/members"})


@routes.add("POST", "/v2/images/{id}/members")
async def add_member(call: Call) -> Response:
    """Share it with a project."""
    image = _own(call, "add_member")
    if image.visibility != "shared":
        raise forbidden("Only shared images have members.")
    project_id = call.body.get("member")
    if not isinstance(project_id, str) or not project_id:
        raise bad_request("Member can't be empty")
    if project_id in image.members:
        raise conflict(f"Member {project_id} is duplicated for image {image.id}")
    image.members[project_id] = "pending"
    return reply(_member(image, project_id))


@routes.add("GET", "/v2/images/{id}/members/{member}")
async def show_member(call: Call) -> Response:
    """One of them."""
    return reply(_member(*_find_member(call)))


def _find_member(call: Call) -> tuple[Image, str]:
    image, who = get(call, call.params["id"]), call.params["member"]
    if who not in image.members or not (call.caller.sees(image.owner) or who == call.caller.project_id):
        raise not_found(f"{who} not found in the member list of the image {image.id}.")
    return image, who


@routes.add("PUT", "/v2/images/{id}/members/{member}")
async def update_member(call: Call) -> Response:
    """The project accepts or rejects."""
    image, who = _find_member(call)
    status = call.body.get("status")
    if status not in ("pending", "accepted", "rejected"):
        raise bad_request("Status must be pending, accepted or rejected.")
    if call.caller.project_id != who and not call.caller.is_admin:
        raise forbidden("You are not authorized to complete modify_member action.")
    image.members[who] = status
    return reply(_member(image, who))


@routes.add("DELETE", "/v2/images/{id}/members/{member}")
async def delete_member(call: Call) -> Response:
    """Share it no longer."""
    image = _own(call, "delete_member")
    del image.members[_find_member(call)[1]]
    return reply(status=204)


# Schemas and stores


@routes.add("GET", "/v2/schemas/{name}")
async def schema(call: Call) -> Response:
    """What clients validate against."""
    known = {
        "image": IMAGE_SCHEMA,
        "images": IMAGES_SCHEMA,
        "member": MEMBER_SCHEMA,
        "members": MEMBERS_SCHEMA,
    }
    if call.params["name"] not in known:
        raise not_found("The resource could not be found.")
    return reply(known[call.params["name"]])


@routes.add("GET", "/v2/info/import")
async def import_methods(call: Call) -> Response:
    """None: data come by upload."""
    del call
    return reply(
        {"import-methods": {"description": "Import methods available.", "type": "array", "value": []}}
    )
