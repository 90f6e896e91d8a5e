"""The API keeps what its document says, whatever it is asked: every status and every answer is in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb_tests.web.app import App, Options
from kb_tests.web.operations import BASE, Operation
from kb_tests.web.routes import OPERATIONS
from kb_tests.web.tokens import Tokens
from tests.unit.web.client import TOKEN, Answer, ask
from tests.unit.web.contract import wrong
from tests.unit.web.session import POINT, RUN
from tests.unit.web.test_clouds import INVENTORY, Kb

ABOUT = {
    "run": [RUN, "0a0b0c0d", "..", "x", "%00"],
    "point": [POINT, "other", "%2e%2e"],
    "sid": ["0a0b0c0d", "0a0b0c0e", ".."],
    "name": ["demo-http", "nothing", "%2e%2e", "Ä"],
    "cloud": ["mycloud", "nowhere", "--help"],
    "id": ["0a0b0c0d", ".."],
}
BY_A_CHILD = ("download_report", "compare_runs")
"""Operations whose answer a process of their own makes: see its tests."""

CASES = [pytest.param(one, id=one.name) for one in OPERATIONS if one.name not in BY_A_CHILD]


@pytest.fixture
def app(reports: Path, sessions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    (tmp_path / "clouds.yaml").write_text("clouds: {mycloud: {}}")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    kb = Kb()
    kb.output = json.dumps(INVENTORY)
    monkeypatch.setattr("kb_tests.web.child.run", kb)
    for module in ("starting", "cleaning"):
        monkeypatch.setattr(
            f"kb_tests.web.{module}.subprocess.Popen", lambda *_, **__: pytest.fail("it is started")
        )
    return App(Options(reports=reports, sessions=sessions), Tokens(TOKEN))


def held(app: App, operation: Operation, answer: Answer) -> None:
    """Fails where an answer is not what the document says of the operation."""
    document: Any = app.document()
    entry = document["paths"][BASE + operation.path][operation.method.lower()]
    assert str(answer.status) in entry["responses"], (answer.status, answer.body[:300])
    said = entry["responses"][str(answer.status)].get("content", {})
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if not said:
        assert not answer.body
        return
    assert kind in said, (kind, list(said))
    schema = said[kind]["schema"]
    if kind.endswith("json") and schema:
        assert list(wrong(answer.json, schema, document["components"]["schemas"])) == []


def paths(operation: Operation) -> list[str]:
    found = [operation.path]
    for name in re.findall(r"{(\w+)}", operation.path):
        found = [path.replace(f"{{{name}}}", value) for path in found for value in ABOUT[name]]
    return found


@pytest.mark.parametrize("operation", CASES)
def test_answers_are_those_of_the_document(app: App, operation: Operation) -> None:
    wild: list[Any] = [None] if operation.body is None else [{}, {"x": 1}, [], None]
    for path in paths(operation)[:4]:
        once = "?once=1" if operation.name == "follow_session" else ""
        for body in wild:
            answer = ask(app.asgi, BASE + path + once, method=operation.method, send=body)
            if answer.status != 404 or "nothing at this address" not in answer.json["detail"]:
                held(app, operation, answer)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
BODIES = [one for one in OPERATIONS if one.body is not None]


def shaped(operation: Operation) -> st.SearchStrategy[Any]:
    """Objects with the fields of an operation's body, whatever is in them."""
    assert operation.body is not None
    fields = list(operation.body.model_fields)
    return st.dictionaries(st.sampled_from(fields), JSON, max_size=len(fields)) | JSON


@pytest.mark.nightly
@pytest.mark.parametrize("operation", [pytest.param(one, id=one.name) for one in BODIES])
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_sent_is_answered_as_the_document_says(
    app: App, operation: Operation, data: st.DataObject
) -> None:
    body = data.draw(shaped(operation))
    path = data.draw(st.sampled_from(paths(operation)))
    try:
        answer = ask(app.asgi, BASE + path, method=operation.method, send=body)
    except UnicodeEncodeError:
        return
    if answer.status != 404 or "nothing at this address" not in answer.json["detail"]:
        held(app, operation, answer)
