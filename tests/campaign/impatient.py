"""A pytest plugin for the runs of a campaign: the suite's patience, made shorter by a factor of ten and more.

Nothing else of the suite is changed. Given by `-p`, so that xdist's workers load it too.
"""

from __future__ import annotations

from kb_tests.fleet import channel, fleet
from kb_tests.session import journaling

journaling.TEARDOWN_DEADLINE = 20.0
fleet.GRACE = 3.0
fleet.PREPARE_TIMEOUT = 10.0
channel.PATIENCE = 6.0
