"""Who is named, on clouds of known truth."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.culprits.blame import Culprit, Level, Server, blame
from kb_tests.culprits.outliers import exceptions, single, spread

ERROR = 0.05


def cloud(
    hosts: int = 8,
    each: int = 3,
    slow: dict[str, float] | None = None,
    zones: int = 1,
    apart: float = 0.03,
    seed: int = 1,
) -> list[Server]:
    """Servers h0s0 and so on, times as slow as `slow` says of their names, their hosts' or their zones'."""
    random = np.random.default_rng(seed)
    made = []
    for h, s in itertools.product(range(hosts), range(each)):
        name, host, zone = f"h{h}s{s}", f"h{h}", f"z{h * zones // hosts}"
        times = math.prod((slow or {}).get(place, 1.0) for place in (name, host, zone))
        log = math.log(0.01 * times) + apart * random.normal()
        made.append(Server(name, f"of-{name}", host, zone, log, 0.01, math.exp(log)))
    return made


def names(found: tuple[Culprit, ...]) -> list[tuple[Level, str]]:
    return [(culprit.level, culprit.name) for culprit in found]


def test_nobody_is_named_where_nothing_is_slow() -> None:
    named = [blame(cloud(seed=seed), ERROR) for seed in range(40)]
    assert sum(map(bool, named)) <= 8


def test_a_slow_host_is_named_with_its_servers_and_by_how_much() -> None:
    (culprit,) = blame(cloud(slow={"h5": 2.0}), ERROR)
    assert (culprit.level, culprit.name) == (Level.HOST, "h5")
    assert culprit.times == pytest.approx(2.0, rel=0.1)
    assert culprit.agents == {"of-h5s0", "of-h5s1", "of-h5s2"}


def test_one_slow_server_does_not_condemn_its_host() -> None:
    assert names(blame(cloud(slow={"h5s1": 2.0}), ERROR)) == [(Level.SERVER, "h5s1")]


def test_a_host_of_one_server_may_be_either() -> None:
    assert names(blame(cloud(12, 1, slow={"h5": 2.0}), ERROR)) == [(Level.ALONE, "h5")]


def test_a_host_of_two_servers_is_not_condemned_for_one_of_them() -> None:
    """Two are too few to hold one against the other: but one alone is beyond those of other hosts."""
    for seed in range(20):
        (culprit,) = blame(cloud(12, 2, slow={"h5s1": 2.0}, seed=seed), ERROR)[:1]
        assert (culprit.level, culprit.name, culprit.besides) == (Level.ALONE, "h5", 1)
        assert [server.name for server in culprit.servers] == ["h5s1"]
        (culprit,) = blame(cloud(12, 2, slow={"h5": 2.0}, seed=seed), ERROR)[:1]
        assert (culprit.level, culprit.name, len(culprit.servers)) == (Level.HOST, "h5", 2)


def uneven(seed: int, slow: int | None = None) -> list[Server]:
    """Two hosts of one server, and six of ten; servers differ by 10 %, hosts do not."""
    random = np.random.default_rng(seed)
    made = []
    for h in range(8):
        for s in range(1 if h < 2 else 10):
            log = math.log(2.0 if h == slow else 1.0) + 0.1 * random.normal()
            made.append(Server(f"h{h}s{s}", f"of-h{h}s{s}", f"h{h}", "z", log, 0.02, math.exp(log)))
    return made


def test_a_host_of_one_server_is_not_named_for_having_but_one() -> None:
    """The mean of one is as far from the others as a server may be; that of ten is not."""
    found = [name for seed in range(150) for _, name in names(blame(uneven(seed), ERROR))]
    alone = sum(name in ("h0", "h1") for name in found)
    assert alone <= 0.05 * 150 / 2, found
    for slow in (0, 5):
        told = [names(blame(uneven(seed, slow), ERROR)) for seed in range(10)]
        assert sum(f"h{slow}" in [name for _, name in one] for one in told) >= 9, told


def test_two_slow_hosts_do_not_hide_each_other() -> None:
    found = blame(cloud(12, slow={"h2": 2.0, "h9": 1.9}), ERROR)
    assert {name for _, name in names(found)} == {"h2", "h9"}


def test_a_zone_is_named_in_place_of_all_its_hosts() -> None:
    assert names(blame(cloud(8, zones=4, slow={"z2": 2.0}), ERROR)) == [(Level.ZONE, "z2")]


def test_what_is_surely_slower_but_hardly_is_not_named() -> None:
    assert not blame(cloud(slow={"h5": 1.06}, apart=0.001), ERROR)


def test_half_of_the_cloud_is_no_exception() -> None:
    assert not blame(cloud(slow=dict.fromkeys(("h0", "h1", "h2", "h3"), 2.0)), ERROR)


def test_three_hosts_are_too_few_and_unknown_ones_tell_nothing() -> None:
    assert not blame(cloud(3, slow={"h1": 5.0}), ERROR)
    unknown = [Server(f"s{n}", f"s{n}", "", "", float(n == 3), 0.01, 1.0) for n in range(12)]
    assert not blame(unknown, ERROR)


def test_equal_figures_name_nobody_and_one_far_off_is_named() -> None:
    """Where nobody differs at all, chance is what they are held against."""
    assert not blame(cloud(apart=0.0), ERROR)
    assert names(blame(cloud(apart=0.0, slow={"h4": 1.5}), ERROR)) == [(Level.HOST, "h4")]


@given(
    st.lists(st.floats(-20, 20), max_size=40),
    st.floats(0, 5),
)
def test_any_figures_name_some_of_them_and_never_the_lowest(values: list[float], chance: float) -> None:
    array = np.array(values)
    for test in (single, exceptions):
        found = test(array, ERROR, chance)
        assert found == sorted(set(found))
        assert all(0 <= place < len(values) for place in found)
        assert not found or min(array[found]) > np.median(array)


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=40), st.floats(-5, 5))
def test_a_shift_of_all_changes_nothing(values: list[float], shift: float) -> None:
    array = np.round(np.array(values), 3)
    assert spread(array + shift) == pytest.approx(spread(array), abs=1e-9)
