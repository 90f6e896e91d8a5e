"""Runs against runs over HTTP: the child's answer, its refusals, and no way to a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb_tests.history.tags import set_tags
from kb_tests.web.app import App
from kb_tests.web.archive import Archive
from kb_tests.web.routes.comparison import _side
from tests.unit.compare.build import run
from tests.unit.web.client import ask


def asked(app: App, query: str) -> tuple[int, str]:
    found = ask(app.asgi, f"/api/v1/comparison?{query}")
    return found.status, found.json.get("detail") or found.json.get("headline")


def test_what_is_slower_is_said_and_what_cannot_be_compared_is_refused(app: App, reports: Path) -> None:
    run("aaaa0001").write(reports)
    for name in ("aaaa0002", "aaaa0003"):
        set_tags(run(name, {200.0: 3.0}, seed=1).write(reports), ["after-upgrade"])
    status, said = asked(app, "a=aaaa0001&b=aaaa0002")
    assert status == 200
    assert said.startswith("aaaa0002 was worse than aaaa0001 at http-east-west-clients-1-rate-200")
    status, said = asked(app, "a=aaaa0001&b=after-upgrade")
    assert (status, said[:38]) == (200, "after-upgrade was worse than aaaa0001 ")
    status, said = asked(app, "a=aaaa0001&b=aaaa0001")
    assert (status, "both sides" in said) == (409, True)


def test_no_file_goes_for_a_tag_of_its_name(reports: Path) -> None:
    set_tags(run("aaaa0001").write(reports), ["after"])
    (reports / "after").mkdir()
    assert _side(Archive(reports), "after") == "aaaa0001"


@pytest.mark.parametrize(
    "query",
    ["a=nothing&b=1f2e3d4c", "a=/etc/passwd&b=1f2e3d4c", "a=../reports&b=1f2e3d4c", "a=1f2e3d4c&b=--html"],
)
def test_a_side_is_a_run_that_is_there_and_never_a_path(query: str, app: App) -> None:
    assert asked(app, query)[0] == 404


def test_a_side_has_to_be_named(app: App) -> None:
    assert asked(app, "b=1f2e3d4c")[0] == 400
