"""HTTP load: every test is one rate at one scale, or one search for how far it goes."""

from __future__ import annotations

from kb_tests.scenario.http import HttpPoint
from kb_tests.session.http.runner import HttpRunner


def test_http_load(kb_http: HttpRunner, kb_point: HttpPoint) -> None:
    """The cloud keeps the scenario's SLA at this rate and scale."""
    kb_http.check_sla(kb_point)


def test_http_capacity(kb_http: HttpRunner, kb_search: HttpPoint) -> None:
    """A search finds how much load keeps the scenario's SLA, and that is as much as it asks for."""
    kb_http.check_capacity(kb_search)
