"""Points: how many, in which order, under which names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.scenario.http import HttpPoint, HttpScenario
from kb_tests.scenario.model import Clients
from kb_tests.scenario.points import expand, scales
from kb_tests.scenario.units import (
    format_duration,
    format_size,
    parse_duration,
    parse_share,
    parse_size,
    readable,
)


def scenario(**load: object) -> HttpScenario:
    return HttpScenario.model_validate(
        {
            "name": "web",
            "kind": "http",
            "topology": {"servers_per_network": 4},
            "load": {"rate": [1000, 500], **load},
            "sla": {"errors": "1%"},
        }
    )


def test_points_are_ordered_by_scale_then_rate_as_numbers() -> None:
    points = expand(scenario(rate=[1000, 90, 500.5], clients={"start": 1, "step": 2}))
    assert [point.id for point in points] == [
        f"web-clients-{clients}-rate-{rate}" for clients in (1, 3, 4) for rate in ("90", "500.5", "1000")
    ]
    assert points[-1].offered == 4000


def test_without_a_progression_all_clients_run() -> None:
    assert {point.clients for point in expand(scenario())} == {4}


def test_a_warm_up_is_given_or_found() -> None:
    assert {(point.warm_up, point.find_warm_up) for point in http(warm_up="7s")} == {(7.0, False)}
    assert {(point.warm_up, point.find_warm_up) for point in http(warm_up="auto")} == {(0.0, True)}
    assert scenario(warm_up="auto").model_dump(mode="json")["load"]["warm_up"] == "auto"
    with pytest.raises(ValueError, match="auto needs a duration of 20s at least"):
        scenario(warm_up="auto", duration="19s")


def http(**load: object) -> list[HttpPoint]:
    return [point for point in expand(scenario(**load)) if isinstance(point, HttpPoint)]


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 50))
def test_a_progression_rises_and_ends_at_the_maximum(start: int, step: int, extra: int) -> None:
    maximum = start + extra - 1
    numbers = scales(Clients(start=start, step=step), maximum)
    assert numbers == sorted(set(numbers))
    assert numbers[0] == start
    assert numbers[-1] == maximum


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250us", 250e-6), ("250µs", 250e-6), ("10ms", 0.01), ("1.5s", 1.5), ("5min", 300.0), ("1h", 3600.0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"), [("512B", 512), ("4KiB", 4096), ("60MB", 60_000_000), ("1.5GiB", 3 << 29)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "5", 5, None, "-1s", "1 fortnight", "1e3s", "5s ", "٣s"])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="a duration with its unit"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["101%", "99", "-1%", "%"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a percentage"):
        parse_share(text)


def test_settings_for_people_keep_what_is_no_size_and_no_duration() -> None:
    """A command is shown as it was run."""
    hook = {"at": "0s", "run": ["sleep", "1h"], "timeout": "7200s", "name": "3600s"}
    told = readable({"name": "1h", "description": "90min", "warm_up": "0s", "hooks": [hook]})
    assert told == {
        "name": "1h",
        "description": "90min",
        "warm_up": "0s",
        "hooks": [hook | {"timeout": "120min"}],
    }


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.00025, "250µs"), (0.0104, "10.4ms"), (0.9999, "1s"), (30, "30s"), (599, "599s"), (3600, "60min")],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(("size", "text"), [(512, "512B"), (32768, "32KiB"), (3 << 29, "1.5GiB")])
def test_sizes_for_people(size: int, text: str) -> None:
    assert format_size(size) == text
