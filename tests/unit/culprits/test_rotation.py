"""Whose it is, by a run in which each generator loads another server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from kb_tests.culprits.find import Found, find
from kb_tests.culprits.places import Place
from kb_tests.culprits.rotation import Rotation, Whose, shift, turned
from kb_tests.culprits.words import all_sentences
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Counts, GeneratorFacts, HttpMeasurement
from kb_tests.sla.verdict import Outcome, Verdict
from tests.unit.culprits.test_find import LATENCY
from tests.unit.report import build

HOSTS, EACH = 8, 3
WAYS = HOSTS * EACH
POINT = build.point(clients=WAYS, rate=100, duration=20)
BY = EACH

Slowness = Callable[[int, int], float]


def measured(slow: Slowness, by: int = 0, seed: int = 1) -> HttpMeasurement:
    """`slow(generator, server)` times as slow; generator i loads server i + `by`."""
    random = np.random.default_rng([seed, by])
    agents = []
    for number in range(WAYS):
        usual = 0.02 * np.exp(0.05 * random.normal())
        times = usual * slow(number, (number + by) % WAYS) * np.exp(0.5 * random.normal(size=2000))
        counts = Counts(2000, 2000, 2000)
        agents.append(
            GeneratorFacts(
                f"client-{number}",
                "",
                counts,
                Histogram.of(times),
                0.0,
                lag_p99=0.0,
                lag_max=0.0,
                cpu=0.1,
                skew=0.0,
                saturated=False,
            )
        )
    return replace(build.measurement(POINT), agents=tuple(agents), blocks=(), duration=20.0)


def places(spread: bool = False) -> dict[str, Place]:
    """Generators of one host load servers of one host, or (`spread`) of all."""
    return {
        f"client-{number}": Place(
            f"server-{number}",
            f"c{number // EACH}",
            "nova",
            f"g{number % HOSTS if spread else number // EACH}",
            "nova",
        )
        for number in range(WAYS)
    }


def look(slow: Slowness, *, spread: bool = False, again: Slowness | None = None) -> Found:
    verdict = Verdict(Outcome.FAIL, (LATENCY,), (), 0.95)
    rotation = Rotation(BY, measured(slow, BY, 2), measured(again, 0, 3) if again else None)
    (found,) = find(POINT, [measured(slow)], verdict, places(spread), rotation=rotation)
    return found


def test_servers_that_stay_slow_are_to_blame() -> None:
    found = look(lambda _generator, server: 2.0 if server // EACH == 5 else 1.0)
    assert set(found.rotated) == {Whose.SERVERS}
    told = all_sentences([found])
    assert told[1] == (
        "Loaded by other generators, these servers are as bad, and their generators are not at other servers:"
        " the servers are to blame."
    )
    assert not any("may be either" in sentence for sentence in told)


def test_generators_that_stay_slow_are_to_blame() -> None:
    found = look(lambda generator, _server: 2.0 if generator // EACH == 5 else 1.0)
    assert set(found.rotated) == {Whose.GENERATORS}
    assert "the generators are to blame." in all_sentences([found])[1]


def test_both_are_both() -> None:
    found = look(lambda generator, server: 2.0 if 5 in (generator // EACH, server // EACH) else 1.0)
    assert set(found.rotated) == {Whose.BOTH}


def cut(generator: int, server: int) -> float:
    return 3.0 if (generator, server) == (7, 7) else 1.0


def test_a_slow_way_is_told_once_it_is_there_again() -> None:
    assert look(cut).rotated == (Whose.NEITHER,)
    assert look(cut, again=cut).rotated == (Whose.WAY,)
    told = all_sentences([look(cut, again=cut)])
    assert told[0].startswith("Server server-7 (host c2): ")
    assert told[1] == (
        "With other partners, neither this server is bad nor its generator is, and paired as before they are:"
        " it is the way between them."
    )


def test_what_passed_meanwhile_is_nobodys() -> None:
    assert look(cut, again=lambda _generator, _server: 1.0).rotated == (Whose.PASSED,)


def test_a_run_that_is_not_to_be_believed_is_told_of() -> None:
    verdict = Verdict(Outcome.FAIL, (LATENCY,), (), 0.95)
    why = "1 of 24 generators is missing: client-7 (no answer)."

    def told(slow: Slowness, rotation: Rotation) -> list[str]:
        return all_sentences(find(POINT, [measured(slow)], verdict, places(), rotation=rotation))

    host: Slowness = lambda generator, _server: 2.0 if generator // EACH == 5 else 1.0  # noqa: E731
    assert told(host, Rotation(BY, None, doubts=(why,)))[2:] == [
        "These servers are loaded from these generators, so that it may be either, or the way between.",
        f"The run with other generators, which would tell, was not valid: {why}",
    ]
    assert told(cut, Rotation(BY, measured(cut, BY, 2), doubts=(why,)))[1:] == [
        "With other partners, neither this server is bad nor its generator is: it is the way between them,"
        " or it has passed.",
        f"The run with the same generators again, which would tell, was not valid: {why}",
    ]
    assert "not valid" not in " ".join(told(lambda *_: 1.0, Rotation(BY, None, doubts=(why,))))


def test_what_is_in_between_is_not_told() -> None:
    """Half as slow as before is neither here nor there."""
    half = measured(lambda _generator, server: 1.41 if server // EACH == 5 else 1.0, BY, 2)
    verdict = Verdict(Outcome.FAIL, (LATENCY,), (), 0.95)
    first = measured(lambda _generator, server: 2.0 if server // EACH == 5 else 1.0)
    (found,) = find(POINT, [first], verdict, places(), rotation=Rotation(BY, half))
    assert set(found.rotated) == {Whose.UNTOLD}
    assert all_sentences([found])[1].startswith("A run with other partners did not tell whether it is the")


@pytest.mark.parametrize("seed", range(20))
def test_it_seldom_errs(seed: int) -> None:
    """Of a host x1.3 with usual differences of 5 %."""

    def slow(_generator: int, server: int) -> float:
        return 1.3 if server // EACH == 5 else 1.0

    verdict = Verdict(Outcome.FAIL, (LATENCY,), (), 0.95)
    rotation = Rotation(BY, measured(slow, BY, 1000 + seed))
    (found,) = find(POINT, [measured(slow, seed=seed)], verdict, places(True), rotation=rotation)
    assert set(found.rotated) <= {Whose.SERVERS, Whose.UNTOLD}


def test_generators_are_turned_to_another_host() -> None:
    agents = list(places())
    assert shift(agents, places()) == EACH
    around = {
        agent: replace(place, host=f"c{number % 4}") for number, (agent, place) in enumerate(places().items())
    }
    assert shift(agents, around) == 1
    alone = {agent: replace(place, host="c0") for agent, place in places().items()}
    assert shift(agents, alone) == 0
    assert shift(agents[:1], places()) == 0
    assert turned(agents, 3)["client-23"] == "client-2"
