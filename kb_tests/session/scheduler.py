"""Under xdist: all tests of one cloud go to one worker, whatever --dist says, so that no cloud carries two
loads at a time and each topology is staged once. Clouds run in parallel; other tests go where there is room.
Two entries of clouds.yaml may be one cloud (`places`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from kb_tests.session.courier import refusals, unpacked
from kb_tests.session.places import places
from kb_tests.session.selection import Load, Selection

_CLOUD = "cloud:"


class CloudScheduling(LoadScopeScheduling):
    """LoadScopeScheduling in which a scope is a cloud, and a cloud whose worker crashed is given up.

    `select` is told what the tests of a worker load; `refuse` is given what all of them load before the first
    one begins, and may end the session.
    """

    def __init__(
        self,
        config: pytest.Config,
        log: Producer,
        selection: Selection,
        select: Callable[[Mapping[str, Load]], None],
        refuse: Callable[[Iterable[Load]], None],
    ) -> None:
        super().__init__(config, log)
        self._selection = selection
        self._select = select
        self._refuse = refuse
        self._loads: dict[str, Load] = {}
        self._places: Mapping[str, str] = {}

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """Take the tests that a worker has collected, and what they load."""
        if said := refusals(collection):
            raise pytest.UsageError("\n".join(said))
        ids, loads = unpacked(self._selection, collection)
        self._loads |= loads
        self._select(loads)
        super().add_node_collection(node, ids)

    def schedule(self) -> None:
        """Begin, unless what was asked for cannot work."""
        if self.collection is None:
            self._refuse(self._loads.values())
            self._places = places(load.target.cloud for load in self._loads.values())
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        load = self._loads.get(nodeid)
        return nodeid if load is None else _CLOUD + self._places[load.target.cloud]

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

    def mark_test_pending(self, item: str) -> None:
        """Nothing to do where pytest-rerunfailures asks for a test that crashed its worker to run again: one
        that loads no cloud is in the queue already, and a cloud is given up.
        """
