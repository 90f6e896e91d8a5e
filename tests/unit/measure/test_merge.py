from __future__ import annotations

import math
from dataclasses import replace

import pytest

from kb_tests.fleet.http.messages import BlockReport, HttpReport
from kb_tests.measure.coarse import bucket_percentile
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.merge import failing_since, measure
from kb_tests.report.http.measured import HttpMeasurementRecord
from tests.unit.measure.reports import POINT, added, fleet, report, wire


def test_merges_without_loss() -> None:
    reports = fleet()
    measured = measure(POINT, reports)
    parts = [Histogram.decode(block.response) for one in reports for block in one.blocks]
    assert measured.response == Histogram.merged(parts)
    assert measured.response.count == measured.counts.completed == 5000
    assert measured.counts.bytes == 5000 * 32768
    assert [block.at for block in measured.blocks] == [0, 1, 2, 3, 4] * 2
    assert [facts.agent for facts in measured.agents] == ["kb-client-1", "kb-client-2"]
    assert measured.agents[0].host == "rack-1"
    assert not measured.missing
    assert measured.offered == 1000
    assert measured.achieved == 1000
    assert measured.throughput == 1000 * 32768


def test_finer_blocks_are_kept_as_moments_and_make_whole_seconds() -> None:
    """The unit of the statistics stays a second; figures are the same, however fine the blocks are."""
    coarse = measure(POINT, fleet())
    assert coarse.moments == ()
    reports = [
        replace(one, blocks=tuple(quarter for block in one.blocks for quarter in quarters(block)))
        for one in fleet()
    ]
    fine = measure(POINT, reports)
    assert [(block.at, block.seconds) for block in fine.moments[:5]] == [
        (0, 0.25), (0.25, 0.25), (0.5, 0.25), (0.75, 0.25), (1, 0.25)
    ]  # fmt: skip
    assert len(fine.moments) == 4 * len(coarse.blocks)
    assert replace(fine, moments=()) == coarse
    assert HttpMeasurementRecord.of(fine) == HttpMeasurementRecord.of(coarse)


def quarters(block: BlockReport) -> list[BlockReport]:
    """A block of a second in which all was due in the third quarter."""
    nothing = Histogram().encode()
    return [
        block.model_copy(
            update={
                "index": 4 * block.index + number,
                "begin": block.begin + number / 4,
                "seconds": block.seconds / 4,
            }
            | ({} if number == 2 else {"counts": wire(0), "response": nothing, "service": nothing})
        )
        for number in range(4)
    ]


@pytest.mark.parametrize(
    ("failed", "since"),
    [
        ([0, 0, 0, 0, 0], None),
        ([0, 0, 9, 8, 9], 2),
        ([9, 8, 0, 0, 1], 0),
        ([3, 0, 0, 9, 0], 0),  # closer than a timeout
    ],
)
def test_it_is_known_from_when_on_requests_failed(failed: list[int], since: int | None) -> None:
    whole = report("a")
    seconds = [
        replace(second, failed=failed[second.index] if second.index >= 0 else 50) for second in whole.seconds
    ]
    measured = measure(POINT, [replace(whole, seconds=tuple(seconds)), report("b")])
    assert [facts.failing_since for facts in measured.agents] == [since, None]


def test_the_order_of_reports_means_nothing() -> None:
    reports = fleet()
    turned = [replace(one, seconds=one.seconds[::-1], blocks=one.blocks[::-1]) for one in reports]
    assert measure(POINT, turned) == measure(POINT, reports)


def test_the_series_adds_up_all_agents_and_shows_the_warm_up() -> None:
    seconds = measure(POINT, fleet()).seconds
    assert [second.at for second in seconds] == [-1, 0, 1, 2, 3, 4]
    assert [second.completed for second in seconds] == [200, *[1000] * 5]
    assert seconds[1].p50 == pytest.approx(2 ** (40.5 / 4) * 1e-6)
    assert seconds[1].max == pytest.approx(2 ** (41 / 4) * 1e-6)


def test_what_is_answered_in_the_drain_is_not_achieved() -> None:
    """A server that makes 400 of 500 requests/s answers the rest late, after the window."""

    def overloaded(name: str) -> HttpReport:
        whole = report(name)
        late = [replace(second, completed=400) if second.index >= 0 else second for second in whole.seconds]
        drain = replace(whole.seconds[-1], index=5, completed=500)
        return replace(whole, seconds=(*late, drain))

    measured = measure(POINT, [overloaded("a"), overloaded("b")])
    assert measured.counts.completed == 5000
    assert measured.achieved == 800


def test_a_window_under_a_second_counts_what_was_due_in_it() -> None:
    whole = report("a")
    block = whole.blocks[0].model_copy(update={"seconds": 0.5})
    assert whole.done is not None
    done = whole.done.model_copy(update={"counts": block.counts})
    short = replace(whole, seconds=(), blocks=(block,), done=done)
    measured = measure(replace(POINT, clients=1, duration=0.5), [short])
    assert not measured.missing
    assert measured.achieved == 1000


def spoilt(kind: str) -> HttpReport:
    one = report("kb-client-1")
    assert one.done is not None
    blocks, seconds = one.blocks, one.seconds
    match kind:
        case "silent":
            return replace(one, problem="it fell silent")
        case "no done":
            return replace(one, done=None)
        case "gap":
            return replace(one, blocks=blocks[:2] + blocks[3:])
        case "twice":
            return replace(one, blocks=(*blocks, blocks[0]))
        case "short":
            return replace(one, blocks=blocks[:-1])
        case "nothing":
            return replace(one, blocks=())
        case "other command":
            return replace(one, done=one.done.model_copy(update={"id": "2"}))
        case "lost second":
            return replace(one, seconds=seconds[:3] + seconds[4:])
        case "second twice":
            return replace(one, seconds=(*seconds, seconds[2]))
        case _:
            return replace(one, blocks=(blocks[0].model_copy(update={"response": "QUJD"}), *blocks[1:]))


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("silent", "it fell silent"),
        ("no done", "its final report is missing"),
        ("gap", "its time blocks do not join at 2 s of the window"),
        ("twice", "its time blocks do not join at 1 s of the window"),
        ("short", "its time blocks cover 4 s of 5 s"),
        ("nothing", "its time blocks cover 0 s of 5 s"),
        ("other command", "it mixed reports of several commands"),
        ("lost second", "its report of second 2 is missing"),
        ("second twice", "it reported second 1 more than once"),
        ("garbage", "a histogram of it cannot be read: no V2 histogram: unpack"),
    ],
)
def test_a_report_that_is_not_whole_is_missing_with_why(kind: str, why: str) -> None:
    measured = measure(POINT, [spoilt(kind), report("kb-client-2")])
    assert list(measured.missing) == ["kb-client-1"]
    assert measured.missing["kb-client-1"].startswith(why)
    assert {block.agent for block in measured.blocks} == {"kb-client-2"}
    assert measured.counts.due == 2500


def test_agents_that_never_spoke_or_spoke_twice_are_missing() -> None:
    assert measure(POINT, []).missing == {
        "generator 1 of 2": "nothing came from it",
        "generator 2 of 2": "nothing came from it",
    }
    assert measure(POINT, [report("a"), report("a")]).missing == {"a": "it reported 2 times"}


def test_coarse_buckets() -> None:
    assert math.isnan(bucket_percentile({}, 50))
    assert math.isnan(bucket_percentile({3: 0}, 50))
    assert bucket_percentile({40: 50, 80: 50}, 50) == pytest.approx(2 ** (41 / 4) * 1e-6)
    assert bucket_percentile({40: 50, 80: 50}, 99) == pytest.approx(2 ** ((80 + 49 / 50) / 4) * 1e-6)


def test_the_helper_adds_errors_up() -> None:
    assert added([wire(10, {"connect": 2}), wire(10, {"timeout": 1})]).errors == {"connect": 2, "timeout": 1}


def test_failures_that_come_in_bursts_of_timeouts_began_with_the_first() -> None:
    """As seen of a server that was killed in second 8, with a timeout of 2 s."""
    bursts = {9: 190, 11: 110, 12: 105, 15: 220, 18: 240, 21: 280, 24: 320, 27: 300}
    assert failing_since({3: 1, **bursts}, 2) == 9
    assert failing_since({3: 1, 7: 5}, 2) == 7
    assert failing_since({}, 2) is None
