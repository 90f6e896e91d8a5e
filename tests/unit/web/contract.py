"""Holds answers against an OpenAPI document: as much of JSON Schema as pydantic writes there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}
_KNOWN = {
    "$ref", "anyOf", "oneOf", "discriminator",
    "type", "enum", "const", "properties", "required", "additionalProperties", "items",
    "prefixItems", "minItems", "maxItems", "title", "description", "default", "format", "maxLength",
    "minLength", "pattern", "minimum", "maximum",
}  # fmt: skip


def wrong(value: Any, schema: dict[str, Any], known: dict[str, Any], where: str = "") -> Iterator[str]:
    """What of `value` is not as `schema` says; `known` are the document's schemas."""
    assert set(schema) <= _KNOWN, set(schema) - _KNOWN
    if ref := schema.get("$ref"):
        yield from wrong(value, known[ref.rpartition("/")[2]], known, where)
        return
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        if not any(not list(wrong(value, choice, known, where)) for choice in choices):
            yield f"{where}: {value!r} is none of {choices}"
        return
    wanted = schema.get("type")
    fits = wanted is None or isinstance(value, _TYPES[wanted])
    if not fits or (isinstance(value, bool) and wanted not in (None, "boolean")):
        yield f"{where}: {value!r} is no {wanted}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    if isinstance(value, dict):
        properties, more = schema.get("properties", {}), schema.get("additionalProperties")
        yield from (f"{where}.{key} is missing" for key in schema.get("required", ()) if key not in value)
        for key, one in value.items():
            if key in properties:
                yield from wrong(one, properties[key], known, f"{where}.{key}")
            elif isinstance(more, dict):
                yield from wrong(one, more, known, f"{where}.{key}")
            elif properties:
                yield f"{where}.{key} is not in the schema"
    if isinstance(value, list):
        first = schema.get("prefixItems", [])
        if "maxItems" in schema and len(value) > schema["maxItems"]:
            yield f"{where} has {len(value)} items"
        for place, one in enumerate(value):
            of = first[place] if place < len(first) else schema.get("items")
            if isinstance(of, dict):
                yield from wrong(one, of, known, f"{where}[{place}]")
