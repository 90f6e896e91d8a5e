"""What a rate made due and how long it took, held against a disk that is simulated I/O by I/O."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.agent.storage import bins, due, output
from kb_tests.agent.storage.backlog import Backlog
from kb_tests.agent.storage.options import Job
from kb_tests.agent.storage.window import Window
from kb_tests.measure.storage import fio

JOB = Job("randread", 4096, 1, 1, 1.0, 100.0, (), 1.0, 4.0, 1.0, 3.0)


class Made(NamedTuple):
    """One I/O: when it was due, made and done, in seconds of fio's clock."""

    due: float
    issued: float
    ended: float

    @property
    def line(self) -> str:
        return f"{math.floor(self.ended * 1000)}, {round((self.ended - self.issued) * 1e9)}, 0, 4096, 0\n"


def disk(step: float, services: Iterable[float], depth: int = 1) -> list[Made]:
    """fio at one I/O every `step` seconds, on a disk that takes so long for each; in the order of ends."""
    free = [0.0] * depth
    made = []
    for turn, service in enumerate(services):
        slot = free.index(min(free))
        issued = max(turn * step, free[slot])
        free[slot] = issued + service
        made.append(Made(turn * step, issued, issued + service))
    return sorted(made, key=lambda one: one.ended)


def counts(found: list[tuple[due.Due, due.Due]]) -> list[tuple[int, int]]:
    return [(reads.due, sum(reads.bins.values())) for reads, _ in found]


@given(
    st.lists(st.sampled_from([0.0002, 0.004, 0.012, 0.3, 2.0]), min_size=1, max_size=600),
    st.integers(1, 4),
    st.sampled_from([0.01, 0.002, 1 / 300]),
)
def test_response_times_are_those_of_the_definition(services: list[float], depth: int, step: float) -> None:
    made = disk(step, services, depth)
    edges = [0.0, 1.0, 2.5, 4.0]
    found = due.account([[one.line for one in made]], (step, 0.0), 1.0, edges, [])
    for at, (reads, writes) in enumerate(found):
        assert writes == due.Due(0, {})
        within = [one for one in made if 1 + edges[at] <= one.due + 1e-9 < 1 + edges[at + 1]]
        assert reads.due == sum(
            1 + edges[at] <= turn * step + 1e-9 < 1 + edges[at + 1] for turn in range(5000)
        )
        assert sum(reads.bins.values()) == len(within)
        times = sorted(name for name, count in reads.bins.items() for _ in range(count))
        exact = sorted(one.ended - one.due for one in within)
        for told, true in zip(times, exact, strict=True):
            assert true - 0.0011 - true * 0.01 <= told / 1e9 <= true * 1.01 + 1e-6


def test_a_disk_at_39_of_100_is_ever_further_behind_and_the_rest_is_never_done() -> None:
    made = [one for one in disk(0.01, [0.0255] * 500) if one.ended <= 5.0]
    found = due.account([[one.line for one in made]], (0.01, 0.0), 1.0, [0.0, 1.0, 2.0, 3.0, 4.0], [])
    assert counts(found) == [(100, 96), (100, 0), (100, 0), (100, 0)]
    assert min(found[0][0].bins) > 1.5e9


def test_jobs_have_a_schedule_each_and_reads_and_writes_have_one_each() -> None:
    reads = [one.line for one in disk(0.02, [0.001] * 200)]
    writes = [one.line.replace(", 0, 4096", ", 1, 4096") for one in disk(0.05, [0.001] * 60)]
    found = due.account([reads + writes, writes + reads], (0.02, 0.05), 1.0, [0.0, 2.0], [])
    assert [(part.due, part.bins) for part in found[0]] == [
        (200, {bins.name_of(1_000_000): 200}),
        (80, {bins.name_of(1_000_000): 80}),
    ]


def test_failed_ios_have_had_their_turn() -> None:
    """60 in a row fail at once, from 2 s to 2.6 s: what comes after them is in time all the same."""
    made = [one for one in disk(0.01, [0.001] * 500) if not 2 <= one.due < 2.6]
    seen = [(2.0, (0, 0)), (2.3, (30, 0)), (3.0, (60, 0)), (4.0, (60, 0))]
    found = due.account([[one.line for one in made]], (0.01, 0.0), 1.0, [0.0, 1.0, 2.0, 4.0], seen)
    assert counts(found) == [(100, 100), (100, 40), (200, 200)]
    assert {name for reads, _ in found for name in reads.bins} == {bins.name_of(1_000_000)}


@pytest.mark.parametrize(("made", "right"), [(100, True), (101, True), (99, False), (102, False), (0, False)])
def test_a_log_of_more_or_fewer_ios_than_fio_counts_is_refused(made: int, right: bool) -> None:
    # One of more I/Os would hide that some were never made, one of fewer would blame the disk.
    lines = [f"{10 * n + 1}, 1000000, 0, 4096, 0" for n in range(100)]

    def account() -> list[tuple[due.Due, due.Due]]:
        return due.account([lines], (0.01, 0.0), 0.0, [0.0, 1.0], [], (made, 0))

    if right:
        assert sum(account()[0][0].bins.values()) == 100
        return
    with pytest.raises(ValueError, match=f"it has 100 reads, of which fio counts {made}"):
        account()


@pytest.mark.parametrize("line", ["oops, 5, 0\n", "5\n", "\n"])
def test_a_log_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"invalid literal|not enough values"):
        due.account([[line]], (0.01, 0.0), 0.0, [0.0, 1.0], [])


@given(st.integers(0, 1 << 62))
def test_the_names_of_the_bins_are_those_of_fio(nanoseconds: int) -> None:
    index = int(fio._LOW.searchsorted(nanoseconds, side="right")) - 1
    assert bins.name_of(nanoseconds) == int(fio._NAMES[index])


def totals(made: list[Made], at: float) -> output.Snapshot:
    """fio's totals at a second of its clock."""
    done: dict[int, int] = {}
    for one in made:
        if one.ended <= at:
            name = bins.name_of(round((one.ended - one.issued) * 1e9))
            done[name] = done.get(name, 0) + 1
    nothing = output.Direction(0, {})
    return output.Snapshot(at, at, output.Direction(0, done), nothing, nothing, 0)


@pytest.mark.parametrize("service", [0.001, 0.009, 0.0125, 0.0255])
def test_totals_alone_tell_a_delay_to_a_tenth_of_a_second(service: float) -> None:
    made = disk(0.01, [service] * 500)
    window = Window(JOB, 1.0, lambda _: None)
    told: list[tuple[due.Due, due.Due]] = []
    backlog = Backlog((100.0, 0.0), window, lambda index, parts: told.insert(index, parts))
    old = totals(made, 0.0)
    for tenth in range(1, 51):
        new = totals(made, tenth / 10)
        if not tenth % 10:
            window.take(new)
        backlog.take(old, new, 0.0)
        old = new
    backlog.end()
    exact = due.account([[one.line for one in made if one.ended <= 5]], (0.01, 0.0), 1.0, [0, 1, 2, 3, 4], [])
    for (reads, _), (true, _) in zip(told, exact, strict=True):
        assert reads.due == true.due == 100
        assert sum(reads.bins.values()) == sum(true.bins.values())
        if true.bins and reads.bins:
            assert max(reads.bins) == pytest.approx(max(true.bins), abs=0.25e9)


def test_totals_alone_tell_a_stall_in_which_fio_could_not_answer() -> None:
    """Nothing ends from 2 s to 4 s, nor does fio answer; afterwards it makes up for it in a burst."""
    made = disk(0.01, [0.001] * 200 + [2.0] + [0.0001] * 299)
    window = Window(JOB, 1.0, lambda _: None)
    told: list[tuple[due.Due, due.Due]] = []
    backlog = Backlog((100.0, 0.0), window, lambda index, parts: told.insert(index, parts))
    old = totals(made, 0.0)
    for at in [*(tenth / 10 for tenth in range(1, 21)), 4.05, *(tenth / 10 for tenth in range(41, 51))]:
        new = totals(made, at)
        if at in (1.0, 2.0, 4.05, 5.0):
            window.take(new)
        backlog.take(old, new, 0.0)
        old = new
    backlog.end()
    assert [(reads.due, sum(reads.bins.values())) for reads, _ in told] == [(100, 100), (205, 205), (95, 95)]
    waited = sorted(name for name, count in told[1][0].bins.items() for _ in range(count))
    assert waited[-1] == pytest.approx(2.05e9, rel=0.02)
    assert waited[len(waited) // 2] == pytest.approx(1.0e9, rel=0.1)
