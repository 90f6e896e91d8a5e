"""A session's plugin (`-p tests.neighbours.first_attempt`): its first test finds the cloud in a bad moment.

The link of the HTTP server carries less than is asked of it until that test has ended, so that its SLA is
broken, and that of every later attempt is not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient

STATE = "KB_NEIGHBOURS_STATE"
"""Environment: the state folder of the local cloud."""

_TOO_LITTLE = 50_000
"""bit/s; the point needs ten times as much."""

_began: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Harm the server while the first test of this process runs."""
    first = not _began
    _began.append(item.nodeid)
    if not first:
        return (yield)
    running = control.status(Path(os.environ[STATE]))
    assert running is not None
    admin = AdminClient(running)
    admin.harm_servers("-server-", "link", rate=_TOO_LITTLE)
    try:
        return (yield)
    finally:
        admin.end_harms()
