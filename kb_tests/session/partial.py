"""Sessions that run less than their scenarios have: points named by their ids, staging alone, and an end
after the point that runs, asked for by whoever follows the session.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kb_tests.events import finishing
from kb_tests.events.model import Stopping
from kb_tests.session.keys import BUS, EVENTS, SELECTION
from kb_tests.session.selection import Selection

STAGED_ONLY = "Only staged: no point was to run."
ASKED_TO_END = "asked to end after the point before"


def chosen(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the points that --kb-point does not name; raises UsageError for an id that is none."""
    wanted: Sequence[str] = config.getoption("kb_point")
    if not wanted:
        return
    selection = config.stash[SELECTION]
    known = {entry.point.id for entry in selection.points}
    if missing := [name for name in dict.fromkeys(wanted) if name not in known]:
        raise pytest.UsageError(
            f"--kb-point: no scenario of this session has {', '.join(missing)}; `kb plan` counts the points, "
            "and --collect-only lists them."
        )
    left_out = [item for item in items if not _is_one_of(selection, item, wanted)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def _is_one_of(selection: Selection, item: pytest.Item, wanted: Sequence[str]) -> bool:
    load = selection.load_of(item)
    return load is None or load.selected is None or load.selected.point.id in wanted


def keeps(config: pytest.Config) -> bool:
    """Whether what is staged outlives the session."""
    return bool(config.getoption("kb_keep") or stages_only(config))


def stages_only(config: pytest.Config) -> bool:
    """Whether nothing is to be loaded."""
    return bool(config.getoption("kb_stage_only"))


class Partial:
    """A plugin of every process that runs tests."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._told = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin nothing more in a session that was asked to end. Workers of xdist go on to their own ends:
        one that is told to stop has ten seconds, and a topology takes longer to remove.
        """
        if self._config.stash[SELECTION].load_of(item) is None or not asked_to_end(self._config):
            return
        if not self._told:
            self._told = True
            self._config.stash[BUS].put(Stopping(text=ASKED_TO_END))
        pytest.skip(ASKED_TO_END)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> None:
        """Load nothing of what was only to be staged."""
        if stages_only(self._config) and self._config.stash[SELECTION].load_of(pyfuncitem) is not None:
            pytest.skip(STAGED_ONLY)


def asked_to_end(config: pytest.Config) -> bool:
    """Whether somebody asked for the session's end after its point."""
    return finishing.requested(config.stash.get(EVENTS, None))
