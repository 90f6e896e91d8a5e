"""Where the session's state stands in `config.stash`; it is there once the session is active."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from kb_tests.events.bus import Bus
    from kb_tests.session.attempts import Attempts
    from kb_tests.session.baseline import Baseline
    from kb_tests.session.interrupts import Interrupts
    from kb_tests.session.outbox import Outbox
    from kb_tests.session.progression import Progression
    from kb_tests.session.selection import Selection
    from kb_tests.session.stagings import Stagings

SELECTION: pytest.StashKey[Selection] = pytest.StashKey()
BUS: pytest.StashKey[Bus] = pytest.StashKey()
OUTBOX: pytest.StashKey[Outbox] = pytest.StashKey()
PROGRESSION: pytest.StashKey[Progression] = pytest.StashKey()
INTERRUPTS: pytest.StashKey[Interrupts] = pytest.StashKey()
ATTEMPTS: pytest.StashKey[Attempts] = pytest.StashKey()
RECORDS: pytest.StashKey[dict[str, Path]] = pytest.StashKey()
"""Where the record of each cloud is, by its name."""

STAGINGS: pytest.StashKey[Stagings] = pytest.StashKey()
UNNAMED: pytest.StashKey[list[str]] = pytest.StashKey()
"""What an xdist worker has to say of tests that ask for a scenario which nobody named."""
STAGED: pytest.StashKey[bool] = pytest.StashKey()
"""There once this process has staged something."""
EVENTS: pytest.StashKey[Path | None] = pytest.StashKey()
"""The folder of the session's events; None where nobody can follow it."""
BASELINE: pytest.StashKey[Baseline] = pytest.StashKey()
"""What points are held against; not there where nobody named it."""
CHECKS: pytest.StashKey[int] = pytest.StashKey()
"""How many checks the session makes, which share the error probability that its confidence leaves."""
