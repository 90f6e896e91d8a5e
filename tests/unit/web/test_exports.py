"""A run for other programs: whole, well formed, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from kb_tests.report.record import PointStatus
from kb_tests.web.app import App, Options
from kb_tests.web.exports import junit, points_csv
from kb_tests.web.tokens import Tokens
from tests.unit.report.build import judged, point, run, without
from tests.unit.web.client import TOKEN, ask
from tests.unit.web.session import POINT, RUN, story, write_session

EVIL = '=HYPERLINK("http://evil.test")<b>\x00\x1b]]>'


def test_junit_says_of_each_point_what_became_of_it(app: App) -> None:
    record = run(
        [
            judged(),
            judged(point(rate=2000), share=0.9),
            judged(point(rate=3000), reasons=["2 of 4 generators are missing."]),
            without(PointStatus.NOT_RUN, EVIL, point(rate=4000)),
        ]
    )
    suite = Xml.fromstring(junit(record)).find("testsuite")
    assert suite is not None
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    cases = suite.findall("testcase")
    assert [next((child.tag for child in case if child.tag != "properties"), "") for case in cases] == [
        "",
        "failure",
        "error",
        "skipped",
    ]
    names = {one.get("name") for one in cases[0].iter("property")}
    assert {"kb.point", "kb.outcome", "kb.response.p99"} <= names
    found = ask(app.asgi, f"/api/v1/runs/{RUN}/junit")
    assert found.status == 200
    assert "attachment" in found.headers["content-disposition"]
    assert Xml.fromstring(found.body) is not None


def test_csv_has_a_line_a_point_and_runs_in_no_spreadsheet(app: App) -> None:
    record = run([judged(), without(PointStatus.NOT_RUN, EVIL, point(rate=4000))], cloud=EVIL)
    lines = list(csv.DictReader(io.StringIO(points_csv(record).decode())))
    assert [line["status"] for line in lines] == ["judged", "not_run"]
    assert float(lines[0]["response.p99"]) > 0
    assert lines[1]["response.p99"] == ""
    for line in lines:
        assert not any(str(value).startswith(("=", "+", "@", "\t")) for value in line.values())
    assert lines[0]["cloud"].startswith("'=")
    found = ask(app.asgi, f"/api/v1/runs/{RUN}/csv")
    assert found.headers["content-type"] == "text/csv; charset=utf-8"


def test_seconds_are_lines(app: App) -> None:
    place = f"/api/v1/runs/{RUN}/points/{POINT}"
    seconds = ask(app.asgi, place).json["seconds"]
    lines = list(csv.reader(io.StringIO(ask(app.asgi, f"{place}/csv").body.decode())))
    assert lines[0] == ["second", "succeeded", "failed", "response p50", "response p99"]
    assert len(lines) == 1 + len(seconds["at"])
    assert ask(app.asgi, f"{place}/csv?attempt=9").status == 404
    assert ask(app.asgi, f"{place}/csv?attempt=-1").status == 400


def test_a_record_is_deleted_and_nothing_else(
    reports: Path, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = App(Options(reports=reports, sessions=sessions), Tokens(TOKEN))
    (reports / "other.json").write_text("{}")
    write_session(sessions, "0a0b0c0e", story()[:6])
    monkeypatch.setattr("kb_tests.events.sessions.Session.alive", True)
    assert ask(app.asgi, f"/api/v1/runs/{RUN}", method="DELETE").status == 409
    monkeypatch.setattr("kb_tests.events.sessions.Session.alive", False)
    for name in ("other", "..", "%2e%2e", "1f2e3d4c.json"):
        assert ask(app.asgi, f"/api/v1/runs/{name}", method="DELETE").status == 404
    assert ask(app.asgi, f"/api/v1/runs/{RUN}", method="DELETE").status == 204
    assert (reports / "other.json").exists()
    assert not (reports / f"{RUN}.json").exists()
    assert ask(app.asgi, f"/api/v1/runs/{RUN}").status == 404
    assert (sessions / "0a0b0c0d").is_dir()
