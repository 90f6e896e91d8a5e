"""The operations of the REST API, by what they are about: a file here and a name below add some."""

from __future__ import annotations

from kb_tests.web.operations import Operation
from kb_tests.web.routes import about, clouds, comparison, exports, kept, runs, scenarios, sessions

OPERATIONS: tuple[Operation, ...] = (
    *about.OPERATIONS,
    *scenarios.OPERATIONS,
    *clouds.OPERATIONS,
    *kept.OPERATIONS,
    *runs.OPERATIONS,
    *comparison.OPERATIONS,
    *exports.OPERATIONS,
    *sessions.OPERATIONS,
)
