"""What is said of a point that broke its SLA, from what its agents measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from kb_tests.culprits.find import find
from kb_tests.culprits.places import Place
from kb_tests.culprits.words import all_sentences
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Block, Counts, GeneratorFacts, HttpMeasurement
from kb_tests.sla.verdict import Check, Outcome, Verdict
from tests.unit.report import build

HOSTS, EACH, SECONDS, RATE = 8, 3, 24, 100
LATENCY = Check("latency p99", Outcome.FAIL, 0.12, 0.05, "s", 0.1, 0.2, True, "Over.")
ERRORS = Check("errors", Outcome.FAIL, 0.02, 0.001, "", 0.01, 0.03, True, "Over.")
ASKED = build.point(clients=HOSTS * EACH, rate=RATE, duration=SECONDS)

Slowness = Callable[[int, int], float]


def measured(
    slow: Slowness = lambda host, second: 1.0, bad: Slowness = lambda host, second: 0.0
) -> HttpMeasurement:
    """`slow(host, second)` times as slow, a share of `bad` of them fails."""
    random = np.random.default_rng(3)
    agents, blocks = [], []
    for number in range(HOSTS * EACH):
        host, of_agent = number // EACH, []
        for second in range(SECONDS):
            times = (
                0.01 * slow(host, second) * np.exp(0.5 * random.normal(size=RATE) + 0.05 * random.normal())
            )
            failed = int(random.binomial(RATE, bad(host, second)))
            counts = Counts(RATE, RATE, RATE - failed, errors={"connect": failed} if failed else {})
            response = Histogram.of(times[: RATE - failed])
            of_agent.append(Block(f"client-{number}", float(second), 1.0, counts, response, response))
        blocks += of_agent
        total = sum(block.counts.completed for block in of_agent)
        due = RATE * SECONDS
        counts = Counts(due, due, total, errors={"connect": due - total} if due > total else {})
        response = Histogram.merged(block.response for block in of_agent)
        facts = GeneratorFacts(
            f"client-{number}",
            "",
            counts,
            response,
            0.0,
            lag_p99=0.0,
            lag_max=0.0,
            cpu=0.1,
            skew=0.0,
            saturated=False,
        )
        agents.append(facts)
    whole = build.measurement(ASKED)
    return replace(whole, agents=tuple(agents), blocks=tuple(blocks), duration=float(SECONDS))


def places(makers: Callable[[int], int] = lambda number: number % HOSTS) -> dict[str, Place]:
    return {
        f"client-{number}": Place(
            f"server-{number}", f"c{number // EACH}", "nova", f"g{makers(number)}", "nova"
        )
        for number in range(HOSTS * EACH)
    }


def told(found: HttpMeasurement, check: Check = LATENCY, where: dict[str, Place] | None = None) -> list[str]:
    verdict = Verdict(Outcome.FAIL, (check,), (), 0.95)
    return all_sentences(find(ASKED, [found], verdict, places() if where is None else where))


def test_a_slow_host_its_cost_and_its_begin_are_told() -> None:
    found = told(measured(lambda host, second: 4.0 if host == 5 and second >= 12 else 1.0))
    assert found[0].startswith("Host c5 with 3 servers: p99 of response time is ")
    assert found[1].startswith("Without host c5 p99 of response time would be 3")
    assert found[2] == "It began in second 12 of the window."
    assert len(found) == 3


def test_what_was_slow_from_the_begin_on_has_none() -> None:
    found = told(measured(lambda host, _: 4.0 if host == 5 else 1.0))
    assert not any("began" in sentence for sentence in found)


def test_a_generators_host_is_told_from_the_servers() -> None:
    """Generators on g2 load servers on three hosts."""
    (first, *_) = told(measured(), replace(LATENCY, limit=0.02))
    assert first == "No server, host or zone stands out in p99 of response time (24 servers, 8 hosts)."
    random_slow = measured()
    by_maker = [
        replace(agent, response=_slower(agent.response, 4.0)) if number % HOSTS == 2 else agent
        for number, agent in enumerate(random_slow.agents)
    ]
    (first, *_) = told(replace(random_slow, agents=tuple(by_maker)), replace(LATENCY, limit=0.02))
    assert first.startswith("Host g2 with 3 servers, by its generators: p99 of response time is 3.9 times")


def _slower(response: Histogram, times: float) -> Histogram:
    percents = (np.arange(RATE * SECONDS) + 0.5) / (RATE * SECONDS / 100)
    return Histogram.of(np.array([response.percentile(percent) for percent in percents]) * times)


def test_one_slow_way_is_not_its_generators_host_s_where_that_has_two() -> None:
    slow = measured()
    agents = tuple(
        replace(agent, response=_slower(agent.response, 4.0)) if number == 10 else agent
        for number, agent in enumerate(slow.agents)
    )
    limit = replace(LATENCY, limit=0.02)
    found = told(replace(slow, agents=agents), limit, places(lambda number: number // 2))
    assert found[0].startswith("Server server-10 (host c3): ")
    assert not any("generators" in sentence for sentence in found)
    two_each = {
        agent: replace(place, host=f"c{number // 2}")
        for number, (agent, place) in enumerate(places().items())
    }
    found = told(replace(slow, agents=agents), limit, two_each)
    assert found[0].startswith(
        "Host c5, or server server-10, the only slow one of 2 on it: p99 of response time"
    )
    assert found[-1].startswith("Without server server-10 ") or "Without" not in found[-1]


def test_the_same_ways_may_be_either() -> None:
    found = told(
        measured(lambda host, _: 4.0 if host == 5 else 1.0), where=places(lambda number: number // EACH)
    )
    assert found[0].startswith("Host c5")
    assert found[1].startswith("Host g5 with 3 servers, by its generators")
    assert found[2] == (
        "These servers are loaded from these generators, so that it may be either, or the way between."
    )


def test_a_host_that_is_slow_as_server_and_as_generator_is_said_to_be_both() -> None:
    """Generators on c5 load servers of three others: neither sentence alone says that it is the host."""
    where = {agent: replace(place, maker=place.maker.replace("g", "c")) for agent, place in places().items()}
    slow = measured(lambda host, _: 4.0 if host == 5 else 1.0)
    agents = tuple(
        replace(agent, response=_slower(agent.response, 4.0)) if number % HOSTS == 5 else agent
        for number, agent in enumerate(slow.agents)
    )
    found = told(replace(slow, agents=agents), replace(LATENCY, limit=0.02), where)
    assert [sentence for sentence in found if "alike" in sentence] == [
        "Host c5 stands out by what its servers answer and by what its generators measure alike."
    ]
    alone = told(
        measured(lambda host, _: 4.0 if host == 5 else 1.0), where=places(lambda number: number // EACH)
    )
    assert "alike" not in " ".join(alone)


def test_failures_are_whose_they_are() -> None:
    found = told(measured(bad=lambda host, _: 0.2 if host == 3 else 0.0), ERRORS)
    assert found[0].startswith("Host c3 with 3 servers: error rate is 20")
    assert found[0].endswith("%; most others have none.")
    assert len(found) == 1


def test_a_dead_host_is_beyond_measure() -> None:
    found = told(measured(bad=lambda host, _: 1.0 if host == 3 else 0.0))
    assert found[0] == "Host c3 with 3 servers: p99 of response time is beyond all measure of the others'."


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ({}, "the hosts of 24 of 24 servers are not known: only some users are told"),
        (
            {f"client-{number}": Place("s", f"c{number % 3}", "") for number in range(HOSTS * EACH)},
            "its servers were on 3 hosts, and it takes 4 to tell one from the others",
        ),
    ],
)
def test_what_cannot_be_told_is_refused_in_a_sentence(where: dict[str, Place], why: str) -> None:
    assert told(measured(), where=where) == [f"Whose p99 of response time it is cannot be told: {why}."]


def test_too_few_slow_ones_tell_nothing() -> None:
    limit = replace(LATENCY, limit=10.0)
    (sentence,) = told(measured(), limit)
    assert sentence.endswith("0 stand against the limit, and it takes 100 to tell whose they are.")


def test_a_kept_limit_blames_nobody() -> None:
    kept = replace(LATENCY, outcome=Outcome.PASS)
    assert find(ASKED, [measured()], Verdict(Outcome.PASS, (kept,), (), 0.95), places()) == []


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.INCONCLUSIVE])
def test_limits_that_made_the_verdict_are_looked_at(outcome: Outcome) -> None:
    """What broke beside nothing else, and where nothing broke what its sample left undecided."""
    undecided = replace(LATENCY, outcome=Outcome.INCONCLUSIVE)
    broke = replace(ERRORS, outcome=outcome)
    found = find(ASKED, [measured()], Verdict(outcome, (undecided, broke), (), 0.95), places())
    assert [one.check for one in found] == [check for check in (undecided, broke) if check.outcome is outcome]


def test_what_is_not_valid_blames_nobody() -> None:
    verdict = Verdict(Outcome.INVALID, (LATENCY,), ("Late.",), 0.95)
    assert find(ASKED, [measured()], verdict, places()) == []


def test_who_keeps_the_limit_does_not_break_it() -> None:
    """Beside a host at eight times there is one at 1.4 times, which would keep the limit by itself."""
    slow = measured(lambda host, _: {5: 8.0, 2: 1.4}.get(host, 1.0))
    found = told(slow, replace(LATENCY, limit=0.06))
    assert found[0].startswith("Host c5 with 3 servers: ")
    assert not any("c2" in sentence for sentence in found)
    tighter = told(slow, replace(LATENCY, limit=0.02))
    assert any(sentence.startswith("Host c2 with 3 servers: ") for sentence in tighter)


def test_who_fails_less_than_is_allowed_is_not_to_blame_for_errors() -> None:
    bad = measured(bad=lambda host, _: {3: 0.3, 6: 0.02}.get(host, 0.002))
    assert not any("c6" in sentence for sentence in told(bad, replace(ERRORS, limit=0.03)))
    assert any("c6" in sentence for sentence in told(bad, replace(ERRORS, limit=0.01)))


def test_no_requests_at_all_are_no_traceback() -> None:
    found = measured()
    empty = Histogram.of(np.array([]))
    agents = tuple(replace(agent, counts=Counts(), response=empty) for agent in found.agents)
    assert told(replace(found, agents=agents, blocks=(), duration=math.nan))
