"""Storage verdicts: red for the right reason, with its figures, and never green without a sample."""

from __future__ import annotations

from typing import Any

import pytest

from kb_tests.fleet.storage.messages import IoBlock
from kb_tests.measure.storage.merge import measure
from kb_tests.scenario.points import expand
from kb_tests.scenario.storage import StoragePoint, StorageScenario, StorageSla
from kb_tests.sla.count import checks_of
from kb_tests.sla.feasible import feasible
from kb_tests.sla.storage.judge import judge, number_of_checks
from kb_tests.sla.verdict import Check, Outcome, Verdict
from tests.unit.measure.io_reports import (
    POINT,
    block,
    due,
    frozen_blocks,
    point,
    report,
    second,
    steady_blocks,
)


def sla(**limits: Any) -> StorageSla:
    return StorageSla.model_validate({"read_latency": {"p99": "20ms"}, "achieved": "95%", **limits})


def verdict(
    blocks: list[IoBlock], asked: StoragePoint = POINT, limits: StorageSla | None = None, **changes: Any
) -> Verdict:
    reports = [report(blocks, agent=f"storage-{n}", **changes) for n in range(asked.clients)]
    return judge(asked, measure(asked, reports), limits or sla())


def check(found: Verdict, name: str) -> Check:
    return next(one for one in found.checks if one.name == name)


def test_a_quiet_disk_keeps_everything() -> None:
    found = verdict(steady_blocks())
    assert found.outcome is Outcome.PASS
    assert [one.name for one in found.checks] == ["read latency p99", "achieved", "errors", "max_stall"]


def test_a_disk_frozen_for_two_seconds_is_red_by_its_stall_and_its_latency() -> None:
    found = verdict(frozen_blocks(), stalls=[(9.5, 2.01)])
    assert found.outcome is Outcome.FAIL
    assert check(found, "achieved").outcome is Outcome.PASS
    stall = check(found, "max_stall")
    assert stall.outcome is Outcome.FAIL
    assert stall.value == pytest.approx(2.0)
    assert "storage-0 completed nothing from 9.5 s of the window on" in stall.detail
    assert check(found, "read latency p99").outcome is not Outcome.PASS
    assert check(found, "read latency p99").value == pytest.approx(1.7, abs=0.04)


def test_a_failure_that_the_want_of_cpu_explains_is_invalid_and_what_was_kept_is_kept() -> None:
    kept = verdict(steady_blocks(), waiting=0.4)
    assert (kept.outcome, verdict(steady_blocks()).notes) == (Outcome.PASS, ())
    assert "fio waited for a CPU over 25%" in kept.notes[0]
    found = verdict(frozen_blocks(), stalls=[(9.5, 2.01)], waiting=0.4)
    assert found.outcome is Outcome.INVALID
    assert found.reasons == ("In 1 of 1 servers fio waited for a CPU over 25% of the time: storage-0 40%.",)
    failed = [block(0, 0.0, 30.0, [0.001] * 2900, errors=100)]
    assert verdict(failed, stalls=[(9.5, 2.01)], waiting=0.4).outcome is Outcome.FAIL


def test_a_load_that_was_not_made_keeps_no_latency_limit() -> None:
    """39 of 100 I/Os a second, each of them in 25 ms: whoever asks at that rate waits ever longer."""
    slow = steady_blocks(0.025, each=117)
    loose = sla(achieved=None, read_latency={"p50": "100ms"})
    found = verdict(slow, limits=loose)
    assert found.outcome is Outcome.FAIL
    assert check(found, "read latency p50").value == float("inf")
    assert "61% of them failed, were never made or took longer" in check(found, "read latency p50").detail


def test_a_load_that_fio_did_not_make_is_no_fault_of_the_disk() -> None:
    half = steady_blocks(each=150)
    for limits in (sla(achieved=None), sla(achieved=None, read_latency=None)):
        found = verdict(half, limits=limits, cpu=0.5, waiting=0.45)
        assert found.outcome is Outcome.INVALID
        assert "fio had no CPU to spare (over 90%) and fell behind its rate" in found.reasons[0]


def test_a_shortfall_is_red_and_says_by_how_much() -> None:
    asked = point(block_size=65_536, rate=960.0, unit="bytes", iodepth=64)
    blocks = [
        block(
            index,
            3.0 * index,
            3.0 * index + 3,
            [],
            read={"ios": 2352, "bytes": 2352 * 65_536, "bins": [[81_264_640, 2352]]},
            due={**due(index, []), "read": {"due": 2880, "bins": [[81_264_640, 2352]]}},
        )
        for index in range(10)
    ]
    series = tuple(second(index, 784) for index in range(30))
    measured = measure(asked, [report(blocks, seconds=series)])
    found = judge(asked, measured, sla(read_latency={"p99": "1s"}))
    short = check(found, "achieved")
    assert short.outcome is found.outcome is Outcome.FAIL
    assert short.value == pytest.approx(49 / 60)
    assert "49MiB/s of 60MiB/s were read, 81.67% where 95% is asked" in short.detail


def test_a_mix_is_judged_on_both_sides() -> None:
    asked = point(mode="randrw", reads=0.7)
    blocks = [block(i, 3.0 * i, 3.0 * i + 3, [0.001] * 210, [0.05] * 60) for i in range(10)]
    found = verdict(blocks, asked, sla(write_latency={"p99": "30ms"}))
    outcomes = {one.name: one.outcome for one in found.checks}
    assert outcomes["read latency p99"] is Outcome.PASS
    assert outcomes["write latency p99"] is Outcome.FAIL
    assert check(found, "achieved read").value == pytest.approx(1)
    assert check(found, "achieved write").value == pytest.approx(2 / 3)
    assert number_of_checks(asked, sla(write_latency={"p99": "30ms", "p100": "1s"})) == 4


def test_a_free_running_point_has_no_rate_to_achieve_and_no_latency_that_could_be_judged() -> None:
    """A stall of half a second under `max_stall` holds up one I/O of it, and everybody who asks at a rate."""
    free, limits = point(rate=0.0), sla(read_latency={"p50": "1us"})
    found = verdict(steady_blocks(), free, limits)
    assert [one.name for one in found.checks] == ["errors", "max_stall"]
    assert found.outcome is Outcome.PASS
    assert number_of_checks(free, limits) == 0


def test_a_closed_loop_s_service_time_is_judged_where_it_is_named_so() -> None:
    free, limits = point(rate=0.0), sla(read_service_time={"p50": "1us", "p99": "20ms"})
    found = verdict(steady_blocks(), free, limits)
    assert [one.name for one in found.checks][:2] == ["read service time p50", "read service time p99"]
    assert [one.outcome for one in found.checks][:2] == [Outcome.FAIL, Outcome.PASS]
    assert number_of_checks(free, limits) == 2
    assert "read service time p50" not in [one.name for one in verdict(steady_blocks(), limits=limits).checks]


def test_one_failed_io_breaks_the_default_limit() -> None:
    blocks = steady_blocks()
    blocks[2] = block(2, 6.0, 9.0, [0.001] * 300, errors=1)
    found = verdict(blocks, complaint="fio: io_u error on file /dev/vdb: Input/output error")
    assert found.outcome is Outcome.FAIL
    assert check(found, "errors").detail.startswith("1 of 3,001 I/Os failed (fio: fio: io_u error")
    assert verdict(blocks, limits=sla(errors="5%")).outcome is Outcome.PASS


def test_times_beyond_what_fio_can_tell_have_no_number() -> None:
    blocks = steady_blocks()
    for index in range(10):
        blocks[index] = block(index, 3.0 * index, 3.0 * index + 3, [0.001] * 280 + [20.0] * 20)
    found = check(verdict(blocks, stalls=[(1.0, 28.0)]), "read latency p99")
    assert found.outcome is Outcome.FAIL
    assert found.value == float("inf")
    assert "beyond measure" in found.detail


def test_a_hung_disk_is_red_and_says_so() -> None:
    found = verdict(steady_blocks()[:3], end=9.0, hung=True, stalls=[(9.0, 51.0)])
    assert found.outcome is Outcome.FAIL
    assert check(found, "max_stall").outcome is Outcome.FAIL
    assert "in 1 server the disk hung, or fio gave up" in check(found, "errors").detail


def test_without_a_sample_nothing_passes() -> None:
    for reports in ([], [report([block(0, 0.0, 30.0, [])])]):
        found = judge(POINT, measure(POINT, reports), sla())
        assert found.outcome is Outcome.INVALID
        assert Outcome.PASS not in [one.outcome for one in found.checks if one.name != "max_stall"]


def test_a_disk_that_does_nothing_at_all_is_red() -> None:
    found = verdict([block(0, 0.0, 30.0, [], lost=(3000, 0))], stalls=[(0.0, 30.0)])
    assert found.outcome is Outcome.FAIL


def test_three_seconds_of_few_ios_decide_nothing() -> None:
    blocks = [block(index, float(index), index + 1.0, [0.001] * 2) for index in range(3)]
    asked = point(duration=3.0, rate=2.0)
    found = judge(asked, measure(asked, [report(blocks, end=3.0)]), sla(achieved="50%"))
    assert check(found, "read latency p99").outcome is Outcome.INCONCLUSIVE


def scenario(**load: Any) -> StorageScenario:
    profile = {"name": "mix", "mode": "randrw", "rwmixread": 70, "rate_iops": 100, "iodepth": 4}
    return StorageScenario.model_validate(
        {
            "name": "disk",
            "kind": "storage",
            "topology": {"target": "ephemeral"},
            "load": {"profiles": [profile], **load},
            "sla": {"write_latency": {"p99": "30ms"}, "achieved": "95%"},
        }
    )


def test_what_no_result_could_show_is_said_before_staging() -> None:
    (mistake,) = feasible(scenario(duration="10s"))
    assert mistake.startswith("sla.write_latency.p99: takes at least ")
    assert "writes to show, but disk-clients-1-mix makes 300 in 10s" in mistake
    assert feasible(scenario(duration="60s")) == []
    assert "is too short; 5s is the least" in feasible(scenario(duration="4s"))[0]


@pytest.mark.parametrize(
    ("seconds", "mistakes"), [("4s", ["load.duration: 4s is too short; 5s is the least."]), ("5s", [])]
)
def test_a_closed_loop_s_window_may_be_too_short_as_well(seconds: str, mistakes: list[str]) -> None:
    text = {
        "name": "free",
        "kind": "storage",
        "topology": {"target": "ephemeral"},
        "load": {"profiles": [{"name": "free", "mode": "randread"}], "duration": seconds},
        "sla": {"read_service_time": {"p50": "1s"}},
    }
    assert feasible(StorageScenario.model_validate(text)) == mistakes


def test_the_checks_of_a_run_are_those_of_each_point_of_each_kind() -> None:
    mix = expand(scenario(duration="60s"))[0]
    assert checks_of(mix, scenario().sla) == 3
    assert checks_of(point(rate=0.0), sla()) == 0
    assert checks_of(point(rate=0.0), sla(read_service_time={"p99": "1s"})) == 1


def read_back(**found: int) -> dict[str, Any]:
    counts = {"written": 900, "read": 900, "wrong": 0, "old": 0, "unread": 0, "first": -1, **found}
    return {**counts, "seconds": 2.0}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (
            {"wrong": 1, "first": 4096},
            "1 of 900 blocks that were read back are not what was written last (1 hold",
        ),
        ({"old": 3, "first": 0}, "(3 an older write); the first of storage-0 lies at byte 0."),
        (
            {"read": 890, "unread": 10, "first": 8192},
            "(10 unreadable); the first of storage-0 lies at byte 8,192",
        ),
        ({"read": 100, "wrong": 1, "first": 0}, "; for 800 of the 900 that were written there was no time."),
    ],
)
def test_what_was_written_and_is_not_there_is_red(found: dict[str, int], told: str) -> None:
    """Nothing else is wrong, and fio had hardly a CPU: it is the cloud's all the same."""
    asked = point(mode="randwrite", reads=0.0, verify=True)
    blocks = [block(index, 3.0 * index, 3.0 * index + 3, [], [0.001] * 300) for index in range(10)]
    limits = StorageSla.model_validate({"achieved": "95%"})
    good = verdict(blocks, asked, limits, verified=read_back())
    assert good.outcome is Outcome.PASS
    assert check(good, "verify").value == 0
    bad = verdict(blocks, asked, limits, verified=read_back(**found), waiting=0.9)
    assert bad.outcome is check(bad, "verify").outcome is Outcome.FAIL
    assert told in check(bad, "verify").detail


def test_what_should_have_been_read_back_and_was_not_is_no_pass() -> None:
    """Of a disk that hangs nothing is read back: it is red for that."""
    asked = point(mode="randwrite", reads=0.0, verify=True)
    blocks = [block(index, 3.0 * index, 3.0 * index + 3, [], [0.001] * 300) for index in range(10)]
    limits = StorageSla.model_validate({"achieved": "95%"})
    found = verdict(blocks, asked, limits)
    assert found.outcome is Outcome.INVALID
    assert "what it wrote was not read back" in found.reasons[0]
    nothing = verdict(blocks, asked, limits, verified=read_back(read=0))
    assert nothing.outcome is check(nothing, "verify").outcome is Outcome.INCONCLUSIVE
    hung = verdict(blocks[:9], asked, limits, hung=True, stalls=[(27.0, 33.0)])
    assert hung.outcome is Outcome.FAIL
    assert check(hung, "verify").outcome is Outcome.INCONCLUSIVE


def test_a_guest_that_stood_still_is_a_stall_although_its_clock_does_not_know() -> None:
    """Live migration stops a guest and its clock: fio saw 3 s less than there were."""
    change = {"seconds": 3.0, "error": 0.001, "elapsed": 40.0}
    found = verdict(steady_blocks(), clock_change=change)
    stall = check(found, "max_stall")
    assert found.outcome is stall.outcome is Outcome.FAIL
    assert stall.value == pytest.approx(3.0)
    assert "stood still, and its clock with it" in stall.detail
    assert verdict(steady_blocks(), clock_change={**change, "seconds": 0.01}).outcome is Outcome.PASS
    ahead = verdict(steady_blocks(), clock_change={**change, "seconds": -3.0})
    assert ahead.outcome is Outcome.INVALID
    assert "ran ahead: storage-0 3s" in ahead.reasons[0]
