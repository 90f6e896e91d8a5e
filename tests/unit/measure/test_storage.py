"""fio's bins become a StorageMeasurement: nothing lost, nothing made up, nothing hidden."""

from __future__ import annotations

import json
import math
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.fleet.storage.messages import IoBlock, KeptIoSecond, StorageReport
from kb_tests.measure.heat import Heat
from kb_tests.measure.latency import Latency
from kb_tests.measure.storage import fio
from kb_tests.measure.storage.merge import flaw, measure
from kb_tests.measure.storage.series import merge_seconds
from kb_tests.measure.storage.validity import fell_behind, validity, waited
from tests.unit.measure.io_reports import (
    POINT,
    binned,
    block,
    done,
    due,
    frozen_blocks,
    name_of,
    part,
    point,
    report,
    second,
    steady_blocks,
)


def test_a_quiet_disk_is_measured_as_it_is() -> None:
    measured = measure(POINT, [report(steady_blocks())])
    assert (measured.iops.read, measured.iops.write) == (100, 0)
    assert measured.bandwidth.read == 409_600
    assert measured.achieved == 1
    assert measured.read.response == measured.read.service
    assert measured.read.response.percentile(99) == pytest.approx(0.001, rel=0.02)
    assert measured.stall == 0
    assert not validity(POINT, measured)


def test_a_disk_frozen_for_two_seconds_shows_although_fio_hides_it() -> None:
    measured = measure(POINT, [report(frozen_blocks(), stalls=[(9.5, 2.01)])])
    assert measured.achieved == 1
    assert measured.read.service.percentile(99) < 0.002
    assert measured.read.response.percentile(99) == pytest.approx(1.7, abs=0.04)
    assert measured.read.response.count == 3000
    assert measured.stall == pytest.approx(2.0)
    assert not validity(POINT, measured)


def test_what_was_due_and_never_made_is_slower_than_any_limit() -> None:
    """A disk of 25 ms an I/O, one at a time, at 100 a second: 39 of 100 are made, ever later."""
    blocks = []
    for n in range(10):
        late = [18.3 * (n * 3 + second) / 30 for second in range(3) for _ in range(39)]
        blocks.append(
            block(
                n,
                3.0 * n,
                3.0 * n + 3,
                [0.025] * 117,
                due=due(n, late if n < 4 else [], lost=(300 - 117 if n < 4 else 300, 0)),
            )
        )
    measured = measure(POINT, [report(blocks)])
    assert measured.iops.read == 39
    assert measured.read.service.percentile(99) < 0.026
    assert measured.read.response.count == 3000
    assert measured.read.response.percentile(50) == math.inf
    assert not validity(POINT, measured)


def test_more_done_than_was_due_is_no_report() -> None:
    wrong = {**due(0, [0.001] * 10), "read": {"due": 9, "bins": binned([0.001] * 10)}}
    measured = measure(POINT, [report([block(0, 0.0, 30.0, [0.001] * 10, due=wrong)])])
    assert "10 reads were done of 9 that were due" in measured.missing["storage-0"]


def test_at_a_rate_what_was_due_has_to_be_told() -> None:
    measured = measure(POINT, [report([block(0, 0.0, 30.0, [0.001] * 3000, due=None)])])
    assert measured.missing == {"storage-0": "what was due in its time blocks is missing"}


def test_without_a_rate_nothing_is_due() -> None:
    free = point(rate=0.0)
    measured = measure(free, [report(frozen_blocks(), stalls=[(9.5, 2.0)])])
    assert measured.read.response == measured.read.service
    assert math.isnan(measured.achieved)
    assert measured.stall == 2.0


def test_without_a_rate_what_ended_after_the_window_is_no_less_slow() -> None:
    free = point(rate=0.0, iodepth=8)
    blocks = steady_blocks()
    late = {
        "read": part([25.0], bins=binned([25.0]), failed=1),
        "write": part([], bins=[]),
        "sync": part([], bins=[]),
    }
    blocks[9] = block(9, 27.0, 30.0, [0.001] * 300, late=late)
    measured = measure(free, [report(blocks)])
    assert measured.read.ios == 3000
    assert measured.read.service.max < 0.002
    assert measured.read.response.count == 3002
    assert measured.read.response.max == math.inf
    assert not validity(free, measured)


@given(
    st.lists(
        st.lists(st.floats(1e-7, 17.0), min_size=1, max_size=60),
        min_size=1,
        max_size=4,
    )
)
def test_merged_percentiles_are_those_of_all_raw_outputs_together(servers: list[list[float]]) -> None:
    names = np.sort(np.concatenate([[name_of(time) for time in times] for times in servers])) * 1e-9
    free = point(rate=0.0, clients=len(servers))
    measured = measure(
        free,
        [
            report([block(0, 0.0, 30.0, times)], agent=f"storage-{number}")
            for number, times in enumerate(servers)
        ],
    )
    for percent in (50, 90, 99, 99.9, 100):
        exact = max(1e-6, names[math.ceil(round(len(names) * percent / 100, 6)) - 1])
        assert measured.read.service.percentile(percent) == pytest.approx(exact, rel=0.001, abs=1.1e-6)


def test_the_last_bucket_is_censored_and_never_a_number() -> None:
    measured = measure(
        point(rate=0.0), [report([block(0, 0.0, 30.0, [0.001] * 95 + [18.0, 200.0, 17.1, 99.0, 30.0])])]
    )
    latency = measured.read.service
    assert latency.count == 100
    assert latency.censored == 5
    assert latency.percentile(95) == pytest.approx(0.001, rel=0.02)
    assert latency.percentile(96) == latency.max == math.inf
    assert latency.slower(3600) == 5


def test_under_a_microsecond_counts_as_one() -> None:
    measured = measure(point(rate=0.0), [report([block(0, 0.0, 30.0, [0.0, 5e-8, 9e-7])])])
    assert measured.read.service.max == 1e-6


def test_the_edges_and_names_of_the_bins_are_those_of_fio() -> None:
    """stat.c: plat_val_to_idx and plat_idx_to_val, with FIO_IO_U_PLAT_BITS 6 and 29 groups."""

    def index(value: int) -> int:
        msb = value.bit_length() - 1 if value else 0
        if msb <= 6:
            return value
        return min(((msb - 6 + 1) << 6) + (63 & (value >> (msb - 6))), 29 * 64 - 1)

    def name(at: int) -> int:
        if at < 128:
            return at
        bits = (at >> 6) - 1
        return (1 << (bits + 6)) + int((at % 64 + 0.5) * (1 << bits))

    assert [name(at) for at in range(29 * 64)] == fio._NAMES.tolist()
    assert all(index(int(low)) == at for at, low in enumerate(fio._LOW))
    assert all(index(int(low) - 1) == at for at, low in enumerate(fio._LOW[1:]))


TIMES = st.sampled_from([0.0001, 0.0002, 0.001, 0.0051, 0.02, 0.3])


@given(
    st.lists(TIMES, min_size=1, max_size=40), st.lists(TIMES, max_size=40), st.integers(0, 3), st.randoms()
)
def test_no_pairing_of_writes_and_syncs_is_slower_than_what_is_told(
    writes: list[float], syncs: list[float], failed: int, chance: Random
) -> None:
    syncs = syncs[: len(writes)]
    pairs = [*syncs, *[0.0] * (len(writes) - len(syncs))]
    chance.shuffle(pairs)
    bins = [fio.read((name, count) for name, count in binned(times)) for times in (writes, syncs)]
    found, lost = fio.followed(bins[0], 2, bins[1], failed)
    assert int(found.sum()) + lost == len(writes) + 2
    assert lost == min(len(writes) + 2, 2 + failed)
    told = Latency(fio.histogram(found), lost)
    for limit in (0.00015, 0.0005, 0.002, 0.006, 0.03, 0.31, 0.5):
        true = sum(write + sync > limit * 1.02 for write, sync in zip(writes, pairs, strict=True))
        assert told.slower(limit) >= min(true, len(writes) - failed) + lost - failed
        alone = sum(write > limit for write in writes) + sum(sync > 0.98 * limit for sync in syncs)
        assert told.slower(limit) - lost <= len(writes)
        if max(writes) <= limit / 10:  # where syncs take nearly all of the time, so is what is told
            assert told.slower(limit * 1.12) <= alone + lost


def test_a_write_is_done_when_its_sync_is() -> None:
    """The log of a database: 89 commits a second, each 0.15 ms of write and 11 ms of sync."""
    log = point(mode="write", reads=0.0, iodepth=1, rate=0.0, extra=(("fsync", "1"),))
    syncs = part([0.0112] * 267, bins=binned([0.0112] * 267))
    blocks = [block(n, 3.0 * n, 3.0 * n + 3, [], [0.00015] * 267, sync=syncs) for n in range(10)]
    measured = measure(log, [report(blocks)])
    assert measured.write.service.percentile(99) < 0.0002
    assert measured.write.syncs.count == measured.write.response.count == 2670
    assert measured.write.response.percentile(1) == pytest.approx(0.01135, rel=0.02)
    assert measured.write.response.percentile(99) == pytest.approx(0.01135, rel=0.02)
    assert not validity(log, measured)
    without = measure(log, [report([block(0, 0.0, 30.0, [], [0.00015] * 3000)])])
    assert "3000 writes and no sync" in validity(log, without)[0]
    never = measure(point(mode="write", reads=0.0, rate=0.0), [report(blocks)])
    assert never.missing == {"storage-0": "it synced where the profile does not"}


def test_the_sync_of_the_last_write_of_a_block_is_as_long_as_any() -> None:
    log = point(mode="write", reads=0.0, iodepth=1, rate=0.0, extra=(("fsync", "1"),))
    syncs = part([0.05] * 15, bins=binned([0.05] * 15))
    blocks = [block(n, 3.0 * n, 3.0 * n + 3, [], [0.001] * 16, sync=syncs) for n in range(10)]
    measured = measure(log, [report(blocks)])
    assert measured.write.response.slower(0.04) == measured.write.response.count == 160


@given(st.integers(0, 40))
def test_the_fastest_are_taken_out_first(number: int) -> None:
    bins = fio.read((name, count) for name, count in binned([0.001] * 10 + [0.002] * 10 + [0.003] * 10))
    left = fio.histogram(fio.without_fastest(bins, number))
    assert left.count == max(0, 30 - number)
    assert number >= 30 or left.max == pytest.approx(0.003, rel=0.02)


def test_seconds_are_added_up_and_a_late_answer_is_spread() -> None:
    parts = [second(0, 100), second(1, 30, 0, 1.0, 4.4), second(4, 160, 0, 4.4, 5.0), second(0, 50)]
    seconds, reads, writes = merge_seconds([parts[:3], parts[3:]], -10, 60)
    assert [at.at for at in seconds] == [0, 1, 2, 3, 4]
    assert seconds[0].iops.read == 150
    assert seconds[1].iops.read == seconds[3].iops.read == pytest.approx(30 / 3.4)
    assert seconds[4].iops.read == pytest.approx(160 / 0.6)
    assert reads == Heat(0, 1, (((32, 150),), (), (), ((32, 30),), ((32, 160),)))
    assert writes.rows == ((), (), (), (), ())


def test_fairness_is_one_for_equals_and_less_for_others() -> None:
    equal = [report(steady_blocks(), agent=f"storage-{n}") for n in range(4)]
    assert measure(point(clients=4), equal).fairness == pytest.approx(1)
    unequal = [report(steady_blocks(each=300 if n else 30), agent=f"storage-{n}") for n in range(4)]
    assert measure(point(clients=4), unequal).fairness < 0.85


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"blocks": 11}, "11 time blocks were made, 10 came"),
        ({"end": 29.0}, "its time blocks end at 30 s of 29 s"),
        ({"begin": 1.0}, "its time blocks do not join at 1 s"),
        ({"id": "c2"}, "it mixed reports of several commands"),
    ],
)
def test_a_report_that_is_not_whole_says_why(changes: dict[str, Any], why: str) -> None:
    broken = report(steady_blocks(), **changes)
    assert flaw(POINT, broken).startswith(why)
    measured = measure(POINT, [broken])
    assert measured.missing
    assert validity(POINT, measured)


def test_a_window_cut_short_is_not_whole() -> None:
    assert flaw(POINT, report(steady_blocks()[:9], end=27.0)) == "its window ended at 27 s of 30 s"


def test_a_hung_disk_is_measured_up_to_where_it_hung() -> None:
    before = [one.model_copy(update={"due": None}) for one in steady_blocks()[:3]]
    measured = measure(POINT, [report(before, end=9.0, hung=True, stalls=[(9.0, 51.0)])])
    assert not measured.missing
    assert measured.read.response.count == 3000
    assert measured.read.response.percentile(30) == pytest.approx(0.001, rel=0.02)
    assert measured.read.response.percentile(31) == math.inf
    assert measured.iops.read == 30
    assert measured.errors == 1
    assert measured.stall > 50
    assert not validity(POINT, measured)


@pytest.mark.parametrize(
    ("changed", "each", "why"),
    [
        ({"cpu": 0.97}, 290, "fio had no CPU to spare (over 90%) and fell behind its rate: storage-0 99%."),
        ({"cpu": 0.75, "waiting": 0.18}, 290, "fell behind its rate: storage-0 93%."),
        ({"cpu": 0.97}, 300, ""),
        ({"cpu": 0.2}, 200, ""),
        ({"waiting": 0.3}, 300, "fio waited for a CPU over 25% of the time: storage-0 30%."),
        ({"waiting": 0.2}, 290, ""),
    ],
)
def test_a_fio_without_cpu_is_told_from_a_slow_disk(changed: dict[str, Any], each: int, why: str) -> None:
    measured = measure(POINT, [report(steady_blocks(each=each), **changed)])
    reasons = " ".join(fell_behind(POINT, measured) + waited(POINT, measured))
    assert why in reasons
    assert bool(why) == bool(reasons)
    assert not validity(POINT, measured)
    free = point(rate=0.0)
    assert not fell_behind(free, measured) + waited(free, measured)


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"clock": 2.0}, "fio's clock and the server's own disagree"), ({"stalls": [(3.0, 0.5)]}, "")],
)
def test_instruments_that_fail_make_a_point_invalid(changed: dict[str, Any], why: str) -> None:
    reasons = " ".join(validity(POINT, measure(POINT, [report(steady_blocks(), **changed)])))
    assert why in reasons
    assert bool(why) == bool(reasons)


def test_no_io_without_a_stall_is_no_measurement_and_with_one_it_is() -> None:
    empty = [block(0, 0.0, 30.0, [], lost=(3000, 0))]
    assert "no I/O, and no stall" in validity(POINT, measure(POINT, [report(empty)]))[0]
    assert not validity(POINT, measure(POINT, [report(empty, stalls=[(0.0, 30.0)])]))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"read": {"ios": 5, "bytes": 5 * 4096, "bins": []}}, "5 I/Os, but 0 latencies"),
        ({"read": {"ios": 1, "bytes": 4096, "bins": [[1000, 1]]}}, "1000 ns is none of fio's latency bins"),
        ({"read": {"ios": 2, "bytes": 8192, "bins": [[5, 1], [5, 1]]}}, "appears twice"),
    ],
)
def test_bins_that_cannot_be_fio_s_are_refused(changes: dict[str, Any], why: str) -> None:
    measured = measure(POINT, [report([block(0, 0.0, 30.0, [], **changes)])])
    assert why in measured.missing["storage-0"]


def test_counts_that_do_not_add_up_make_a_point_invalid() -> None:
    writes = measure(POINT, [report([block(0, 0.0, 30.0, [0.001] * 3000, [0.001])])])
    assert "1 writes where the profile makes none" in validity(POINT, writes)[0]
    more = measure(POINT, [report([block(0, 0.0, 30.0, [0.001] * 4000)])])
    assert "4000 I/Os where the rate allows" in validity(POINT, more)[0]
    fewer = measure(POINT, [report([block(0, 0.0, 30.0, [0.001] * 2900)])])
    assert "2900 reads were due where the rate asks for 3000" in validity(POINT, fewer)[0]
    whole = {"read": {"ios": 3000, "bytes": 3000 * 4096}, "write": {"ios": 0, "bytes": 0}}
    assert measure(POINT, [report(steady_blocks(), whole=whole)]).servers
    sizes = measure(point(block_size=8192), [report(steady_blocks(), whole=whole)])
    assert sizes.missing == {"storage-0": "its 3000 reads of 8192 bytes moved 12288000 bytes"}


def test_a_clock_that_is_not_known_well_afterwards_may_have_stood_still() -> None:
    blurred = {"seconds": 3.0, "error": 4.0, "elapsed": 40.0}
    (reason,) = validity(POINT, measure(POINT, [report(steady_blocks(), clock_change=blurred)]))
    assert reason == "The clocks of 1 of 1 servers are known no better than 1s: storage-0 2s."


def test_missing_and_surplus_servers_are_named() -> None:
    two = point(clients=2)
    assert validity(two, measure(two, [report(steady_blocks())]))[0].startswith("1 of 2 servers are missing")
    many = [report(steady_blocks(), agent=f"storage-{n}") for n in range(3)]
    assert "3 servers reported where 2 took part." in validity(two, measure(two, many))


WIRE_INT = st.integers(-2, 1 << 54) | st.booleans() | st.none() | st.floats()


@given(
    st.dictionaries(
        st.sampled_from(["index", "begin", "end", "errors", "read", "write", "id", "kind"]),
        WIRE_INT
        | st.text(max_size=5)
        | st.fixed_dictionaries(
            {
                "ios": WIRE_INT,
                "bytes": WIRE_INT,
                "bins": st.lists(st.tuples(WIRE_INT, WIRE_INT) | WIRE_INT, max_size=4),
            }
        ),
    )
)
def test_any_block_is_refused_or_measured_without_a_crash(changes: dict[str, Any]) -> None:
    wire = {**block(0, 0.0, 30.0, [0.001] * 3000).model_dump(mode="json"), **changes}
    try:
        parsed = IoBlock.model_validate_json(json.dumps(wire))
    except ValueError:
        return
    measured = measure(POINT, [StorageReport("storage-0", "h", 0.001, (), (parsed,), done(blocks=1), "")])
    assert (
        not validity(POINT, measured) or measured.missing or measured.read.ios != 3000 or measured.write.ios
    )
    if not validity(POINT, measured):
        assert measured.read.ios <= 3204


def test_seconds_that_span_days_or_overlap_cost_no_more_than_the_point_is_long() -> None:
    wild = tuple(second(n, 1, 0, -172_000.0 + n, 172_000.0) for n in range(150))
    again = tuple(second(n, 100, 0, 0.0, 30.0) for n in range(150))
    measured = measure(POINT, [report(steady_blocks(), seconds=wild + again)])
    assert [one.at for one in measured.seconds] == list(range(30))
    assert measured.seconds[0].iops.read == pytest.approx(100 / 30)


@pytest.mark.parametrize(
    ("seconds", "why"),
    [
        ([second(n, 101) for n in range(30)], "its seconds hold 3030 reads, its blocks 3000"),
        ([second(n, 100, 1) for n in range(30)], "its seconds hold 30 writes, its blocks 0"),
        ([second(-1, 3000, 0, -1.0, 30.0)], "its seconds do not join at 0 s of the window"),
        ([second(0, 1, 0, -0.4, 0.6)], "its seconds do not join at 0 s of the window"),
    ],
)
def test_seconds_that_hold_more_than_the_blocks(seconds: list[KeptIoSecond], why: str) -> None:
    # Whether a rate was achieved is judged from the seconds.
    ramp = [second(-2, 500), second(-1, 500)]
    assert not flaw(POINT, report(steady_blocks(), seconds=(*ramp, *(second(n, 100) for n in range(30)))))
    assert flaw(POINT, report(steady_blocks(), seconds=(*ramp, *seconds))) == why


def test_no_report_has_more_ios_than_can_be_added_up() -> None:
    wire = block(0, 0.0, 30.0, [0.001]).model_dump(mode="json")
    wire["read"]["bins"] = [[1000, 1 << 53]]
    with pytest.raises(ValueError, match="less than or equal to 4294967296"):
        IoBlock.model_validate_json(json.dumps(wire))
