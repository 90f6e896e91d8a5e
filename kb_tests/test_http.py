"""HTTP load: every test is one rate at one scale."""

from __future__ import annotations

from kb_tests.scenario.http import HttpPoint
from kb_tests.session.http.runner import HttpRunner


def test_http_load(kb_http: HttpRunner, kb_point: HttpPoint) -> None:
    """The cloud keeps the scenario's SLA at this rate and scale."""
    kb_http.check_sla(kb_point)
