"""A fleet's patience with agents that share a busy machine with other tests."""

from __future__ import annotations

from kb_tests.fleet.patience import Patience
from tests.waiting import PATIENCE

PATIENT = Patience(
    reconnect=PATIENCE,
    enroll=PATIENCE,
    serve=PATIENCE,
    prepare=PATIENCE,
    fill=PATIENCE,
    late=PATIENCE,
    signs=PATIENCE,
)
