"""How a scenario scales is told of capacities and closed loops, and of nothing else."""

from __future__ import annotations

import contextlib
import copy
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kb_tests.cli import main
from kb_tests.errors import RecordError
from kb_tests.report import scaling, terminal
from kb_tests.report.capacity import CapacityRecord
from kb_tests.report.charts.description import Band
from kb_tests.report.headline import headline
from kb_tests.report.html import summary
from kb_tests.report.junit import properties
from kb_tests.report.record import PointRecord, PointStatus, load
from kb_tests.sla.capacity.model import End
from tests.unit.report import build

CLIENTS = (1, 2, 4, 6, 8, 12, 16, 24, 32)


def peaked(clients: int) -> float:
    """What each is given: with a peak at 13."""
    return 100 / (1 + 0.1 * (clients - 1) + 0.005 * clients * (clients - 1))


def closed(clients: int, each: float) -> PointRecord:
    asked = build.point(clients, each)
    loop = replace(asked, id=f"http-east-west-clients-{clients}-rate-0", rate=0.0)
    measured = replace(build.measurement(asked), point_id=loop.id, offered=0.0)
    return PointRecord.measured(loop, measured, build.STARTED)


def searched(clients: int, each: float, end: End = End.FOUND) -> PointRecord:
    known = end is End.FOUND
    found = CapacityRecord(
        of="rate",
        clients=clients,
        least=10,
        most=10_000,
        step=0.25,
        width=0.05,
        probe=30,
        budget=1800,
        confidence=0.95,
        end=end,
        low=each * 0.98,
        high=each * 1.02 if known else math.inf,
        kept=each * 0.95,
        broke=each * 1.05 if known else math.inf,
        limit="latency p99",
        seconds=600,
    )
    record = closed(clients, each)
    asked = replace(record.point, id=f"http-east-west-clients-{clients}-capacity")
    return record.model_copy(update={"point": asked, "capacity": found, "measurement": None})


@pytest.mark.parametrize(
    ("made", "what"), [(closed, "closed loop"), (searched, "capacity")], ids=["closed loop", "capacity"]
)
def test_a_peak_is_told_where_it_is_shown(made: Callable[[int, float], PointRecord], what: str) -> None:
    (one,) = scaling.progressions([made(clients, peaked(clients)) for clients in CLIENTS])
    assert (one.scenario, one.what) == ("http-east-west", what)
    assert one.found.law is not None
    assert one.found.law.claimed
    first, guess = scaling.sentences(one)
    assert "more of them are given less" in first
    assert guess.startswith("64 clients may be given ")
    assert guess.endswith(": a guess, since nothing ran beyond 32.")
    assert one.found.efficiency()[-1] == pytest.approx(peaked(32) / peaked(1), rel=0.05)


def test_without_a_peak_none_is_told() -> None:
    (one,) = scaling.progressions([closed(clients, 100 / (1 + 0.05 * (clients - 1))) for clients in CLIENTS])
    assert scaling.sentences(one)[0] == "No peak is shown up to 32 clients."


def test_open_loops_are_never_fitted() -> None:
    points = []
    for clients in CLIENTS:
        asked = build.point(clients, peaked(clients))
        points.append(PointRecord.measured(asked, build.measurement(asked), build.STARTED))
    assert scaling.progressions(points) == []


def test_scales_without_a_capacity_are_left_out_and_named() -> None:
    points = [searched(clients, peaked(clients)) for clients in CLIENTS]
    points[3] = searched(6, peaked(6), End.AT_LEAST)
    (one,) = scaling.progressions(points)
    assert [scale.clients for scale in one.found.scales] == [1, 2, 4, 8, 12, 16, 24, 32]
    assert scaling.sentences(one)[-1].startswith("Left out: ")
    assert scaling.sentences(one)[-1].endswith(": no capacity was found.")


def test_an_invalid_point_says_nothing_of_how_it_scales() -> None:
    points = [closed(clients, peaked(clients)) for clients in CLIENTS]
    points[1] = points[1].model_copy(update={"status": PointStatus.INVALID, "doubts": ("It was busy.",)})
    (one,) = scaling.progressions(points)
    assert [scale.clients for scale in one.found.scales] == [1, *CLIENTS[2:]]
    assert scaling.sentences(one)[-1].endswith(": its instruments failed.")


def test_the_picture_marks_what_nobody_measured() -> None:
    (one,) = scaling.progressions([closed(clients, peaked(clients)) for clients in CLIENTS])
    plot = scaling.chart(one, "x")
    assert plot is not None
    assert plot.bands == (Band(32.0, 64.0, "unmeasured", "a guess: nothing ran here"),)
    (lane,) = plot.lanes
    assert [series.name for series in lane.series] == ["linear", "scaling law", "closed loop"]
    assert len(plot.table.rows) == len(CLIENTS)


def test_too_few_scales_have_efficiencies_in_report_and_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = [closed(clients, peaked(clients)) for clients in (1, 2, 4)]
    record = build.run(points)
    path = tmp_path / "1f2e3d4c.json"
    path.write_text(record.model_dump_json())
    assert main(["scaling", str(path)]) == 0
    told = capsys.readouterr().out
    assert "http-east-west, closed loop, req/s" in told
    assert "The scaling law takes 6 scales at least, and here are 3." in told
    assert main(["scaling", "--json", str(path)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert [scale["clients"] for scale in json.loads(line)["scales"]] == [1, 2, 4]
    html = summary([record])
    assert "How http-east-west, closed loop goes with the number of clients" in html
    assert "The scaling law takes 6 scales at least" in html


def test_a_run_that_cannot_be_fitted_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "1f2e3d4c.json"
    asked: Sequence[PointRecord] = [
        PointRecord.measured(point, build.measurement(point), build.STARTED)
        for point in (build.point(1), build.point(4))
    ]
    path.write_text(build.run(asked).model_dump_json())
    assert main(["scaling", str(path)]) == 1
    assert "What open loops achieve is what they offer" in capsys.readouterr().err


@pytest.mark.parametrize("end", [End.FOUND, End.TOO_WIDE, End.CONNECTIONS, End.AT_LEAST])
def test_a_damaged_search_is_refused_or_told_in_words(end: End, tmp_path: Path) -> None:
    """By what reads its record, in a sentence: no report ends in the middle of one."""
    path = build.run([searched(4, 1000.0, end)]).write(tmp_path)
    whole = json.loads(path.read_text())
    for key in whole["points"][0]["capacity"]:
        for value in (0, -1, "x", ["x"], [], "NaN", "Infinity"):
            data = copy.deepcopy(whole)
            data["points"][0]["capacity"][key] = value
            path.write_text(json.dumps(data))
            with contextlib.suppress(RecordError):
                record = load(path)
                assert headline(record)
                assert list(terminal.summary(record, path))
                assert list(properties(record.points[0]))
