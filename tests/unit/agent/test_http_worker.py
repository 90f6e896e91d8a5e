"""The worker in a simulated world: each request that was due ends in exactly one way, and is told."""

from __future__ import annotations

import errno
import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.agent import histogram
from kb_tests.agent.http import linux, receiver, worker
from kb_tests.agent.http.load import Load, LoadError, Schedule, Share
from kb_tests.agent.http.pool import LONGEST_PAUSE
from kb_tests.agent.http.scouts import REST
from tests.unit.agent.simulated import FATES, KEYS, LATE, WELL, World, simulate

fates = st.lists(
    st.tuples(st.sampled_from([*FATES, "ok", "ok", "ok"]), st.sampled_from([0.001, 0.02, 0.2, 0.5])),
    min_size=1,
    max_size=40,
)
connects = st.lists(
    st.sampled_from(
        [(0, 0.0001), (0, 0.0001), (0, 0.05), (errno.ECONNREFUSED, 0.0), (0, 9.0), (errno.EADDRNOTAVAIL, 0.0)]
    ),
    max_size=20,
)


@settings(max_examples=60, deadline=None)
@given(
    fates,
    connects,
    st.booleans(),
    st.sampled_from([0, 50, 333.3, 2000]),
    st.integers(0, 2),
    st.integers(0, 2**32 - 1),
)
def test_every_request_that_was_due_ends_in_exactly_one_way(
    fates: list[tuple[str, float]],
    connects: list[tuple[int, float]],
    keep_alive: bool,
    rate: float,
    number: int,
    seed: int,
) -> None:
    turns, connect_turns = iter(fates * 10_000), iter(connects)
    world = World(lambda _now: next(turns))
    world.connects = lambda now: next(connect_turns, (0, 0.0001)) if now > 100.2 else (0, 0.0001)
    total = simulate(world, Share(number, 3, 4), seed=seed, rate=rate, keep_alive=keep_alive)
    if rate:
        schedule = Schedule.of(
            Load.of(
                "192.0.2.1",
                {
                    "port": 80,
                    "path": "/",
                    "size": 8,
                    "rate": rate,
                    "connections": 12,
                    "keep_alive": keep_alive,
                }
                | {"warm_up": 0.2, "duration": 1.0, "timeout": 0.3, "block": 0.4, "tls": False},
            ),
            Share(number, 3, 4),
            at=world.start_at,
            seed=seed,
        )
        assert total["due"] == schedule.before(schedule.end) - schedule.before(schedule.begin)
    assert total["sent"] <= total["due"]
    assert not world.answered or world.answered[-1][1] < 100.011 + 0.2 + 1.0 + 0.3 + 2 * worker.TICK + 0.01
    happened = sum(sum(second["counts"]["errors"].values()) for second in total["seconds"])
    assert happened >= sum(total["errors"].values())


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("fate", FATES)
def test_each_fate_is_counted_under_its_name(
    fate: str, keep_alive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "ONE_IN", 1)
    turns = iter(range(1_000_000))
    world = World(lambda _now: (fate, 0.002) if next(turns) % 10 == 0 else ("ok", 0.002))
    total = simulate(world, Share(0, 1, 40), warm_up=0, keep_alive=keep_alive)
    times = sum(given == fate for given, _ in world.answered)
    assert total["due"] == 200
    assert total["unsent"] == total["inflight"] == 0
    assert total["sent"] == sum(second["counts"]["sent"] for second in total["seconds"]) == 200
    assert times == 20 or fate == "ok"
    assert total["errors"] == ({} if fate in WELL else {KEYS.get(fate, fate): 20})
    assert total["completed"] == (200 if fate in WELL else 180)


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("fate", LATE)
def test_bytes_that_nobody_asked_for_cost_the_request_after_them(fate: str, keep_alive: bool) -> None:
    """Each time: a client that keeps its connections would take them for its next answer."""
    turns = iter(range(1_000_000))
    world = World(lambda _now: (fate, 0.002) if next(turns) % 10 == 0 else ("ok", 0.002))
    total = simulate(world, warm_up=0, keep_alive=keep_alive)
    assert total["errors"].keys() == {"protocol"}
    assert 16 <= total["errors"]["protocol"] <= 20
    assert total["completed"] == total["sent"] == 200 - total["errors"]["protocol"]


def answering(wrong: Callable[[int], bool]) -> World:
    """With other bytes of the page's length where `wrong` says so of the n-th answer."""
    turns = iter(range(1_000_000))
    return World(lambda _now: ("other content" if wrong(next(turns)) else "ok", 0.001))


@pytest.mark.parametrize("keep_alive", [True, False])
def test_other_content_is_seen_in_each_connection_s_first_answer(keep_alive: bool) -> None:
    total = simulate(answering(lambda _: True), rate=50, warm_up=0, keep_alive=keep_alive)
    assert total["errors"] == {"content": 50}


def test_at_a_rate_that_leaves_the_time_all_answers_are_compared() -> None:
    """So few requests would hide what one in a hundred of them shows: each counts."""
    world = answering(lambda number: number >= 4 and number % 5 == 0)
    total = simulate(world, rate=100, warm_up=0, duration=1.0)
    assert total["errors"] == {"content": 19}


@pytest.mark.parametrize(
    ("rate", "size", "one_in"),
    [(0, 1024, 100), (100, 1024, 1), (500, 1024, 1), (2000, 1024, 4), (9e6, 1024, 100), (100, 1 << 20, 7)],
)
def test_a_worker_compares_so_many_answers_as_cost_it_little(rate: float, size: int, one_in: int) -> None:
    assert receiver.one_in(rate, size) == one_in


def test_content_that_is_other_now_and_then_is_found_and_from_then_on_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One answer in a hundred is looked at, by chance: not in step with what a server does in turns."""
    monkeypatch.setattr(receiver, "COMPARED", 0)
    random.seed(1)
    seen = []
    for turn in (0, 7, 13, 19):
        world = answering(lambda number, turn=turn: number >= 4 and number % 20 == turn)  # type: ignore[misc]
        total = simulate(world, rate=2000, warm_up=0, duration=4.0)
        assert total["errors"].keys() <= {"content"}
        seen.append(total["errors"].get("content", 0))
    assert min(seen) > 0
    assert sum(seen) / len(seen) == pytest.approx(300, abs=90), "of 400, all but those of the first 2,000"


def test_waiting_for_a_connection_is_response_time_but_not_service_time_nor_lag() -> None:
    world = World(lambda now: ("ok", max(0.001, 100.6 - now) if now > 100.3 else 0.001))
    total = simulate(world, Share(0, 1, 2), rate=100, warm_up=0, timeout=1)
    response, service = total["response"], total["service"]
    assert histogram.percentile(response, 100) == pytest.approx(0.30, abs=0.012)
    assert sum(n for at, n in response.items() if histogram.lowest(at) > 100_000) == pytest.approx(21, abs=1)
    assert sum(n for at, n in service.items() if histogram.lowest(at) > 100_000) == 2
    assert histogram.percentile(service, 50) == pytest.approx(0.001, rel=0.01)
    lag: dict[int, int] = {}
    histogram.add(lag, total["done"]["lag"])
    assert sum(lag.values()) == 100
    assert histogram.percentile(lag, 100) <= 0.0011  # the simulation's timer ticks in milliseconds


def test_a_worker_that_does_not_run_shows_in_the_lag() -> None:
    world = World(lambda _now: ("ok", 0.001))
    poll = world.poll

    def stalling(timeout: float, maximum: int) -> list[tuple[int, int]]:
        if 100.5 < world.now < 100.55:
            world.now += 0.3
        return poll(timeout, maximum)

    world.poll = stalling  # type: ignore[method-assign]
    total = simulate(world, warm_up=0)
    lag: dict[int, int] = {}
    histogram.add(lag, total["done"]["lag"])
    assert total["completed"] == 200
    assert histogram.percentile(lag, 100) == pytest.approx(0.3, abs=0.01)
    assert sum(n for at, n in lag.items() if histogram.lowest(at) > 2000) == pytest.approx(60, abs=2)


def test_a_worker_that_sleeps_over_the_end_accounts_for_what_it_missed() -> None:
    world = World(lambda _now: ("ok", 0.001))
    poll = world.poll

    def sleeping(timeout: float, maximum: int) -> list[tuple[int, int]]:
        if 100.5 < world.now < 102:
            world.now += 5
        return poll(timeout, maximum)

    world.poll = sleeping  # type: ignore[method-assign]
    total = simulate(world, warm_up=0)
    assert total["due"] == 200
    assert total["completed"] + total["inflight"] + sum(total["errors"].values()) < 110
    assert total["unsent"] > 90


def test_too_few_open_files_are_said_before_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux, "raise_file_limit", lambda _needed: 1024)
    with pytest.raises(LoadError, match=r"^2000 connections in one process need 2064 open files"):
        simulate(World(lambda _now: ("ok", 0.001)), Share(0, 1, 2000))


def test_a_server_that_hangs_leaves_timeouts_at_their_elapsed_time_and_unsent_requests() -> None:
    world = World(lambda _now: ("timeout", 0.0))
    total = simulate(world, Share(0, 1, 2), rate=100, warm_up=0)
    assert total["completed"] == 0
    assert total["errors"]["timeout"] >= 6
    assert total["unsent"] == 100 - total["errors"]["timeout"] - total["inflight"] > 80
    assert all(0.29e6 < histogram.lowest(at) < 0.36e6 for at in total["service"])


def test_a_server_that_refuses_is_asked_in_growing_pauses_and_its_requests_fail() -> None:
    world = World(lambda _now: ("closing", 0.001))
    attempts = []

    def connect(now: float) -> tuple[int, float]:
        attempts.append(now)
        return (0, 0.0001) if now < 100.3 else (errno.ECONNREFUSED, 0.0)

    world.connects = connect
    total = simulate(world, Share(0, 1, 4), rate=1000, warm_up=0, duration=3.0)
    assert total["errors"]["connect"] > 2000
    assert total["errors"]["connect"] + total["unsent"] + total["completed"] == 3000
    assert len([at for at in attempts if at > 100.3]) < 4 * 12


@pytest.mark.parametrize("gone", [(errno.ECONNREFUSED, 0.0), (0, 60.0)], ids=["refuses", "hangs"])
@pytest.mark.parametrize("back", [101.6, 102.13, 103.37, 105.0])
def test_the_end_of_an_outage_is_found_soon_and_without_a_storm(gone: tuple[int, float], back: float) -> None:
    """Before, it took until the next of growing pauses was over, or all hanging connects had timed out."""
    world = World(lambda _now: ("closing" if world.now < back else "ok", 0.001))
    attempts = []

    def connect(now: float) -> tuple[int, float]:
        attempts.append(now)
        return (0, 0.0001) if not 100.3 <= now < back else gone

    world.connects = connect
    share = Share(0, 1, 40)
    total = simulate(world, share, rate=200, warm_up=0, duration=8.0, timeout=1.0, block=0.25)
    blocks = [block for block in total["blocks"] if block["begin"] >= back + 0.35 - world.start_at]
    assert [sum(block["counts"]["errors"].values()) for block in blocks] == [0] * len(blocks)
    assert max(histogram.highest(at) for block in blocks for at in block["response"][::2]) < 60_000
    tried = [at for at in attempts if 100.4 <= at < back]
    assert len(tried) < share.connections * 6 + (share.connections + 4) / 0.75 * (back - 100.4)
    assert share.connections - 4 <= len([at for at in attempts if back <= at < back + 0.5]) < 60


def test_a_server_that_takes_connections_and_ends_them_is_not_stormed() -> None:
    world = World(lambda _now: ("reset" if world.now > 100.5 else "ok", 0.001))
    attempts = []

    def connect(now: float) -> tuple[int, float]:
        attempts.append(now)
        return 0, 0.0001

    world.connects = connect
    share = Share(0, 1, 40)
    simulate(world, share, rate=200, warm_up=0, duration=8.0)
    tried = [at for at in attempts if 102 <= at < 108]
    rounds = 6 / (0.75 * LONGEST_PAUSE) + 6 / REST  # by the pool's own pauses, and by scouts
    assert len(tried) < rounds * (share.connections + 4)


@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_closed_loop_on_a_server_that_refuses_is_not_silent(keep_alive: bool) -> None:
    world = World(lambda _now: ("closing", 0.001))
    world.connects = lambda now: (0, 0.0001) if now < 100.05 else (errno.ECONNREFUSED, 0.0)
    total = simulate(world, rate=0, keep_alive=keep_alive)
    assert total["completed"] == 0
    assert 0 < total["errors"]["connect"] < 100


def test_exhausted_local_ports_have_a_name_of_their_own() -> None:
    world = World(lambda _now: ("ok", 0.001))
    world.connects = lambda now: (0, 0.0001) if now < 100.5 else (errno.EADDRNOTAVAIL, 0.0)
    total = simulate(world, keep_alive=False, warm_up=0)
    assert total["errors"].keys() == {"ports_exhausted"}
    assert total["errors"]["ports_exhausted"] + total["completed"] == 200


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("connect", [(errno.ECONNREFUSED, 0.0), (0, 60.0)], ids=["refuses", "hangs"])
@pytest.mark.parametrize("rate", [200, 0])
def test_a_server_that_takes_no_connection_from_the_start_is_measured(
    connect: tuple[int, float], rate: int, keep_alive: bool
) -> None:
    world = World(lambda _now: ("ok", 0.001))
    world.connects = lambda _now: connect
    total = simulate(world, rate=rate, keep_alive=keep_alive, warm_up=0, duration=4.0)
    assert world.start_at == pytest.approx(102, abs=0.1)
    assert total["completed"] == 0
    assert total["due"] == (4 * rate or total["due"]) > 0
    assert total["errors"].keys() <= {"connect", "timeout"}
    assert total["errors"].get("connect", 0) + total["errors"].get("timeout", 0) > 3


def test_a_closed_loop_whose_connects_outlast_it_is_not_without_a_sample() -> None:
    world = World(lambda _now: ("ok", 0.001))
    world.connects = lambda _now: (0, 60.0)
    total = simulate(world, rate=0, timeout=2.0)
    assert total["due"] == 4
    assert total["unsent"] + total["errors"].get("connect", 0) == 4


def test_some_connections_are_enough_to_go_ahead() -> None:
    world = World(lambda _now: ("ok", 0.001))
    turns = iter([(0, 0.0001)] * 3)
    world.connects = lambda _now: next(turns, (errno.ECONNREFUSED, 0.0))
    assert simulate(world)["completed"] == 200


@pytest.mark.parametrize("start", [0.0, 100.5], ids=["before the start", "under load"])
@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENOBUFS])
def test_what_is_our_own_fault_fails_the_load(error: int, start: float) -> None:
    world = World(lambda _now: ("closing", 0.001))
    world.connects = lambda now: (error, 0.0) if now >= start else (0, 0.0001)
    with pytest.raises(LoadError, match=r"^A connection could not be opened on this side: "):
        simulate(world)


def test_local_ports_that_were_never_there_are_our_own_fault() -> None:
    world = World(lambda _now: ("ok", 0.001))
    world.connects = lambda _now: (errno.EADDRNOTAVAIL, 0.0)
    with pytest.raises(LoadError, match=r"^No local port is left for connections to 192\.0\.2\.1:80; use"):
        simulate(world)


@pytest.mark.parametrize(("rate", "low", "high"), [(100, 0.05, 0.25), (2000, 0.95, 1.0)])
def test_a_worker_that_is_never_idle_has_no_cpu_to_spare(rate: int, low: float, high: float) -> None:
    """Whatever its CPU time says: a quota takes the CPU away from it, and the time goes on."""
    world = World(lambda _now: ("ok", 0.0001))
    world.reading_takes = 0.001
    total = simulate(world, rate=rate, warm_up=0, duration=2.0)
    assert low <= total["done"]["cpu"] <= high


@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_second_counts_what_happened_in_it(keep_alive: bool) -> None:
    """Not what happened until the next round of housekeeping, which is up to TICK later."""
    world = World(lambda _now: ("ok", 0.0015))
    total = simulate(world, Share(0, 1, 20), rate=400, warm_up=1.0, duration=3.0, keep_alive=keep_alive)
    counts = [second["counts"] for second in total["seconds"]]
    assert [count["due"] for count in counts[:4]] == [400, 400, 400, 400]
    for key in ("sent", "completed"):
        assert [count[key] for count in counts[1:4]] == pytest.approx([400, 400, 400], abs=2)


def test_a_second_counts_what_broke_each_limit_and_how_late_and_busy_its_worker_was() -> None:
    """Slow ones by their exact times; failed ones are slower than any limit."""

    turns = itertools.count()

    def fate(_now: float) -> tuple[str, float]:
        turn = next(turns) % 10
        return ("http_5xx", 0.001) if turn == 0 else ("ok", 0.030 if turn < 3 else 0.005)

    world = World(fate)
    total = simulate(world, rate=100, warm_up=0, duration=3.0, limits=(0.01, 0.1))
    counts, slower = total["seconds"][1]["counts"], total["seconds"][1]["slower"]
    ended = counts["completed"] + sum(counts["errors"].values())
    failed = ended - counts["completed"]
    assert failed == slower[1] > 0
    assert slower[0] - failed == pytest.approx(20, abs=3)
    assert sum(second["slower"][1] for second in total["seconds"]) == sum(total["errors"].values())
    assert max(second["lag"] for second in total["seconds"]) <= 0.0011
    world = World(lambda _now: ("ok", 0.0001))
    world.reading_takes = 0.001
    busy = simulate(world, rate=2000, warm_up=0, duration=2.0)["seconds"][1]
    assert 0.8 <= busy["cpu"] <= 1.0
    assert busy["lag"] > 0
    assert busy["slower"] == []


def test_agents_tell_their_seconds_at_different_moments_and_the_workers_of_one_together() -> None:
    """All agents at once would be a load of their own, each second. An agent waits for the last of its
    workers: were each of many to choose, all agents would be late alike.
    """

    def late(seed: int, number: int) -> list[float]:
        world = World(lambda _now: ("ok", 0.001))
        total = simulate(world, Share(number, 2, 2), seed=seed, rate=50, warm_up=0, duration=4.0)
        assert total["completed"] == 100
        return [
            at - world.start_at - message["second"] - 1
            for at, message in zip(world.told, world.messages, strict=True)
            if "second" in message and message["second"] < 3
        ]

    every = [late(seed, 0) for seed in range(8)]
    assert [len(one) for one in every] == [3] * 8
    moments = [moment for one in every for moment in one]
    assert max(moments) - min(moments) > 0.1
    assert 0 <= min(moments) < max(moments) <= 0.5 + 2 * worker.TICK
    for seed, one in enumerate(every):
        assert late(seed, 1) == pytest.approx(one, abs=2 * worker.TICK)


def test_nothing_is_late_after_the_last_request_was_sent() -> None:
    """The drain waits for answers: no request is due in it."""
    world = World(lambda now: ("ok", 0.001 if now < 101 else 5.0))
    total = simulate(world, rate=50, warm_up=0, duration=2.0, timeout=4.0)
    assert len(total["seconds"]) > 5
    assert max(second["lag"] for second in total["seconds"]) <= 0.0011
