"""Of a record, by the command."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from kb_tests.cli import main
from kb_tests.commands.culprits import UNTOLD
from kb_tests.culprits.find import Found
from kb_tests.report.headline import headline
from kb_tests.report.html import summary
from kb_tests.report.record import LookRecord, PointRecord, PointStatus, RunRecord, load
from kb_tests.report.rotated import RotatedRecord
from kb_tests.report.signs import SignsRecord
from kb_tests.report.staged import ServerRecord
from kb_tests.report.telling import findings
from kb_tests.sla.verdict import Outcome, Verdict
from tests.unit.culprits.test_find import ASKED, EACH, HOSTS, LATENCY, measured
from tests.unit.report import build
from tests.unit.report.test_scaling import searched as searched_for


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which one point broke its limit, by host c5 from second 12 on."""
    verdict = Verdict(Outcome.FAIL, (LATENCY,), (), 0.95)
    slow = measured(lambda host, second: 4.0 if host == 5 and second >= 12 else 1.0)
    broken = PointRecord.judged(replace(ASKED, scenario="http-east-west"), slow, verdict, build.STARTED)
    record = build.run([broken, build.judged(build.point(2, 100.0))])
    plain = record.scenarios[0].topology
    assert plain is not None
    servers = tuple(_ways())
    topology = plain.model_copy(update={"servers": servers})
    scenario = record.scenarios[0].model_copy(update={"topology": topology})
    path = tmp_path_factory.mktemp("reports")
    record.model_copy(update={"scenarios": [scenario]}).write(path)
    return path


def _ways() -> list[ServerRecord]:
    made = []
    for number in range(HOSTS * EACH):
        address = f"10.2.0.{number + 10}"
        common = {"network": "net", "zone": "nova"}
        made += [
            ServerRecord(
                name=f"server-{number}", role="server", address=address, host=f"c{number // EACH}", **common
            ),
            ServerRecord(
                name=f"client-{number}",
                role="client",
                address=f"10.1.0.{number + 10}",
                host=f"g{number % HOSTS}",
                peer=address,
                **common,
            ),
        ]
    return made


def test_the_command_tells_it_of_each_broken_point(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["culprits", "1f2e3d4c", "--reports", str(folder)]) == 0
    first, *told = capsys.readouterr().out.splitlines()
    assert first == ASKED.id
    assert told[0].startswith("  Host c5 with 3 servers: p99 of response time is ")
    assert told[-1] == "  It began in second 12 of the window."


def undecided(folder: Path) -> RunRecord:
    """The same run, as if the sample of its point had decided nothing."""
    record = load(folder / "1f2e3d4c.json")
    (point,) = (one for one in record.points if one.outcome is Outcome.FAIL)
    check = replace(LATENCY, outcome=Outcome.INCONCLUSIVE)
    verdict = Verdict(Outcome.INCONCLUSIVE, (check,), (), 0.95)
    return record.model_copy(update={"points": [point.model_copy(update={"verdict": verdict})]})


def test_a_point_that_was_inconclusive_is_looked_at_and_marked(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    undecided(folder).write(tmp_path)
    assert main(["culprits", "1f2e3d4c", "--reports", str(tmp_path)]) == 0
    first, *told = capsys.readouterr().out.splitlines()
    assert first == f"{ASKED.id} (inconclusive)"
    assert told[0].startswith("  Host c5 with 3 servers: p99 of response time is ")
    assert main(["culprits", "1f2e3d4c", "--reports", str(tmp_path), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["points"][ASKED.id]
    assert (found["check"]["outcome"], found["culprits"][0]["name"]) == ("inconclusive", "c5")


def test_the_report_says_where_what_was_inconclusive_is_slow(folder: Path) -> None:
    record = undecided(folder)
    told = "Host c5 with 3 servers: p99 of response time is 3.7 times that of the others."
    points = [one.model_copy(update={"culprits": (told,)}) for one in record.points]
    more = record.model_copy(update={"points": points})
    assert headline(more) == f"1 point could not be decided by its sample; h{told[1:]}"
    assert summary([more]).count(f"<li>{told}</li>") == 1
    assert told in findings(points[0])


def test_programs_get_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["culprits", "1f2e3d4c", "--reports", str(folder), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["points"][ASKED.id]
    (culprit,) = found["culprits"]
    assert (culprit["level"], culprit["name"], found["since"]) == ("host", "c5", 12.0)


def test_what_has_no_end_is_no_number_of_json(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing worked, figures are infinite; no reader but Python's takes that for JSON."""
    (point,) = (one for one in load(folder / "1f2e3d4c.json").points if one.outcome is Outcome.FAIL)
    beyond = Found(replace(LATENCY, value=math.inf, low=math.nan))
    monkeypatch.setattr("kb_tests.culprits.recorded.not_kept", lambda *_: [(point, [beyond])])
    assert main(["culprits", "1f2e3d4c", "--reports", str(folder), "--json"]) == 0
    said = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))
    assert said["points"][ASKED.id][0]["check"]["value"] is None


def test_another_point_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["culprits", "1f2e3d4c", "--reports", str(folder), "--point", "none"]) == 1
    assert "has no point 'none'" in capsys.readouterr().err


def test_a_run_that_kept_its_sla_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record: RunRecord = build.run([build.judged(build.point(2, 100.0))])
    record.write(tmp_path)
    assert main(["culprits", "1f2e3d4c", "--reports", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "No point of run 1f2e3d4c broke its SLA or was inconclusive.\n"


def test_what_is_not_looked_at_is_not_called_kept(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A point beside one that broke, one that never ran, a search that did not find what it was to."""
    kept = build.point(2, 100.0)
    assert main(["culprits", "1f2e3d4c", "--reports", str(folder), "--point", kept.id]) == 0
    assert capsys.readouterr().out == (
        f"Point {kept.id} of run 1f2e3d4c neither broke its SLA nor was inconclusive.\n"
    )
    lost = build.without(PointStatus.LOST, "The cloud went away.")
    build.run([build.judged(kept), lost]).write(tmp_path)
    assert main(["culprits", "1f2e3d4c", "--reports", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (
        "No point of run 1f2e3d4c broke its SLA or was inconclusive; 1 point had no valid verdict.\n"
    )
    assert main(["culprits", "1f2e3d4c", "--reports", str(tmp_path), "--point", lost.id]) == 0
    assert capsys.readouterr().out.endswith(" nor was inconclusive: it has no valid verdict.\n")
    searched = searched_for(4, 1000.0)
    failed = build.verdict([build.check("capacity", 900.0, 1000.0, unit="", at_most=False)])
    judged = {"status": PointStatus.JUDGED, "verdict": failed}
    build.run([searched.model_copy(update=judged)]).write(tmp_path)
    assert main(["culprits", "1f2e3d4c", "--reports", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        searched.id,
        f"  {UNTOLD}",
    ]


def test_agents_that_were_not_staged_are_no_traceback(folder: Path, tmp_path: Path) -> None:
    """In an earlier look, or in a run with other generators: records come from anywhere."""
    record = load(folder / "1f2e3d4c.json")
    (point,) = (one for one in record.points if one.outcome is Outcome.FAIL)
    strange = measured()
    agents = tuple(replace(agent, agent=f"x-{agent.agent}") for agent in strange.agents)
    kept = type(point.measurement).of(replace(strange, agents=agents))  # type: ignore[union-attr]
    assert point.verdict is not None
    look = LookRecord(started=build.STARTED, duration=24.0, measurement=kept, verdict=point.verdict)
    rotated = RotatedRecord(shift=EACH, started=build.STARTED, measurement=kept)
    for more in ({"earlier": (look,)}, {"rotated": rotated}):
        changed = point.model_copy(update=more)
        record.model_copy(update={"points": [changed]}).write(tmp_path)
        assert main(["culprits", "1f2e3d4c", "--reports", str(tmp_path)]) == 0


def test_signs_and_a_rotated_run_are_told_again_from_the_record(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = load(folder / "1f2e3d4c.json")
    (point,) = (one for one in record.points if one.outcome is Outcome.FAIL)
    turned = measured(lambda host, _: 4.0 if host == 4 else 1.0)  # whose generators now load c5
    kept = type(point.measurement).of(turned)  # type: ignore[union-attr]
    signs = tuple(
        SignsRecord(
            server=f"server-{number}",
            seconds=24.0,
            figures={"steal": (12.0 if number // EACH == 5 else 0.1, 0.9, 3.0)},
        )
        for number in range(HOSTS * EACH)
    )
    rotated = RotatedRecord(shift=EACH, started=build.STARTED, measurement=kept)
    more = point.model_copy(update={"signs": signs, "rotated": rotated})
    record.model_copy(update={"points": [more]}).write(tmp_path)
    assert main(["culprits", "1f2e3d4c", "--reports", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "  These servers had CPU time stolen 50% (others 0.4%; at most 90%, in second 3).\n" in told
    assert "at other servers: the servers are to blame.\n" in told
    assert main(["culprits", "1f2e3d4c", "--reports", str(tmp_path), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["points"][ASKED.id]
    assert found["rotated"] == ["servers"]
    assert found["beside"][0]["signs"][0]["figure"] == "steal"


def test_the_report_says_where_it_is_slow(folder: Path) -> None:
    """In its first sentences, and at the point, which lists its limits."""
    record = load(folder / "1f2e3d4c.json")
    told = (
        "Host c5 with 3 servers: p99 of response time is 3.7 times that of the others.",
        "Without host c5.",
    )
    points = [
        one.model_copy(update={"culprits": told}) if one.outcome is Outcome.FAIL else one
        for one in record.points
    ]
    more = record.model_copy(update={"points": points})
    assert headline(more).endswith(f", its limit 50ms; h{told[0][1:]}")
    page = summary([more])
    assert page.count(f"<li>{told[0]}</li><li>{told[1]}</li>") == 1
    nobody = record.points[0].model_copy(update={"culprits": ("No server, host or zone stands out.",)})
    assert "stands out" not in headline(record.model_copy(update={"points": [nobody]}))
    less = replace(ASKED, id="less", scenario="http-east-west", rate=50.0)
    sooner = points[0].model_copy(update={"point": less, "culprits": ()})
    said = headline(record.model_copy(update={"points": [sooner, *points]}))
    assert said.endswith(f"; at 2,400 req/s h{told[0][1:]}"), "it is of another point than the first"
