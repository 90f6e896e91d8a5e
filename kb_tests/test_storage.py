"""Storage load: every test is one fio profile at one scale."""

from __future__ import annotations

from kb_tests.scenario.storage import StoragePoint
from kb_tests.session.storage.runner import StorageRunner


def test_storage_load(kb_storage: StorageRunner, kb_point: StoragePoint) -> None:
    """The cloud keeps the scenario's SLA with this profile at this scale."""
    kb_storage.check_sla(kb_point)
