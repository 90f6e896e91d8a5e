"""QoS specs: limits that volume types are associated with."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply, text, truth
from kb_tests.localcloud.api.errors import bad_request, conflict, not_found
from kb_tests.localcloud.cinder.common import listing, routes
from kb_tests.localcloud.cinder.state import QosSpecs, VolumeType

_RULE = "volume_extension:qos_specs_manage"
_CONSUMERS = ("front-end", "back-end", "both")


def _view(specs: QosSpecs) -> Json:
    return {"id": specs.id, "name": specs.name, "consumer": specs.consumer, "specs": dict(specs.specs)}


def _shown(call: Call, specs: QosSpecs) -> Json:
    project = call.params["project_id"]
    place = f"{call.cloud.url}/volume/v3/{project}/qos-specs/{specs.id}"
    return {"qos_specs": _view(specs), "links": [{"rel": "self", "href": place}]}


def _get(call: Call) -> QosSpecs:
    found = call.cloud.storage.qos.get(call.params["id"])
    if found is None:
        raise not_found(f"No such QoS spec {call.params['id']}.")
    return found


def _types(call: Call, specs: QosSpecs) -> list[VolumeType]:
    return [kind for kind in call.cloud.storage.types.values() if kind.qos is specs]


def _values(given: Json) -> tuple[str | None, dict[str, str]]:
    """The consumer, if there is one, and the keys with their values."""
    values = {key: str(value) for key, value in given.items() if key not in ("consumer", "name")}
    consumer = given.get("consumer")
    if consumer is not None and consumer not in _CONSUMERS:
        raise bad_request(f"Valid consumer of QoS specs are: {list(_CONSUMERS)}")
    return consumer, values


@routes.add("GET", "/v3/{project_id}/qos-specs", admin=f"{_RULE}:get_all")
async def list_specs(call: Call) -> Response:
    """All of them."""
    return listing(call, "qos_specs", [_view(specs) for specs in call.cloud.storage.qos.values()])


@routes.add("POST", "/v3/{project_id}/qos-specs", admin=f"{_RULE}:create")
async def create_specs(call: Call) -> Response:
    """New ones: `total_iops_sec`, `read_bytes_sec` and so on, which whoever has the volume keeps to."""
    given, storage = call.object("qos_specs"), call.cloud.storage
    name = text(given, "name")
    if any(specs.name == name for specs in storage.qos.values()):
        raise conflict(f"QoS Specs {name} already exists.")
    consumer, values = _values(given)
    specs = QosSpecs(name=name, consumer=consumer or "back-end", specs=values)
    storage.qos[specs.id] = specs
    return reply(_shown(call, specs))


@routes.add("GET", "/v3/{project_id}/qos-specs/{id}", admin=f"{_RULE}:get")
async def show_specs(call: Call) -> Response:
    """One of them."""
    return reply(_shown(call, _get(call)))


@routes.add("PUT", "/v3/{project_id}/qos-specs/{id}", admin=f"{_RULE}:update")
async def update_specs(call: Call) -> Response:
    """Add or replace values; volumes have them from their next attachment on."""
    specs, given = _get(call), call.object("qos_specs")
    consumer, values = _values(given)
    specs.consumer = consumer or specs.consumer
    specs.specs |= values
    return reply({"qos_specs": dict(given)})


@routes.add("PUT", "/v3/{project_id}/qos-specs/{id}/delete_keys", admin=f"{_RULE}:delete")
async def delete_keys(call: Call) -> Response:
    """Some values less."""
    specs, keys = _get(call), call.body.get("keys")
    if not isinstance(keys, list):
        raise bad_request("Invalid input for field/attribute keys: a list is required.")
    for key in keys:
        if key not in specs.specs:
            raise not_found(f"QoS spec {specs.id} has no spec with key {key}.")
        del specs.specs[key]
    return reply(status=202)


@routes.add("DELETE", "/v3/{project_id}/qos-specs/{id}", admin=f"{_RULE}:delete")
async def delete_specs(call: Call) -> Response:
    """Those that no type has, or with `force` any."""
    specs = _get(call)
    used = _types(call, specs)
    if used and not truth(call.query.get("force")):
        raise bad_request(f"QoS Specs {specs.id} is still associated with entities.")
    for kind in used:
        kind.qos = None
    del call.cloud.storage.qos[specs.id]
    return reply(status=202)


@routes.add("GET", "/v3/{project_id}/qos-specs/{id}/associations", admin=f"{_RULE}:get_all")
async def list_associations(call: Call) -> Response:
    """The types that have them."""
    found = [
        {"association_type": "volume_type", "name": kind.name, "id": kind.id}
        for kind in _types(call, _get(call))
    ]
    return reply({"qos_associations": found})


def _type(call: Call) -> VolumeType:
    wanted = call.query.get("vol_type_id", "")
    kind = call.cloud.storage.types.get(wanted)
    if kind is None:
        raise not_found(f"Volume type {wanted} could not be found.")
    return kind


@routes.add("GET", "/v3/{project_id}/qos-specs/{id}/associate", admin=f"{_RULE}:update")
async def associate(call: Call) -> Response:
    """Let a type have them, and no others."""
    specs, kind = _get(call), _type(call)
    if kind.qos is not None and kind.qos is not specs:
        raise bad_request(f"Type {kind.id} is already associated with another qos specs: {kind.qos.id}")
    kind.qos = specs
    return reply(status=202)


@routes.add("GET", "/v3/{project_id}/qos-specs/{id}/disassociate", admin=f"{_RULE}:update")
async def disassociate(call: Call) -> Response:
    """Take them from a type."""
    specs, kind = _get(call), _type(call)
    if kind.qos is specs:
        kind.qos = None
    return reply(status=202)


@routes.add("GET", "/v3/{project_id}/qos-specs/{id}/disassociate_all", admin=f"{_RULE}:update")
async def disassociate_all(call: Call) -> Response:
    """Take them from all types."""
    for kind in _types(call, _get(call)):
        kind.qos = None
    return reply(status=202)
