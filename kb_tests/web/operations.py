"""The table of what the API does: routes are made of it, and so is the OpenAPI document."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from kb_tests.web.calls import Call

BASE = "/api/v1"
JSON = "application/json"


@dataclass(frozen=True)
class Param:
    """A parameter of the query, or a header; `least` and `most` are of numbers."""

    name: str
    what: str
    place: str = "query"
    type: str = "string"
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True)
class Operation:
    """One method of one path below `BASE`; `path` has its parameters in braces.

    `body` and `answer` are the models of what is sent and of what comes back with status `status`; of what is
    no JSON, `media` is the type. `also` are further statuses besides those that any operation may answer.
    """

    method: str
    path: str
    name: str
    what: str
    handler: Call
    query: tuple[Param, ...] = ()
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    media: str = JSON
    status: int = 200
    also: tuple[int, ...] = ()
    open: bool = False
