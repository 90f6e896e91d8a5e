"""Volume types and their extra specs."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply, text, truth
from kb_tests.localcloud.api.errors import bad_request, conflict, not_found
from kb_tests.localcloud.cinder.common import listing, routes
from kb_tests.localcloud.cinder.state import VolumeType

_MANAGE = "volume_extension:types_manage"
_SPECS = "volume_extension:types_extra_specs"


def _view(call: Call, kind: VolumeType) -> Json:
    shown: Json = {
        "id": kind.id,
        "name": kind.name,
        "description": kind.description,
        "is_public": kind.public,
        "os-volume-type-access:is_public": kind.public,
    }
    if call.caller.is_admin:
        shown |= {"extra_specs": dict(kind.extra_specs), "qos_specs_id": kind.qos.id if kind.qos else None}
    else:
        shown["extra_specs"] = {}
    return shown


@routes.add("GET", "/v3/{project_id}/types")
async def list_types(call: Call) -> Response:
    """Public ones; an administrator may ask for all."""
    asked = call.query.get("is_public", "None" if call.caller.is_admin else "True")
    kinds = list(call.cloud.storage.types.values())
    if not (call.caller.is_admin and asked.lower() == "none"):
        wanted = truth(asked) if call.caller.is_admin else True
        kinds = [kind for kind in kinds if kind.public == wanted]
    return listing(call, "volume_types", [_view(call, kind) for kind in kinds])


@routes.add("GET", "/v3/{project_id}/types/default")
async def show_default(call: Call) -> Response:
    """What volumes are when nothing is asked for."""
    return reply({"volume_type": _view(call, call.cloud.storage.default_type())})


def _get(call: Call) -> VolumeType:
    kind = call.cloud.storage.types.get(call.params["id"])
    if kind is None or not (kind.public or call.caller.is_admin):
        raise not_found(f"Volume type {call.params['id']} could not be found.")
    return kind


@routes.add("GET", "/v3/{project_id}/types/{id}")
async def show_type(call: Call) -> Response:
    """One of them."""
    return reply({"volume_type": _view(call, _get(call))})


@routes.add("POST", "/v3/{project_id}/types", admin=_MANAGE)
async def create_type(call: Call) -> Response:
    """A new one."""
    given, storage = call.object("volume_type"), call.cloud.storage
    name = text(given, "name")
    if any(kind.name == name for kind in storage.types.values()):
        raise conflict(f"Volume Type {name} already exists.")
    kind = VolumeType(
        name=name,
        description=given.get("description"),
        public=truth(given.get("os-volume-type-access:is_public", given.get("is_public")), True),
        extra_specs={key: str(value) for key, value in (given.get("extra_specs") or {}).items()},
    )
    storage.types[kind.id] = kind
    return reply({"volume_type": _view(call, kind)})


@routes.add("PUT", "/v3/{project_id}/types/{id}", admin=_MANAGE)
async def update_type(call: Call) -> Response:
    """Name, description, publicity."""
    kind, given = _get(call), call.object("volume_type")
    kind.name = text(given, "name", kind.name)
    kind.description = given.get("description", kind.description)
    kind.public = truth(given.get("is_public"), kind.public)
    return reply({"volume_type": _view(call, kind)})


@routes.add("DELETE", "/v3/{project_id}/types/{id}", admin=_MANAGE)
async def delete_type(call: Call) -> Response:
    """One that no volume has, and that is not the default."""
    kind, storage = _get(call), call.cloud.storage
    if kind is storage.default_type():
        raise bad_request("The volume type __DEFAULT__ is the default volume type and cannot be deleted.")
    if any(volume.type is kind for volume in storage.volumes.values()):
        raise bad_request("Target volume type is still in use.")
    del storage.types[kind.id]
    return reply(status=202)


@routes.add("GET", "/v3/{project_id}/types/{id}/extra_specs", admin=f"{_SPECS}:index")
async def list_specs(call: Call) -> Response:
    """All of them."""
    return reply({"extra_specs": _get(call).extra_specs})


@routes.add("POST", "/v3/{project_id}/types/{id}/extra_specs", admin=f"{_SPECS}:create")
async def create_specs(call: Call) -> Response:
    """Add or replace."""
    kind, given = _get(call), call.object("extra_specs")
    kind.extra_specs |= {key: str(value) for key, value in given.items()}
    return reply({"extra_specs": given})


def _key(call: Call) -> tuple[VolumeType, str]:
    kind, key = _get(call), call.params["key"]
    if key not in kind.extra_specs:
        raise not_found(f"Volume Type {kind.id} has no extra specs with key {key}.")
    return kind, key


@routes.add("GET", "/v3/{project_id}/types/{id}/extra_specs/{key}", admin=f"{_SPECS}:show")
async def show_spec(call: Call) -> Response:
    """One of them."""
    kind, key = _key(call)
    return reply({key: kind.extra_specs[key]})


@routes.add("PUT", "/v3/{project_id}/types/{id}/extra_specs/{key}", admin=f"{_SPECS}:update")
async def update_spec(call: Call) -> Response:
    """One of them."""
    kind, key = _get(call), call.params["key"]
    kind.extra_specs[key] = text(call.body, key)
    return reply({key: kind.extra_specs[key]})


@routes.add("DELETE", "/v3/{project_id}/types/{id}/extra_specs/{key}", admin=f"{_SPECS}:delete")
async def delete_spec(call: Call) -> Response:
    """One less."""
    kind, key = _key(call)
    del kind.extra_specs[key]
    return reply(status=202)
