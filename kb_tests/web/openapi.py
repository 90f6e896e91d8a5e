"""The OpenAPI 3.1 document, generated from the table of operations and the models that they name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from kb_tests.web.operations import BASE, JSON, Operation, Param
from kb_tests.web.problems import MEDIA_TYPE, ProblemBody

ANY = (400, 403, 405, 414, 421)
"""What any operation may answer."""

SIGNED_IN = (401, 429)
BODIES = (408, 413)
_REF = "#/components/schemas/{model}"


def document(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """All of it."""
    every = list(operations)
    refs, definitions = models_json_schema(list(_models(every)), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for operation in every:
        entry = paths.setdefault(BASE + operation.path, {})
        entry[operation.method.lower()] = _entry(operation, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "kb_tests",
            "version": version,
            "description": "Reads records and sessions of load tests, and starts and stops sessions. Errors "
            "are application/problem+json (RFC 9457) with a sentence as `detail` and a `remedy`. A number "
            "that is not finite is null.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


_Mode = Literal["validation", "serialization"]


def _models(operations: Iterable[Operation]) -> Iterator[tuple[type[BaseModel], _Mode]]:
    yield ProblemBody, "serialization"
    for operation in operations:
        if operation.body:
            yield operation.body, "validation"
        if operation.answer:
            yield operation.answer, "serialization"


def _entry(operation: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    codes = [
        *ANY,
        *(() if operation.open else SIGNED_IN),
        *(BODIES if operation.body else ()),
        *operation.also,
    ]
    codes += [404] if "{" in operation.path else []
    parameters = [_parameter(name) for name in re.findall(r"{(\w+)}", operation.path)]
    entry: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.what,
        "parameters": [*parameters, *map(_query, operation.query)],
        "responses": {str(operation.status): _good(operation, refs)}
        | {
            str(code): _good(operation, refs, code) if code < 300 else _bad(code)
            for code in sorted(set(codes))
        },
    }
    if operation.body:
        schema = refs[operation.body, "validation"]
        entry["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    if operation.open:
        entry["security"] = []
    return entry


def _parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 300}}


def _query(param: Param) -> dict[str, Any]:
    return {
        "name": param.name,
        "in": param.place,
        "description": param.what,
        "schema": {"type": param.type}
        | ({} if param.least is None else {"minimum": param.least})
        | ({} if param.most is None else {"maximum": param.most}),
    }


def _good(operation: Operation, refs: dict[Any, Any], code: int | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"description": HTTPStatus(code or operation.status).phrase}
    if operation.answer:
        found["content"] = {operation.media: {"schema": refs[operation.answer, "serialization"]}}
    elif operation.status != HTTPStatus.NO_CONTENT:
        plain = {} if operation.media == JSON else {"type": "string"}
        found["content"] = {operation.media: {"schema": plain}}
    return found


def _bad(code: int) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=ProblemBody.__name__)}
    return {"description": HTTPStatus(code).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
