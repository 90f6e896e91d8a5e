"""Which runs are called slower, which are refused, and what is said where nothing can be shown."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kb_tests.cli import main
from kb_tests.compare import page, words
from kb_tests.compare.comparison import ALL, MAX_SLOWER, Comparison, Mark, Row, compare, judge
from kb_tests.compare.estimate import Estimate
from kb_tests.compare.points import Basis, matched_at
from kb_tests.compare.samples import Figure
from kb_tests.compare.sides import Key, Side
from kb_tests.errors import CompareError
from kb_tests.report.record import PointRecord, PointStatus, RunRecord, load
from kb_tests.sla.verdict import Outcome, Verdict
from tests.unit.compare.build import VERDICT, point, run, runs
from tests.unit.report import build

RECORDS = Path(__file__).parents[1] / "report" / "records"


def compared(a: Iterable[RunRecord], b: Iterable[RunRecord], **options: Any) -> Comparison:
    return compare(("before", a), ("after", b), **options)


def row(found: Comparison, figure: str, point: str = "") -> Row:
    return next(one for one in found.rows if one.figure == figure and point in one.point)


def test_twice_as_slow_is_worse_and_says_where_and_by_how_much() -> None:
    found = compared([run("0000000a", {200: 1, 400: 1})], [run("0000000b", {200: 2, 400: 1}, seed=1)])
    slower = row(found, "p99", "rate-200")
    assert (slower.mark, row(found, "p99", "rate-400").mark) == (Mark.WORSE, Mark.NONE)
    assert slower.low < 2 < slower.high
    assert slower.low > 1.3
    said = words.headline(found)
    assert "http-east-west-clients-1-rate-200" in said
    assert "2." in said or "1.9" in said


def test_one_run_against_one_of_another_staging_gives_no_verdict() -> None:
    found = compared([run("0000000a")], [run("0000000b", {200: 3.0}, seed=1)])
    assert (found.basis, found.outcome) == (Basis.FEW, Outcome.INCONCLUSIVE)
    assert row(found, "p99").mark is Mark.WORSE
    assert any("3 runs a side" in reason for reason in found.reasons)


@pytest.mark.parametrize(("ratio", "outcome"), [(2.0, Outcome.FAIL), (0.7, Outcome.PASS)])
def test_three_runs_a_side_give_one(ratio: float, outcome: Outcome) -> None:
    found = compared(runs(1, 3, between=0.03), runs(9, 3, ratio, between=0.03, seed=5))
    assert (found.basis, found.outcome) == (Basis.RUNS, outcome)


def test_one_run_against_many_is_held_against_how_those_differ() -> None:
    many = runs(1, 6, between=0.1, seed=2)
    found = compared(many, [run("000000ff", {200.0: 1.15}, seed=77)])
    assert (found.basis, found.outcome) == (Basis.ONE_SIDE, Outcome.INCONCLUSIVE)
    assert row(found, "p99").mark is Mark.NONE
    assert compared(many, [run("000000ff", {200.0: 3.0}, seed=77)]).worse


def test_enough_runs_of_which_few_have_a_point_say_which() -> None:
    """ "It takes 3 runs a side" is no help to somebody who has named six."""
    a, b = runs(1, 3), runs(9, 3)
    more = (
        [run("000000a1", {200: 1, 400: 1}, seed=21), *a[1:]],
        [run("000000a2", {200: 1, 400: 1}, seed=22), *b[1:]],
    )
    found = compared(*more)
    assert found.outcome is Outcome.INCONCLUSIVE
    said = "and http-east-west-clients-1-rate-400 was measured on 1 staging of A and 1 staging of B: they may"
    assert any(said in reason for reason in found.reasons)
    shared = [one.model_copy(update={"run": f"000000b{at}"}) for at, one in enumerate(a)]
    on_the_same = [
        two.model_copy(update={"points": [p.model_copy(update={"run": one.run}) for p in two.points]})
        for one, two in zip(a, shared, strict=True)
    ]
    assert any("or on the same servers" in reason for reason in compared(a, on_the_same).reasons)


def test_two_points_on_one_staging_give_one_too() -> None:
    staged = {"run": "0000000f"}
    sides = [
        run(name, points=[point(build.point(1, 200), ratio=ratio, seed=seed).model_copy(update=staged)])
        for name, ratio, seed in (("0000000a", 1.0, 1), ("0000000b", 2.0, 2))
    ]
    found = compared(sides[:1], sides[1:])
    assert (found.basis, found.outcome) == (Basis.ONE_STAGING, Outcome.FAIL)


def test_runs_on_one_staging_are_one_unit() -> None:
    """Three runs on servers that stayed are not three stagings."""

    def on(staging: str, name: str, seed: int) -> RunRecord:
        made = point(build.point(1, 200), seed=seed).model_copy(update={"run": staging})
        return run(name, points=[made])

    a = [on("000000aa", f"0000000{index}", index) for index in range(3)]
    b = [on("000000bb", f"0000001{index}", 10 + index) for index in range(3)]
    assert compared(a, b).basis is Basis.FEW


def test_what_differs_little_is_not_called_the_same_and_says_what_it_could_have_shown() -> None:
    found = compared([run("0000000a")], [run("0000000b", seed=1)])
    assert not found.worse
    assert not found.better
    assert "could show" in words.headline(found)
    assert 0.02 < found.smallest()["p99"] < 1.0
    assert "smallest slow-down" in words.smallest(found)


def test_failures_are_slower_than_anything() -> None:
    """A cloud that refuses one in ten, and answers the others at once, is no faster."""
    asked = build.point(1, 200)
    failing = point(asked, ratio=0.5, seed=3, failed=[22] * 30)
    found = compared([run("0000000a")], [run("0000000b", points=[failing])])
    slower = row(found, "p99")
    assert math.isinf(slower.b)
    assert slower.mark is Mark.WORSE
    assert row(found, "p50").mark is Mark.BETTER
    json.loads(words.as_json(found))


def failing(first: int, failed: int) -> list[RunRecord]:
    """Three runs, in which so many of 200 requests a second fail."""
    asked = build.point(1, 200)
    return [
        run(
            f"{first + index:08x}",
            points=[point(asked, seed=first + index, failed=[failed] * 30, served=200 - failed)],
            day=index,
        )
        for index in range(3)
    ]


def test_what_is_beyond_measure_on_both_sides_is_not_the_same() -> None:
    """3 % or 9 % of all fail: of their p99 nothing is known but that it is beyond the timeout."""
    found = compared(failing(1, 6), failing(9, 18))
    p99 = row(found, "p99")
    assert (p99.mark, p99.outcome, p99.counts) == (Mark.NONE, Outcome.INCONCLUSIVE, True)
    assert math.isnan(p99.ratio)
    assert words.bounds(p99) == ""
    assert p99.note == "beyond measure on both sides"
    assert (row(found, "p50").outcome, found.outcome) == (Outcome.PASS, Outcome.INCONCLUSIVE)
    assert "p99" not in words.smallest(found)


@pytest.mark.parametrize("turned", [False, True])
def test_what_is_beyond_measure_on_one_side_is_bounded_on_one_side(turned: bool) -> None:
    sides = (failing(1, 18), runs(9, 3)) if turned else (runs(1, 3), failing(9, 18))
    found = compared(*sides)
    p99 = row(found, "p99")
    assert p99.outcome is (Outcome.PASS if turned else Outcome.FAIL)
    assert (p99.low <= 0, math.isinf(p99.high)) == (turned, not turned)
    said = words.headline(found)
    if turned:
        assert "p99 beyond measure became " in said
        assert ", at most 0.0" in said
    else:
        assert " became beyond measure, at least " in said
    json.loads(words.as_json(found))


def test_nothing_but_failures_on_one_side() -> None:
    dead = point(build.point(1, 200), served=0, failed=[200] * 30)
    found = compared([run("0000000a")], [run("0000000b", points=[dead])])
    for figure in ("p50", "p99", "achieved"):
        assert row(found, figure).mark is Mark.WORSE
    assert "beyond measure" in "\n".join(words.text(found))
    json.loads(words.as_json(found))
    back = compared([run("0000000b", points=[dead])], [run("0000000a")])
    assert {one.mark for one in back.rows if one.figure != "errors"} == {Mark.BETTER}
    assert (row(back, "errors").a, row(back, "errors").b) == (100.0, 0.0)
    both = compared([run("0000000b", points=[dead])], [run("0000000c", points=[dead])])
    assert {one.mark for one in both.rows} == {Mark.NONE}


def test_a_percentile_beyond_the_sample_is_not_compared() -> None:
    few = build.point(1, 10)
    found = compared(
        [run("0000000a", points=[point(few)])], [run("0000000b", points=[point(few, ratio=5.0, seed=1)])]
    )
    assert row(found, "p99").note == "the sample is too small for it"
    assert row(found, "p50").mark is Mark.WORSE
    assert found.outcome is Outcome.INCONCLUSIVE


def test_a_point_that_b_lacks_keeps_it_from_passing() -> None:
    a = [run(f"0000000{index}", {200: 1, 400: 1}, seed=index) for index in range(3)]
    b = [run(f"0000001{index}", {200: 0.5}, seed=9 + index) for index in range(3)]
    found = compared(a, b)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert any("rate-400" in sentence for sentence in found.left_out)


def test_runs_of_which_a_point_was_lost_are_said_beside_those_that_have_it() -> None:
    """A cloud that went away in two runs of three passes by the third, and nobody may overlook it."""
    lost = PointRecord(point=build.point(1, 200), status=PointStatus.LOST, reason="The cloud went away.")
    after = [*runs(9, 1, 0.7), *(run(name, points=[lost]) for name in ("000000a1", "000000a2"))]
    found = compared(runs(1, 3, between=0.03), after)
    assert (
        "http-east-west-clients-1-rate-200 is told by the other runs: 2 runs of B lack it, it was not"
        " measured in run 000000a1."
    ) in list(words.text(found))


def test_an_invalid_point_is_not_compared() -> None:
    bad = Verdict(Outcome.INVALID, VERDICT.checks, ("Its generators starved.",), 0.95)
    invalid = point(build.point(1, 200), ratio=5.0).model_copy(update={"verdict": bad})
    good = point(build.point(1, 400))
    found = compared([run("0000000a", {200: 1, 400: 1})], [run("0000000b", points=[invalid, good])])
    assert not [one for one in found.rows if "rate-200" in one.point]
    assert any("not valid" in sentence for sentence in found.left_out)
    with pytest.raises(CompareError, match="no valid point"):
        compared([run("0000000a", {200: 1})], [run("0000000b", points=[invalid])])


def test_a_run_is_not_compared_with_itself(tmp_path: Path) -> None:
    with pytest.raises(CompareError, match="both sides"):
        compared([run("0000000a")], [run("0000000a")])
    run("0000000a").write(tmp_path)
    assert main(["compare", str(tmp_path), str(tmp_path / "0000000a.json")]) == 11


def test_what_has_to_agree_is_refused_unless_somebody_insists() -> None:
    """Attempts at one name may be of different loads."""
    big = point(build.point(1, 200))
    other = big.model_copy(
        update={"point": build.point(1, 200).__class__(**{**vars(big.point), "page_size": 1 << 20})}
    )
    with pytest.raises(CompareError, match="page_size"):
        compared([run("0000000a")], [run("0000000b", points=[other])])
    found = compared([run("0000000a")], [run("0000000b", points=[other])], anyway=True)
    assert found.differences[0].refused
    assert "page_size" in found.differences[0].name


def test_what_only_is_to_be_known_comes_first() -> None:
    found = compared([run("0000000a", suite="0.1.0")], [run("0000000b", suite="0.2.0", seed=1)])
    assert [(one.name, one.a, one.b) for one in found.differences] == [("suite", "0.1.0", "0.2.0")]
    lines = list(words.text(found))
    assert next(n for n, line in enumerate(lines) if "suite" in line) < next(
        n for n, line in enumerate(lines) if "FIGURE" in line
    )


def test_windows_of_different_length_are_compared() -> None:
    found = compared(
        [run("0000000a")],
        [run("0000000b", points=[point(build.point(1, 200, duration=60), ratio=2.0, seed=4)])],
    )
    assert row(found, "p99").mark is Mark.WORSE


def test_attempts_at_one_point_are_one_measurement() -> None:
    twice = [point(build.point(1, 200), seed=seed).model_copy(update={"attempt": seed}) for seed in (1, 2)]
    found = compared([run("0000000a", points=twice)], [run("0000000b", seed=7)])
    assert len([one for one in found.rows if one.figure == "p99" and one.point != ALL]) == 1
    told = row(found, "p99")
    assert told.b / told.a == pytest.approx(told.ratio)


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("staging", ["", "50a91234"])
def test_the_values_of_several_runs_are_those_that_the_ratio_is_of(count: int, staging: str) -> None:
    """None of them is told in place of all, whether they are on one staging or on their own."""
    a, b = (runs(first, count, between=0.5, seed=first) for first in (1, 9))
    for one in (*a, *b) if staging else ():
        one.points[:] = [each.model_copy(update={"run": staging}) for each in one.points]
    found = compared(a, b)
    for name in ("p50", "p99", "achieved"):
        told = row(found, name)
        assert told.b / told.a == pytest.approx(told.ratio), name


def test_where_one_of_several_runs_is_beyond_measure_their_value_is() -> None:
    """It is not the median of the others, beside a ratio that counts it."""
    dead = run("0000000c", points=[point(build.point(1, 200), served=0, failed=[200] * 30)], day=9)
    found = compared(runs(1, 3), [*runs(9, 2), dead])
    p99 = row(found, "p99")
    assert (math.isinf(p99.b), math.isinf(p99.high)) == (True, True)
    achieved = row(found, "achieved")
    assert achieved.b / achieved.a == pytest.approx(achieved.ratio)


@pytest.mark.parametrize("name", ["schema-1-http", "schema-1-storage"])
def test_records_of_schema_1_are_compared_within_what_they_hold(name: str) -> None:
    a = load(RECORDS / f"{name}.json")
    b = a.model_copy(update={"run": "0000000b"})
    found = compared([a], [b])
    assert found.rows
    assert {one.mark for one in found.rows} == {Mark.NONE}
    assert all(one.ratio == pytest.approx(1.0) for one in found.rows if not math.isnan(one.ratio))


def test_without_batches_there_is_a_ratio_but_no_bound() -> None:
    bare = point(build.point(1, 200))
    assert bare.measurement is not None
    left = bare.measurement.model_copy(update={"batches": None, "blocks": (), "blocks_left_out": 1200})
    a = run("0000000a", points=[bare.model_copy(update={"measurement": left})])
    found = compared([a], [run("0000000b", {200: 9.0}, seed=1)])
    slower = row(found, "p99")
    assert slower.ratio == pytest.approx(9, rel=0.5)
    assert (slower.mark, slower.high, slower.low) == (Mark.NONE, math.inf, 0.0)
    assert "batches" in slower.note


def test_hostile_strings_reach_no_terminal() -> None:
    evil = run("0000000b", seed=1, suite="\x1b[2J0.2\u202e", cloud="a\nb")
    for line in words.text(compared([run("0000000a")], [evil])):
        assert line.isprintable() or not line


def test_one_slow_second_is_no_slower_cloud() -> None:
    """A stall of a second lifts p99 of the whole window, and only one batch."""
    asked = build.point(1, 200)
    a = [run("0000000a")]
    stalled = point(asked, seed=1, failed=[0] * 15 + [200] + [0] * 14)
    found = compared(a, [run("0000000b", points=[stalled])])
    assert row(found, "p99").mark is Mark.NONE


def test_two_runs_of_different_slas_are_compared_by_the_percentiles_of_both() -> None:
    found = compared([run("0000000a", {2000: 1})], [run("0000000b", {2000: 1}, seed=1)])
    assert {one.figure for one in found.rows} == {"p50", "p99", "achieved"}
    check = VERDICT.checks[0].__class__(**{**VERDICT.checks[0].__dict__, "name": "latency p99.9"})
    other = point(build.point(1, 2000), seed=2).model_copy(
        update={"verdict": Verdict(Outcome.PASS, (check,), (), 0.95)}
    )
    both = compared([run("0000000a", {2000: 1})], [run("0000000b", points=[other])])
    assert {one.figure for one in both.rows} == {"p50", "p99", "p99.9", "achieved"}


def test_points_that_never_ran_are_said() -> None:
    never = PointRecord(point=build.point(1, 400), status=PointStatus.NOT_RUN, reason="The run ended.")
    found = compared(
        [run("0000000a", {200: 1, 400: 1})], [run("0000000b", points=[point(build.point(1, 200)), never])]
    )
    assert any("not measured" in sentence for sentence in found.left_out)


def test_the_page_says_the_same_and_escapes_what_records_say(tmp_path: Path) -> None:
    evil = run("0000000b", {200.0: 3.0}, seed=1, suite="<script>alert(1)</script>")
    for record in (run("0000000a"), evil):
        record.write(tmp_path)
    page = tmp_path / "page.html"
    assert main(["compare", "0000000a", "0000000b", "--reports", str(tmp_path), "--html", str(page)]) == 10
    text = page.read_text()
    assert "<h1>0000000b was worse than 0000000a at" in text
    assert "&lt;script&gt;" in text
    assert "<script" not in text
    assert text.count('class="bar"') == 3


def test_the_page_draws_no_end_where_the_axis_ends() -> None:
    beyond = page.render(compared([run("0000000a")], [run("0000000b", {200: 500.0}, seed=1)]))
    within = page.render(compared([run("0000000a")], [run("0000000b", {200: 2.0}, seed=1)]))
    assert ('<path class="bar"' in beyond, '<path class="bar"' in within) == (True, False)


def test_the_command_says_it_and_exits_by_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, side in (("a", runs(1, 3)), ("b", runs(9, 3, 2.0))):
        for record in side:
            record.write(tmp_path / folder)
    sides = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert main(["compare", *sides]) == 1
    said = capsys.readouterr().out
    assert said.startswith("b is worse than a at http-east-west-clients-1-rate-200: p")
    assert main(["compare", *sides[::-1], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "pass"
    assert main(["compare", "00000001", "00000002", "--reports", sides[0]]) == 10
    assert main(["compare", str(tmp_path / "nothing"), sides[0], "--reports", sides[0]]) == 11
    (tmp_path / "empty").mkdir()
    assert main(["compare", sides[0], str(tmp_path / "empty")]) == 11
    assert "no record" in capsys.readouterr().err
    assert main(["compare", sides[0], ""]) == 11  # as of a variable that is not set
    assert "No run is named" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["monday.json", "deadbeef.json", "00000002 (copy).json"])
def test_a_record_under_another_name_than_its_runs_is_not_passed_over(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever keeps a run as before/monday.json means it to be compared; a copy must not count twice."""
    for record in (*runs(1, 2), *runs(3, 2)):
        record.write(tmp_path / ("a" if record.run < "00000003" else "b"))
    (tmp_path / "a" / "00000002.json").rename(tmp_path / "a" / name)
    (tmp_path / "a" / "notes.json").write_text('{"run": "00000002"}')
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 11
    assert capsys.readouterr().err == (
        f"kb: {tmp_path}/a/{name} is the record of run 00000002 under another name."
        " Call it 00000002.json, or take it out of the folder.\n"
    )
    (tmp_path / "a" / "00000001.json").unlink()
    assert main(["runs", "--reports", str(tmp_path / "a")]) == 1
    assert f"a/{name} is the record of run 00000002 under another name." in capsys.readouterr().err


def test_a_record_of_a_folder_that_is_cut_is_not_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for record in (*runs(1, 2), *runs(3, 2)):
        record.write(tmp_path / ("a" if record.run < "00000003" else "b"))
    (tmp_path / "a" / "notes.json").write_text("{")
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 10
    cut = tmp_path / "a" / "00000002.json"
    cut.write_bytes(cut.read_bytes()[:-1000])
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 11
    assert "00000002.json is no record of a run: it is not JSON" in capsys.readouterr().err


def test_a_pipe_that_is_closed_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sides = [str(run(name, seed=seed).write(tmp_path)) for name, seed in (("0000000a", 1), ("0000000b", 2))]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        assert main(["compare", *sides]) == 10


def test_a_run_that_is_named_twice_counts_once() -> None:
    a, b = runs(1, 3, between=0.05), runs(4, 3, ratio=1.2, between=0.05)
    once, twice = compared(a, b), compared([*a, *a], [*b, *b[:1]])
    assert (twice.rows, len(twice.a.records), len(twice.b.records)) == (once.rows, 3, 3)


def test_a_run_that_broke_off_is_said_to_have() -> None:
    ended, broken = run("0000000a", exit_code=0), run("0000000b", seed=1, exit_code=None)
    assert [("broke off" in told) for _, told in words.sides(compared([ended], [broken]))] == [False, True]


@pytest.mark.parametrize("share", ["x%", "nan%", "-200%", "1e999%", "0%", "%", "9" * 5000 + "%"])
def test_a_share_that_is_none_decides_nothing(share: str) -> None:
    settings = {"sla": {"baseline": {"max_slower": share}}}
    every = [
        one.model_copy(update={"scenarios": [one.scenarios[0].model_copy(update={"settings": settings})]})
        for one in (run("0000000a"), run("0000000b", seed=1))
    ]
    assert compared(every[:1], every[1:]).max_slower == MAX_SLOWER


@pytest.mark.parametrize("page", ["nowhere/page.html", "."])
def test_a_page_that_cannot_be_written_is_no_slower_cloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], page: str
) -> None:
    monkeypatch.chdir(tmp_path)
    sides = [str(run(name).write(tmp_path / "reports")) for name in ("0000000a", "0000000b")]
    assert main(["compare", *sides, "--html", page]) == 11
    assert "cannot be written" in capsys.readouterr().err


def test_writes_that_all_failed_on_one_side_keep_it_from_passing() -> None:
    """A sample that is there on one side alone counts: the other figures say nothing of it."""

    def measured(unit: str, **rates: float) -> Any:
        def sample(name: str, rate: float) -> Any:
            figure = Figure(f"{name} IOPS", "IOPS", rate, False, Estimate(math.log(rate), 0, 0.01, 9, 0.01))
            return SimpleNamespace(name=name, limits=frozenset(), timed=False, achieved=lambda: figure)

        samples = [sample(*each) for each in rates.items()]
        record = point(build.point(1, 200))
        return SimpleNamespace(
            unit=unit, slowed=False, samples=samples, record=record, capacity=None, errors=[]
        )

    key = Key("mixed", "4k", 1)
    a, b = (
        Side(name, (), {key: found}, {})
        for name, found in (("a", [measured("1", read=900, write=100)]), ("b", [measured("1", read=950)]))
    )
    found = matched_at(a, b, key, Basis.ONE_STAGING)
    assert {one.name for one in found if one.counts} == {"read IOPS", "write IOPS"}
    assert {row.outcome for row in judge(found, Basis.ONE_STAGING, 0.1, 0.05)} == {
        Outcome.PASS,
        Outcome.INCONCLUSIVE,
    }
