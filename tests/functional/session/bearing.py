"""A pytest plugin for sessions that are not about their instruments: no point is invalid for want of a CPU.

The tests share a busy machine, on which generators start and send late. What instruments may be off by has no
limit here, so that a verdict is by the SLA alone. That these limits hold is shown by `test_red_instruments`
and in tests/unit/measure.
"""

from __future__ import annotations

import math

from kb_tests.measure.http import validity as http
from kb_tests.measure.storage import validity as storage


def pytest_configure() -> None:
    """In every process of the session: xdist's workers load it too."""
    for module, names in (
        (http, ("CPU", "SHIFT_AT_MOST", "SHIFT_SHARE", "LAG_AT_LEAST", "LAG_WITHOUT_LIMIT")),
        (storage, ("CPU", "SHIFT_AT_MOST", "SHIFT_SHARE", "WAITING")),
    ):
        for name in names:
            assert isinstance(getattr(module, name), float)
            setattr(module, name, math.inf)
