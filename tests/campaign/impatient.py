"""A pytest plugin for the runs of a campaign: the suite's patience, made shorter by a factor of ten and more.

Nothing else of the suite is changed. Given by `-p`, so that xdist's workers load it too.
"""

from __future__ import annotations

import pytest

from kb_tests.fleet import patience as fleet
from kb_tests.session.patience import PATIENCE, Patience


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is staged."""
    waits = fleet.Patience(late=3.0, prepare=10.0, reconnect=6.0)
    config.stash[PATIENCE] = Patience(teardown=20.0, fleet=waits)
