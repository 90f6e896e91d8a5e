"""What the API tells of runs, points, sessions and scenarios."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kb_tests.events.model import (
    Log,
    PointsSelected,
    PointStarted,
    Problem,
    SelectedPoint,
    SessionEnded,
    Stopping,
)
from kb_tests.history.index import Index
from kb_tests.history.summary import Summary
from kb_tests.measure.heat import Heat
from kb_tests.report.heat import HeatRecord
from kb_tests.report.http.measured import HttpMeasurementRecord
from kb_tests.report.line import FAR, on_line
from kb_tests.report.record import PointStatus, load
from kb_tests.sla.verdict import Outcome
from kb_tests.web.app import App, Options
from kb_tests.web.assets import Assets
from kb_tests.web.tokens import Tokens
from tests.unit.report.build import check, judged, point, run, without
from tests.unit.web.client import TOKEN, ask
from tests.unit.web.session import POINT, RUN, story, write_session

RECORDS = Path(__file__).parents[1] / "report" / "records"


def test_runs_are_listed_and_filtered(app: App, reports: Path) -> None:
    run([judged(median=0.09)], run="aaaa0001", cloud="east").write(reports)
    found = ask(app.asgi, "/api/v1/runs").json
    assert [row["run"] for row in found["runs"]] == ["1f2e3d4c", "aaaa0001"] or found["total"] == 2
    assert found["clouds"] == ["east", "west-1"]
    only = ask(app.asgi, "/api/v1/runs?cloud=east").json
    assert [row["run"] for row in only["runs"]] == ["aaaa0001"]
    assert ask(app.asgi, "/api/v1/runs?q=EAST-wes").json["total"] == 2
    assert ask(app.asgi, "/api/v1/runs?outcome=pass").json["total"] + 0 in (0, 1, 2)


def test_a_list_goes_on_where_it_ended(app: App, reports: Path) -> None:
    for number in range(5):
        run([judged()], run=f"aaaa000{number}").write(reports)
    seen: list[str] = []
    after = ""
    for _ in range(10):
        page = ask(app.asgi, f"/api/v1/runs?limit=2&after={after}").json
        seen += [row["run"] for row in page["runs"]]
        if not (after := page["next"]):
            break
    assert len(seen) == len(set(seen)) == 6


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=99999", "since=soon"])
def test_a_wrong_query_is_said(app: App, query: str) -> None:
    found = ask(app.asgi, f"/api/v1/runs?{query}")
    assert found.status == 400
    assert found.json["detail"]


def test_a_failure_after_passes_is_new(tmp_path: Path) -> None:
    for number, (median, day) in enumerate([(0.004, 20), (0.09, 21), (0.09, 22)]):
        record = run([judged(median=median)], run=f"aaaa000{number}", exit_code=int(median > 0.01))
        record.started = record.started.replace(day=day)
        record.write(tmp_path)
    app = App(Options(reports=tmp_path, sessions=tmp_path / "none"), Tokens(TOKEN))
    found = ask(app.asgi, "/api/v1/runs").json["runs"]
    assert [(row["run"], row["new_failure"]) for row in found] == [
        ("aaaa0002", False),
        ("aaaa0001", True),
        ("aaaa0000", False),
    ]


def test_a_folder_that_is_not_there_has_no_runs(tmp_path: Path) -> None:
    app = App(Options(reports=tmp_path / "none", sessions=tmp_path / "no"), Tokens(TOKEN))
    assert ask(app.asgi, "/api/v1/runs").json["total"] == 0
    assert ask(app.asgi, "/api/v1/sessions").json["sessions"] == []


def test_a_run_says_what_its_report_says(app: App, reports: Path) -> None:
    asked = point(clients=4, rate=2000)
    run([judged(), judged(asked, median=0.2)], run="aaaa0001", exit_code=1).write(reports)
    found = ask(app.asgi, "/api/v1/runs/aaaa0001").json
    assert (found["state"], found["banner"]) == ("fail", "SLA broken")
    assert "8,000 req/s" in found["headline"]
    (scenario,) = found["scenarios"]
    assert [one["label"] for one in scenario["points"]] == ["pass", "fail"]
    assert found["findings"][0]["point"] == asked.id
    assert scenario["columns"][0] == "Offered"
    assert len(scenario["columns"]) == len(scenario["limits"]) == len(scenario["points"][0]["cells"])


def test_a_point_has_seconds_percentiles_checks_and_hosts(app: App) -> None:
    found = ask(app.asgi, f"/api/v1/runs/{RUN}/points/{POINT}").json
    assert {one["outcome"] for one in found["checks"]} == {"pass"}
    seconds = found["seconds"]
    columns = [
        seconds["at"],
        seconds["rate"],
        seconds["failed"],
        *(one["values"] for one in seconds["lines"]),
    ]
    assert len({len(column) for column in columns}) == 1
    assert seconds["at"][0] == -5.0
    assert [one["kind"] for one in found["charts"]] == ["plot", "plot", "strips"]
    assert [one["percent"] for one in found["limits"]] == [50, 99, 99.9]
    assert found["hosts"]
    assert len(found["generators"]) == 4


def test_a_record_without_a_heat_map_has_that_of_its_session(app: App, sessions: Path) -> None:
    """Of several looks the one that decided."""
    place = f"/api/v1/runs/{RUN}/points/{POINT}"
    (heat,) = ask(app.asgi, place).json["seconds"]["heats"]
    assert (heat["at"], heat["step"], heat["rows"]) == (0, 1, [[[40, 10]], [[40, 10]]])
    shutil.rmtree(sessions / "0a0b0c0d")
    found = ask(app.asgi, place).json["seconds"]
    assert found["heats"] == []
    assert found["lines"][1]["values"]


def test_the_heat_map_of_the_record_counts(app: App, reports: Path) -> None:
    path = reports / f"{RUN}.json"
    record = load(path)
    measured = record.points[0].measurement
    assert isinstance(measured, HttpMeasurementRecord)
    heat = HeatRecord.of(Heat(at=-1, step=2, rows=(((30, 5),), ())))
    record.points[0].measurement = measured.model_copy(update={"heat": heat})
    record.write(reports)
    (shown,) = ask(app.asgi, f"/api/v1/runs/{RUN}/points/{POINT}").json["seconds"]["heats"]
    assert shown == {"name": "response", "at": -1, "step": 2, "rows": [[[30, 5]], []]}


@pytest.mark.parametrize("status", [PointStatus.LOST, PointStatus.NOT_RUN, PointStatus.PAST_STOP_LIMIT])
def test_a_point_without_a_measurement_says_why(app: App, reports: Path, status: PointStatus) -> None:
    run([without(status, "The worker died.")], run="aaaa0001").write(reports)
    found = ask(app.asgi, f"/api/v1/runs/aaaa0001/points/{point().id}").json
    assert found["reason"] == "The worker died."
    assert found["seconds"] is None
    assert ask(app.asgi, "/api/v1/runs/aaaa0001").status == 200


@pytest.mark.parametrize("record", sorted(RECORDS.glob("*.json")), ids=lambda path: path.stem)
def test_every_recorded_run_and_point_can_be_shown(tmp_path: Path, record: Path) -> None:
    import json

    text = record.read_text()
    name = json.loads(text)["run"]
    (tmp_path / f"{name}.json").write_text(text)
    app = App(Options(reports=tmp_path, sessions=tmp_path / "none"), Tokens(TOKEN))
    found = ask(app.asgi, f"/api/v1/runs/{name}")
    assert found.status == 200, found.body
    for scenario in found.json["scenarios"]:
        for one in scenario["points"]:
            shown = ask(app.asgi, f"/api/v1/runs/{name}/points/{one['id']}?attempt={one['attempt']}")
            assert shown.status == 200, shown.body
            assert b"NaN" not in shown.body
            assert b"Infinity" not in shown.body


def test_a_damaged_record_is_a_problem_with_a_sentence(app: App, reports: Path) -> None:
    path = reports / f"{RUN}.json"
    path.write_text(path.read_text().replace('"suite":', '"suit":'))
    found = ask(app.asgi, f"/api/v1/runs/{RUN}")
    assert found.status == 422
    assert "damaged" in found.json["detail"]


def test_what_a_browser_has_is_not_sent_again(app: App) -> None:
    first = ask(app.asgi, f"/api/v1/runs/{RUN}")
    again = ask(app.asgi, f"/api/v1/runs/{RUN}", headers=[("if-none-match", first.headers["etag"])])
    assert (again.status, again.body) == (304, b"")


def test_a_record_is_downloaded_and_never_shown(app: App, reports: Path) -> None:
    found = ask(app.asgi, f"/api/v1/runs/{RUN}/record")
    assert found.body == (reports / f"{RUN}.json").read_bytes()
    assert found.headers["content-disposition"].startswith("attachment")


def test_a_report_is_made_by_a_child_and_changes_nothing(app: App, reports: Path) -> None:
    """Although a run that broke off is made whole for it."""
    ask(app.asgi, "/api/v1/runs")  # the index is made once
    (reports / f"{RUN}.ndjson").write_text("{")
    before = {path.name: path.read_bytes() for path in reports.iterdir()}
    found = ask(app.asgi, f"/api/v1/runs/{RUN}/report")
    assert found.status == 200
    assert b"<html" in found.body
    assert found.headers["content-disposition"].startswith("attachment")
    after = {path.name: path.read_bytes() for path in reports.iterdir()}
    assert {name for name in before if before[name] != after.get(name)} <= {".kb-index.sqlite"}, (
        "but the index"
    )
    assert (reports / f"{RUN}.ndjson").exists()


def test_a_session_is_told_from_its_events(app: App) -> None:
    (row,) = ask(app.asgi, "/api/v1/sessions").json["sessions"]
    assert (row["state"], row["outcome"], row["marks"], row["exit_code"]) == ("ended", "pass", "p", 0)
    assert row["runs"] == {"west-1": RUN}


@pytest.mark.parametrize(("cut", "state"), [(3, "staging"), (6, "running"), (9, "running"), (11, "removing")])
def test_a_session_that_is_gone_without_a_word_broke_off(
    app: App, sessions: Path, cut: int, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_session(sessions, "0a0b0c0e", story()[:cut])
    row = ask(app.asgi, "/api/v1/sessions/0a0b0c0e").json
    assert row["state"] == "broken_off"
    assert row["marks"] == ("p" if cut == 11 else "-" if cut > 2 else ""), "nothing is to come any more"
    monkeypatch.setattr("kb_tests.events.sessions.Session.alive", True)
    assert ask(app.asgi, "/api/v1/sessions/0a0b0c0e").json["state"] == state


def test_a_session_that_stops_is_not_said_to_run(
    app: App, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [*story()[:6], Stopping(), *story()[6:8], Problem(sentence="The tunnel broke.\x1b[2J")]
    write_session(sessions, "0a0b0c0e", events)
    monkeypatch.setattr("kb_tests.events.sessions.Session.alive", True)
    row = ask(app.asgi, "/api/v1/sessions/0a0b0c0e").json
    assert row["state"] == "stopping"
    assert row["problems"] == ["The tunnel broke. [2J"]


def test_the_embedded_cloud_has_a_name_in_the_selection_alone(app: App, sessions: Path) -> None:
    told = story()
    started = [e.model_copy(update={"cloud": ""}) if isinstance(e, PointStarted) else e for e in told]
    ended = [e.model_copy(update={"cloud": ""}) if e.kind == "point" else e for e in started]
    write_session(sessions, "0a0b0c0e", ended)
    assert ask(app.asgi, "/api/v1/sessions/0a0b0c0e").json["marks"] == "p"


def test_points_of_tests_that_judge_by_themselves_are_not_said_to_fail(app: App, sessions: Path) -> None:
    events = [
        event.model_copy(update={"status": "measured", "outcome": ""}) if event.kind == "point" else event
        for event in story()
    ]
    write_session(sessions, "0a0b0c0e", events)
    row = ask(app.asgi, "/api/v1/sessions/0a0b0c0e").json
    assert "1 point measured." in row["sentence"]
    assert "0 of 1" not in row["sentence"]
    assert row["exit_meaning"] == "every point ran, and none was judged"


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (1, "fail"),
        (2, "interrupted"),
        (3, "invalid"),
        (4, "invalid"),
        (10, "inconclusive"),
        (11, "invalid"),
        (12, "leaked"),
    ],
)
def test_a_session_is_no_better_than_its_exit_code(app: App, sessions: Path, code: int, word: str) -> None:
    write_session(sessions, "0a0b0c0e", [*story()[:-1], SessionEnded(exit_code=code)])
    assert ask(app.asgi, "/api/v1/sessions/0a0b0c0e").json["outcome"] == word


def test_where_nothing_was_judged_no_sla_is_said_to_be_kept(app: App, sessions: Path) -> None:
    write_session(sessions, "0a0b0c0e", [*story()[:3], SessionEnded(exit_code=0)])
    row = ask(app.asgi, "/api/v1/sessions/0a0b0c0e").json
    assert (row["outcome"], row["exit_meaning"]) == ("not_run", "every point ran, and none was judged")


def test_what_never_ran_is_counted_with_what_passed(app: App, sessions: Path) -> None:
    told = story()
    more = tuple(SelectedPoint(cloud="west-1", id=n, scenario="x", kind="http", clients=4) for n in "abc")
    told[1:2] = [told[1], PointsSelected(points=more, runs={})]
    write_session(sessions, "0a0b0c0e", [*told[:-1], SessionEnded(exit_code=2)])
    assert "1 of 4 points pass" in ask(app.asgi, "/api/v1/sessions/0a0b0c0e").json["sentence"]


def test_output_is_read_by_offset(app: App, sessions: Path) -> None:
    (sessions / "0a0b0c0d" / "stdout.log").write_bytes(b"one\ntwo\x1b[31m\n")
    found = ask(app.asgi, "/api/v1/sessions/0a0b0c0d/log?offset=4").json
    assert found["text"] == "two [31m\n"
    assert found["next"] == found["size"]
    assert ask(app.asgi, "/api/v1/sessions/0a0b0c0d/log?offset=-1").status == 400


def test_shipped_scenarios_can_be_read(app: App) -> None:
    rows = ask(app.asgi, "/api/v1/scenarios").json["scenarios"]
    assert {row["fault"] for row in rows} == {""}
    found = ask(app.asgi, "/api/v1/scenarios/demo-http").json
    assert found["needs"]["servers"] == found["row"]["servers"] == 5
    assert len(found["point_ids"]) == found["row"]["points"]


def test_of_clouds_yaml_names_alone_are_told(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "clouds.yaml"
    file.write_text("clouds: {mycloud: {auth: {password: hush}}}")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))
    found = ask(app.asgi, "/api/v1/clouds")
    assert [cloud["name"] for cloud in found.json["clouds"]] == ["", "mycloud"]
    assert b"hush" not in found.body
    file.write_text("[: no yaml")
    assert ask(app.asgi, "/api/v1/clouds").json["fault"]


@pytest.mark.parametrize(
    ("value", "limit", "at_most", "unit", "place"),
    [
        (0.025, 0.050, True, "s", 0.5),
        (0.184, 0.050, True, "s", 3.68),
        (float("inf"), 0.050, True, "s", FAR),
        (0.9966, 0.99, False, "", 0.34),
        (1.0, 0.99, False, "", 0.0),
        (50.0, 100.0, False, "1/s", 2.0),
        (0.0, 100.0, False, "1/s", FAR),
        (0.0, 0.0, True, "", 0.0),
        (0.1, 0.0, True, "", FAR),
    ],
)
def test_a_value_has_its_place_on_the_limit_line(
    value: float, limit: float, at_most: bool, unit: str, place: float
) -> None:
    one = check("x", value, limit, unit=unit, at_most=at_most, outcome=Outcome.PASS)
    assert on_line(value, one) == pytest.approx(place)


def test_pages_are_one_file(app: App) -> None:
    for path in Assets().pages():
        found = ask(
            app.asgi, path.format(run=RUN, point=POINT, sid="0a0b0c0d", name="x", cloud="x"), token=None
        )
        assert found.status == 200
        assert found.headers["content-type"].startswith("text/html")
    nowhere = ask(app.asgi, "/somewhere", token=None)
    assert (nowhere.status, nowhere.body) == (404, ask(app.asgi, "/").body)
    assert ask(app.asgi, "/api/v2/runs").headers["content-type"] == "application/problem+json"


def test_the_idle_process_spares_what_loads_clouds() -> None:
    """Not even to list, show and follow: those are the libraries that make a process large."""
    program = (
        "import sys; import kb_tests.web.server, kb_tests.web.app; "
        "print([m for m in ('scipy', 'matplotlib', 'openstack', 'keystoneauth1', 'paramiko', 'redis') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_run_among_many_looks_at_the_folder_once(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    real = Index.runs

    def runs(index: Index) -> list[Summary]:
        looked.append(1)
        return real(index)

    monkeypatch.setattr(Index, "runs", runs)
    assert ask(app.asgi, f"/api/v1/runs/{RUN}").status == 200
    assert len(looked) == 1


def test_files_that_are_no_records_hide_none(app: App, reports: Path) -> None:
    for name, content in {
        "junk": b"not json",
        "deep": b"[" * 100_000,
        "0badf00d": b"\xff\xfe\x00" * 1000,
        "0badf00e": b"",
        "0badf010": b'{"schema_version": 2, "run": "0badf010"}',
    }.items():
        (reports / f"{name}.json").write_bytes(content)
    (reports / "0badf00f.json").symlink_to("/dev/zero")
    (reports / "0badf011.json").mkdir()
    assert [one["run"] for one in ask(app.asgi, "/api/v1/runs").json["runs"]] == [RUN]
    for other in ("0badf00d", "0badf00f", "0badf010", "0badf011"):
        assert ask(app.asgi, f"/api/v1/runs/{other}").status == 404


def test_no_name_turns_the_sentence_round_that_it_stands_in(app: App, reports: Path, sessions: Path) -> None:
    turning = "kb-\u202elive\u2066-\u200fserver"
    made = run([judged()], run="aaaa0009", cloud=f"west {turning}", leaks=[f"server {turning}"])
    made.notes.append(f"{turning} was slow.")
    made.write(reports)
    events = [*story()[:4], Log(cloud="west-1", text=turning), *story()[4:]]
    write_session(sessions, "0a0b0c0f", events)
    point = ask(app.asgi, "/api/v1/runs/aaaa0009").json["scenarios"][0]["points"][0]["id"]
    paths = ("/runs", "/runs/aaaa0009", f"/runs/aaaa0009/points/{point}", "/sessions/0a0b0c0f/events")
    for path in paths:
        body = ask(app.asgi, f"/api/v1{path}").body.decode()
        assert "live" in body, path
        assert not {"\u202e", "\u2066", "\u200f"} & set(body), path
