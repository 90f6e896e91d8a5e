"""Web servers that answer wrongly are red from outside, whatever the way, and a true one is green."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from kb_tests.sla.verdict import Outcome, Verdict
from tests.functional.agent import judged
from tests.functional.agent.wrong import RIGHT, WRONG

KEYS = {
    "short": "length",
    "long": "length",
    "empty": "length",
    "other content": "content",
    "redirect": "redirect",
    "204": "status",
    "cut off": "truncated",
    "one bad in twenty": "length",
    "accept, then silence": "unsent",
}
"""What the errors are called."""

FEW, MANY = (judged.point(rate=rate, connections=10, duration=5) for rate in (20, 120))
"""It takes more requests to show that errors are under 1 %, or 5 %, than that nothing is right."""

PATIENT = judged.point(rate=120, connections=10, duration=5, timeout=20)
"""Of what is to be right, on a busy machine too."""


@pytest.fixture(scope="module")
def verdicts() -> Mapping[str, Verdict]:
    points = dict.fromkeys(WRONG, FEW) | {"one bad in twenty": MANY, "true": PATIENT}
    servers = WRONG | {"true": RIGHT["with a length"]}
    return judged.verdicts({name: (serve, points[name]) for name, serve in servers.items()})


@pytest.mark.parametrize("name", WRONG)
def test_a_server_that_answers_wrongly_is_red(verdicts: Mapping[str, Verdict], name: str) -> None:
    verdict = verdicts[name]
    checks = {check.name: check for check in verdict.checks}
    # A busy machine may make the generator late, which spoils no pass, and makes of a fail an invalid point.
    assert verdict.outcome in (Outcome.FAIL, Outcome.INVALID), checks
    assert all("sent too late" in reason for reason in verdict.reasons)
    assert Outcome.FAIL in (checks["errors"].outcome, checks["connections"].outcome)
    assert KEYS.get(name, "") in checks["errors"].detail


def test_connections_that_are_few_are_what_is_wrong(verdicts: Mapping[str, Verdict]) -> None:
    checks = {check.name: check for check in verdicts["few connections"].checks}
    assert checks["connections"].outcome is Outcome.FAIL
    assert checks["connections"].value <= 0.5


def test_a_true_server_is_green(verdicts: Mapping[str, Verdict]) -> None:
    verdict = verdicts["true"]
    assert verdict.outcome is Outcome.PASS, verdict
