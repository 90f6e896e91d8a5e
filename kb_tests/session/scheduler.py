"""Under xdist: all tests of one cloud go to one worker, whatever --dist says, so that no cloud carries two
loads at a time and each topology is staged once. Clouds run in parallel; other tests go where there is room.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from kb_tests.session.selection import Selection

_CLOUD = "cloud:"


class CloudScheduling(LoadScopeScheduling):
    """LoadScopeScheduling in which a scope is a cloud, and a cloud whose worker crashed is given up."""

    def __init__(self, config: pytest.Config, log: Producer, selection: Selection) -> None:
        super().__init__(config, log)
        self._selection = selection

    def _split_scope(self, nodeid: str) -> str:
        cloud = self._selection.cloud_of_nodeid(nodeid)
        return nodeid if cloud is None else _CLOUD + cloud

    def remove_node(self, node: WorkerController) -> str | None:
        """Forget `node`; returns the test it was running.

        LoadScopeScheduling would give its tests to another worker. On a cloud that may still be loaded by
        what the dead worker left, no number would be true.
        """
        workload = self.assigned_work[node]
        pending = [nodeid for unit in workload.values() for nodeid, done in unit.items() if not done]
        for scope in [scope for scope in workload if scope.startswith(_CLOUD)]:
            del workload[scope]
        super().remove_node(node)
        return pending[0] if pending else None
