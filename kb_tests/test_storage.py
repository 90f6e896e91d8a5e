"""Storage load: every test is one fio profile at one scale, or one search for how far it goes."""

from __future__ import annotations

from kb_tests.scenario.storage import StoragePoint
from kb_tests.session.storage.runner import StorageRunner


def test_storage_load(kb_storage: StorageRunner, kb_point: StoragePoint) -> None:
    """The cloud keeps the scenario's SLA with this profile at this scale."""
    kb_storage.check_sla(kb_point)


def test_storage_capacity(kb_storage: StorageRunner, kb_search: StoragePoint) -> None:
    """A search finds how much load keeps the scenario's SLA, and that is as much as it asks for."""
    kb_storage.check_capacity(kb_search)
