"""The document says what is served: every operation, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kb_tests.web.app import App
from kb_tests.web.operations import BASE
from tests.unit.web.client import ask
from tests.unit.web.session import POINT, RUN

ABOUT = {
    "run": RUN,
    "point": POINT,
    "sid": "0a0b0c0d",
    "name": "demo-http",
    "cloud": "nowhere",
    "id": "0a0b0c0d",
}


def document(app: App) -> Any:
    return ask(app.asgi, "/api/v1/openapi.json").json


def test_it_lists_every_operation_and_no_other(app: App) -> None:
    said = {(method.upper(), path) for path, entry in document(app)["paths"].items() for method in entry}
    assert said == {(each.method, BASE + each.path) for each in app.operations}
    assert len({each.name for each in app.operations}) == len(app.operations)


def test_every_reference_leads_somewhere(app: App) -> None:
    found = document(app)
    known = found["components"]["schemas"]

    def refs(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from (str(value) for key, value in node.items() if key == "$ref")
            for value in node.values():
                yield from refs(value)
        elif isinstance(node, list):
            for value in node:
                yield from refs(value)

    names = [re.fullmatch(r"#/components/schemas/(\w+)", ref) for ref in refs(found)]
    assert names
    assert all(name and name[1] in known for name in names)


def test_answers_have_the_keys_that_it_names(app: App) -> None:
    schemas = document(app)["components"]["schemas"]
    for operation in app.operations:
        if operation.method == "GET" and operation.answer is not None:
            found = ask(app.asgi, BASE + operation.path.format(**ABOUT))
            if found.status == 200:
                assert set(found.json) == set(schemas[operation.answer.__name__]["properties"])


def test_problems_are_of_one_form(app: App) -> None:
    for path in ("/api/v1/nothing", "/api/v1/runs/00000000", "/api/v1/sessions/x"):
        found = ask(app.asgi, path)
        assert found.status == 404
        assert found.headers["content-type"] == "application/problem+json"
        assert found.json["detail"]
        assert found.json["remedy"]
