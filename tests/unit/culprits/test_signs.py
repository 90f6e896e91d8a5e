"""What stands beside a culprit, and what does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from kb_tests.culprits.find import find
from kb_tests.culprits.signs import beside
from kb_tests.culprits.words import all_sentences
from kb_tests.report.signs import SignsRecord
from kb_tests.sla.verdict import Outcome, Verdict
from tests.unit.culprits.test_find import ASKED, EACH, HOSTS, LATENCY, measured, places

Figures = Callable[[int], dict[str, tuple[float, float, float]]]


def signs(figures: Figures, whose: str = "server", first: int = 0) -> list[SignsRecord]:
    return [
        SignsRecord(server=f"{whose}-{number}", seconds=10.0, figures=figures(number))
        for number in range(first, HOSTS * EACH)
    ]


def told(seen: list[SignsRecord]) -> list[str]:
    verdict = Verdict(Outcome.FAIL, (LATENCY,), (), 0.95)
    found = measured(lambda host, _: 4.0 if host == 5 else 1.0)
    return all_sentences(find(ASKED, [found], verdict, places(), seen))


def stolen(number: int) -> dict[str, tuple[float, float, float]]:
    share = 3.0 + 0.01 * number if number // EACH == 5 else 0.05 * (number % 3)
    return {"steal": (share, share / 5, 4.0), "retransmitted": (float(number), 3.0, 1.0)}


def test_a_sign_that_its_servers_alone_have_is_told_with_the_others() -> None:
    assert told(signs(stolen))[1] == (
        "These servers had CPU time stolen 31.5% to 31.7% (others 0% to 1%; at most 63.4%, in second 4)."
    )


def test_what_others_have_as_well_is_no_sign() -> None:
    assert told(signs(lambda number: {"steal": (3.0, 0.5, 1.0)}))[1] == (
        "These servers saw nothing of themselves that others do not (CPU time stolen)."
    )


def test_signs_of_generators_are_not_those_of_servers() -> None:
    assert "had" not in " ".join(told(signs(stolen, "client")))
    assert told(signs(stolen, "client")) == told([])


def test_where_one_of_them_is_not_known_nothing_is_told() -> None:
    assert told(signs(stolen, first=17)) == told([])


def test_little_is_nothing_however_far_apart() -> None:
    few = {
        f"s{n}": SignsRecord(
            server="", seconds=10.0, figures={"retransmitted": (9.0 if n == 0 else 0.0, 9, 0)}
        )
        for n in range(9)
    }
    found = beside(["s0"], [f"s{n}" for n in range(1, 9)], few)
    assert found is not None
    assert found.signs == ()
    few["s0"] = SignsRecord(server="", seconds=10.0, figures={"retransmitted": (90.0, 9, 0)})
    found = beside(["s0"], [f"s{n}" for n in range(1, 9)], few)
    assert found is not None
    assert [sign.figure for sign in found.signs] == ["retransmitted"]


def test_a_few_others_are_no_range() -> None:
    few = {f"s{n}": SignsRecord(server="", seconds=1.0, figures={"steal": (n, n, 0)}) for n in range(5)}
    assert beside(["s4"], [f"s{n}" for n in range(4)], few) is None


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_a_record_has_no_figures_of_no_time(seconds: float) -> None:
    """They are held against each other by what they are a second."""
    with pytest.raises(ValidationError):
        SignsRecord(server="a", seconds=seconds, figures={})
