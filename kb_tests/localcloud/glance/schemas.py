"""The JSON schemas that Glance serves and its clients build their objects from."""

from __future__ import annotations

from kb_tests.localcloud.api.call import Json

_TEXT: Json = {"type": ["null", "string"]}
_WHOLE: Json = {"type": "integer"}
_FIXED_TEXT: Json = {"type": ["null", "string"], "readOnly": True}
_FIXED_WHOLE: Json = {"type": ["null", "integer"], "readOnly": True}

IMAGE_SCHEMA: Json = {
    "name": "image",
    "additionalProperties": {"type": "string"},
    "links": [
        {"rel": "self", "href": "{self}"},
        {"rel": "enclosure", "href": "{file}"},
        {"rel": "describedby", "href": "{schema}"},
    ],
    "properties": {
        "id": {"type": "string"},
        "name": _TEXT,
        "status": {"type": "string", "readOnly": True},
        "visibility": {"type": "string", "enum": ["community", "public", "private", "shared"]},
        "protected": {"type": "boolean"},
        "os_hidden": {"type": "boolean"},
        "checksum": _FIXED_TEXT,
        "os_hash_algo": _FIXED_TEXT,
        "os_hash_value": _FIXED_TEXT,
        "owner": _TEXT,
        "size": _FIXED_WHOLE,
        "virtual_size": _FIXED_WHOLE,
        "container_format": _TEXT,
        "disk_format": _TEXT,
        "min_ram": _WHOLE,
        "min_disk": _WHOLE,
        "created_at": {"type": "string", "readOnly": True},
        "updated_at": {"type": "string", "readOnly": True},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 255}},
        "self": {"type": "string", "readOnly": True},
        "file": {"type": "string", "readOnly": True},
        "schema": {"type": "string", "readOnly": True},
    },
}


def _list_of(single: str, plural: str, schema: Json) -> Json:
    return {
        "name": plural,
        "properties": {
            plural: {"type": "array", "items": schema},
            "first": {"type": "string"},
            "next": {"type": "string"},
            "schema": {"type": "string"},
        },
        "links": [
            {"rel": "describedby", "href": "{schema}"},
            {"rel": "item", "href": f"/v2/schemas/{single}"},
        ],
    }


MEMBER_SCHEMA: Json = {
    "name": "member",
    "properties": {
        "image_id": {"type": "string"},
        "member_id": {"type": "string"},
        "status": {"type": "string", "enum": ["pending", "accepted", "rejected"]},
        "created_at": {"type": "string"},
        "updated_at": {"type": "string"},
        "schema": {"type": "string", "readOnly": True},
    },
}

IMAGES_SCHEMA = _list_of("image", "images", IMAGE_SCHEMA)
MEMBERS_SCHEMA = _list_of("member", "members", MEMBER_SCHEMA)
