"""Where the session's state stands in `config.stash` and `item.stash`."""

from __future__ import annotations

import pytest

from kb_tests.session.outbox import Outbox
from kb_tests.session.selection import Selection

SELECTION = pytest.StashKey[Selection]()
OUTBOX = pytest.StashKey[Outbox]()
RUN_IDS = pytest.StashKey[list[str]]()
"""The run id of each target of the selection, the same in all processes of the session."""
