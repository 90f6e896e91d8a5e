"""All ways to answer wrongly that we know, each at length and alone; and all that are right."""

from __future__ import annotations

import pytest

from kb_tests.sla.verdict import Outcome
from tests.functional.agent import judged
from tests.functional.agent.wrong import RIGHT, WRONG, WRONG_TOO

POINT = judged.point(rate=200, connections=10, duration=8)


@pytest.mark.parametrize("name", WRONG | WRONG_TOO)
def test_a_server_that_answers_wrongly_is_red(name: str) -> None:
    verdict = judged.verdicts({name: ((WRONG | WRONG_TOO)[name], POINT)})[name]
    assert verdict.outcome is Outcome.FAIL, verdict


@pytest.mark.parametrize("name", RIGHT)
def test_a_true_server_is_green(name: str) -> None:
    verdict = judged.verdicts({name: (RIGHT[name], POINT)})[name]
    assert verdict.outcome is Outcome.PASS, verdict
