"""Settings for the project's own tests alone; a user's load run must not fail on a library's warning."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import Any

import pytest

LEFT_OUT = pytest.StashKey[dict[str, str]]()
"""Why each test was left out, by its id: what it needs that only root can have, or that it is long."""

LONG = "long"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("filterwarnings", "error")
    config.stash[LEFT_OUT] = {}
    # A shell starts background jobs with SIGINT ignored, and every process here would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Nobody takes a test for passed that could not run."""
    if os.geteuid() != 0 and (what := needed_of_root(item)):
        pytest.fail(f"Only root can have {what}: leave it out by -m 'not root_only'.", pytrace=False)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if os.geteuid() != 0 and (what := needed_of_root(item)):
            item.config.stash[LEFT_OUT][item.nodeid] = f"only root can have {what}"
        elif item.get_closest_marker("nightly"):
            item.config.stash[LEFT_OUT][item.nodeid] = LONG


def pytest_sessionfinish(session: pytest.Session) -> None:
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["left_out"] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What an xdist worker left out: the controller collects nothing itself."""
    node.config.stash[LEFT_OUT].update(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash[LEFT_OUT]
    if not left_out:
        return
    terminalreporter.section(f"left out: {len(left_out)}")
    for test, why in sorted(left_out.items(), key=lambda each: (each[1], each[0])):
        if why != LONG:
            terminalreporter.line(f"{why}: {test}")
    if long := sum(why == LONG for why in left_out.values()):
        terminalreporter.line(
            f"{long} that show again, by other ways, what shorter ones show: `make slow` runs them"
        )


def needed_of_root(item: pytest.Item) -> str:
    """What only root can have of all that a test needs; "" for nothing."""
    marker = item.get_closest_marker("root_only")
    return str(marker.args[0]) if marker else ""
