"""One request as a handler sees it, and how it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from kb_tests.localcloud.api.errors import bad_request

if TYPE_CHECKING:
    from kb_tests.localcloud.cloud import Cloud

Json = dict[str, Any]
Version = tuple[int, int]


@dataclass(frozen=True)
class Caller:
    """Who asks: the user and project of the token, and the roles in it; `domain_id` if it is a domain's.
    `admin_role` is what the service takes for an administrator's, in any scope, as OpenStack's policies do.
    """

    user_id: str
    project_id: str
    roles: frozenset[str]
    token: str
    domain_id: str = ""
    admin_role: str = "admin"

    @property
    def is_admin(self) -> bool:
        """Whether the service takes the caller for an administrator."""
        return self.admin_role in self.roles

    def sees(self, project_id: str) -> bool:
        """An administrator sees all projects, others their own."""
        return self.is_admin or project_id == self.project_id != ""


@dataclass(frozen=True)
class Call:
    """A request. `version` is the microversion agreed on; `body` the JSON object sent, or {}."""

    request: Request
    cloud: Cloud
    params: Mapping[str, str]
    query: QueryParams
    body: Json
    caller: Caller
    version: Version

    def object(self, name: str) -> Json:
        """The object `name` of the body.

        Raises:
            ApiError: 400, it is missing or no object.

        """
        found = self.body.get(name)
        if not isinstance(found, dict):
            raise bad_request(f"Invalid input for field/attribute {name}: an object is required.")
        return found


def reply(body: object = None, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer, or an empty one when `body` is None."""
    if body is None:
        return Response(status_code=status, headers=headers)
    return Response(json.dumps(body), status, headers, "application/json")


def text(source: Json, name: str, default: str | None = None, *, longest: int = 255) -> str:
    """The string `name` of `source`.

    Raises:
        ApiError: 400, missing where there is no default, no string, or too long.

    """
    value = source.get(name, default)
    if value is None and default is not None:
        return default
    if value is None and name not in source:
        raise bad_request(f"Invalid input for field/attribute {name}. '{name}' is a required property")
    if not isinstance(value, str):
        raise bad_request(
            f"Invalid input for field/attribute {name}. Value: {value}. {value!r} is not of type 'string'"
        )
    if len(value) > longest:
        raise bad_request(f"Invalid input for field/attribute {name}. Value: {value}. '{value}' is too long")
    return value


def objects(source: Json, name: str) -> list[Json]:
    """The list of objects `name` of `source`; missing or null is an empty one.

    Raises:
        ApiError: 400, something else.

    """
    value = source.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise bad_request(
            f"Invalid input for field/attribute {name}. Value: {value}. {value!r} is not of type 'array'"
        )
    return value


def whole(
    source: Json, name: str, default: int | None = None, *, least: int = 0, most: int = 2**31 - 1
) -> int:
    """The integer `name` of `source`, which may be written as a string, as Nova allows.

    Raises:
        ApiError: 400, missing where there is no default, no integer, or out of bounds.

    """
    value = source.get(name, default)
    if isinstance(value, str) and value.strip().lstrip("-").isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad_request(
            f"Invalid input for field/attribute {name}. Value: {value}. {value!r} is not of type 'integer'"
        )
    if value < least:
        raise bad_request(
            f"Invalid input for field/attribute {name}. Value: {value}. "
            f"{value} is less than the minimum of {least}"
        )
    if value > most:
        raise bad_request(
            f"Invalid input for field/attribute {name}. Value: {value}. "
            f"{value} is greater than the maximum of {most}"
        )
    return value


def truth(value: object, default: bool = False) -> bool:
    """A boolean as the clients write them: true, "True", 1, "1", "yes"."""
    if value is None:
        return default
    if isinstance(value, str):
        return value.strip().lower() in {"true", "1", "yes", "on", "t", "y"}
    return bool(value)
