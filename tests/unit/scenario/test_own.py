"""What a test of one's own asks for is checked as a scenario file is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.errors import ScenarioError
from kb_tests.scenario.http import HttpScenario, http_point
from kb_tests.scenario.load import load
from kb_tests.scenario.own import number_of_clients, with_load
from kb_tests.scenario.storage import StorageScenario

SHIPPED = Path(__file__).parents[3] / "scenarios"


@pytest.fixture(scope="module")
def http() -> HttpScenario:
    scenario = load(SHIPPED / "http-east-west.yaml")
    assert isinstance(scenario, HttpScenario)
    return scenario


@pytest.fixture(scope="module")
def storage() -> StorageScenario:
    scenario = load(SHIPPED / "demo-storage.yaml")
    assert isinstance(scenario, StorageScenario)
    return scenario


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"rate": [-5]}, "kb_http.run: rate: found -5; "),
        ({"rate": [10**9]}, "rate: found 1000000000; "),
        ({"rate": [math.nan]}, "rate: found nan; "),
        ({"rate": [math.inf]}, "rate: found inf; "),
        ({"rate": ["100"]}, "rate: found '100'; "),
        ({"rate": [True]}, "rate: found True; "),
        ({"rate": [50], "duration": "0s"}, "duration: found '0s'; a point "),
        ({"rate": [50], "duration": 20}, "duration: found 20; a duration with its unit"),
        ({"rate": [50], "duration": "100000h"}, "duration: found '100000h'; "),
        ({"rate": [50], "warm_up": "100000h"}, "warm_up: found '100000h'; "),
        ({"rate": [50], "timeout": "100000h"}, "timeout: found '100000h'; "),
        ({"rate": [50], "timeout": "0s"}, "timeout has to be longer than 0s"),
        ({"rate": [50], "connections": 0}, "connections: found 0; "),
        ({"rate": [50], "connections": 2.5}, "connections: found 2.5; "),
        ({"rate": [50], "page_size": "1"}, "page_size: found '1'; a size with its unit"),
        ({"rate": [50], "keep_alive": "no"}, "keep_alive: found 'no'; "),
        ({"rate": [50], "warm_up": "auto", "duration": "10s"}, "warm_up: auto needs a duration"),
        ({"rate": [-5], "connections": 0}, "connections: found 0; .* rate: found -5; "),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(http: HttpScenario, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError, match=said) as raised:
        with_load(http, asked, "kb_http.run")
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith("kb_http.run: ")


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ({"name": "wal", "mode": "writ"}, "profile.mode: found 'writ'; "),
        ({"name": "wal"}, "profile.mode is missing."),
        ({"name": "wal", "mode": "write", "fsync": 1}, "profile.fsync is unknown; "),
        ({"name": "wal", "mode": "write", "extra": {"filename": "/dev/sda"}}, "filename is not allowed here"),
        ({"name": "wal", "mode": "write", "rate_iops": -1}, "profile.rate_iops: found -1; "),
        ({"name": "wal", "mode": "write", "block_size": "16MiB", "numjobs": 64}, "blocks of profile wal"),
    ],
    ids=str,
)
def test_a_wrong_profile_is_named(storage: StorageScenario, profile: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        with_load(storage, {"profiles": [profile]}, "kb_storage.run")


def test_what_is_not_asked_for_is_as_in_the_scenario(http: HttpScenario, storage: StorageScenario) -> None:
    asked = with_load(http, {"rate": [7.5], "max_duration": None}, "kb_http.run")
    assert asked.load.model_copy(update={"rate": http.load.rate, "clients": http.load.clients}) == (
        http.load.model_copy(update={"max_duration": None})
    )
    assert http_point(asked, 2, 7.5).max_duration == http.load.duration
    free = with_load(storage, {"profiles": [{"name": "free", "mode": "read"}]}, "kb_storage.run")
    assert free.topology == storage.topology
    assert free.load.duration == storage.load.duration


@pytest.mark.parametrize("clients", [0, -1, 5, 1.0, "1", True, math.nan], ids=repr)
def test_so_many_clients_there_are_not(clients: object) -> None:
    with pytest.raises(
        ScenarioError, match=r"kb_http.run: clients: found .*; scenario demo-http has 4 that make load"
    ):
        number_of_clients(clients, 4, "demo-http", "kb_http.run")


def test_no_number_means_all() -> None:
    assert number_of_clients(None, 4, "demo-http", "kb_http.run") == 4
    assert number_of_clients(1, 4, "demo-http", "kb_http.run") == 1


wild = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.integers())


@given(
    asked=st.dictionaries(
        st.sampled_from(["duration", "warm_up", "connections", "page_size", "keep_alive", "timeout", "rate"]),
        wild,
    )
)
def test_wild_arguments_are_one_sentence_or_a_load(http: HttpScenario, asked: dict[str, Any]) -> None:
    told = ""
    try:
        rates = with_load(http, asked, "kb_http.run").load.rate
    except ScenarioError as error:
        rates, told = [], str(error)
    assert "\n" not in told
    assert all(0 <= rate <= 1e6 for rate in rates)
