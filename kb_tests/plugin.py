"""The pytest face of the suite: options and hooks. All else is in `session/` and `fixtures.py`.

pytest loads it in every session of whoever installed the suite; a session that loads no cloud pays for no
more than this file.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from kb_tests.fixtures import kb_against, kb_cloud, kb_fleet, kb_http, kb_scenario, kb_storage, kb_topology
from kb_tests.session import options
from kb_tests.session.keys import ATTEMPTS, CHECKS, OUTBOX, SELECTION, UNNAMED

__all__ = ["kb_against", "kb_cloud", "kb_fleet", "kb_http", "kb_scenario", "kb_storage", "kb_topology"]

_PACKAGE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """The suite's options."""
    options.add(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read the scenarios, so that a mistake in one stops everything before it began."""
    named = ("kb_cloud", "kb_testing_cloud", "kb_scenario", "kb_set")
    if any(map(config.getoption, named)) or _runs_our_tests(config):
        _activate(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Our own test files, where an ini's python_files has another pattern for somebody's own."""
    if file_path.parent != _PACKAGE or not file_path.match("test_*.py"):
        return None
    patterns = parent.config.getini("python_files")
    if parent.session.isinitpath(file_path) or any(map(file_path.match, patterns)):
        return None
    made: pytest.Collector | None = parent.ihook.pytest_pycollect_makemodule(
        module_path=file_path, parent=parent
    )
    return made


def _runs_our_tests(config: pytest.Config) -> bool:
    named = [arg.partition("::")[0] for arg in config.args]
    if config.option.pyargs and any(name.partition(".")[0] == _PACKAGE.name for name in named):
        return True
    paths = [Path(name).resolve() for name in named]
    return any(path == _PACKAGE or _PACKAGE in path.parents for path in paths)


def _activate(config: pytest.Config) -> None:
    from kb_tests.session.activation import activate

    activate(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each point. Somebody's own test may be the first to ask for a cloud."""
    if "kb_scenario" in metafunc.fixturenames:
        _activate(metafunc.config)
        metafunc.config.stash[SELECTION].parametrize(metafunc)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order points by topology, then scale and rate."""
    if SELECTION in config.stash:
        from kb_tests.session import partial

        idle = config.stash[SELECTION].order(items)
        partial.chosen(config, items)
        config.stash[CHECKS] = config.stash[SELECTION].number_of_checks(items)
        if idle:
            _leave_out(config, items, idle)


def _leave_out(config: pytest.Config, items: Sequence[pytest.Item], idle: Sequence[pytest.Item]) -> None:
    """Tests of a kind of load of which no scenario was named; UsageError where that is a mistake."""
    from kb_tests.session import unnamed

    selection = config.stash[SELECTION]
    said = unnamed.sentences(selection, idle, alone=not any(map(selection.load_of, items)))
    if said and not hasattr(config, "workerinput"):
        raise pytest.UsageError("\n".join(said))
    config.stash[UNNAMED] = said
    config.hook.pytest_deselected(items=idle)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """An attempt at a test begins."""
    if ATTEMPTS in item.config.stash:
        item.config.stash[ATTEMPTS].begin(item.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let every attempt at a test count, whatever another plugin makes of it."""
    report = yield
    if ATTEMPTS in item.config.stash:
        from kb_tests.session.attempts import account

        account(item, report, call.excinfo)
    return report


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Hand over what happened after the last report: the teardown of an interrupted session."""
    output = getattr(session.config, "workeroutput", None)
    if output is None or OUTBOX not in session.config.stash:
        yield
        return
    from kb_tests.session.sentences import survived

    with survived(session.config, "A worker did not end properly"):
        yield
    output["kb_events"] = session.config.stash[OUTBOX].drain()
    output["kb_untold"] = session.config.stash[ATTEMPTS].untold()
