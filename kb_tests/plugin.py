"""The pytest face of the suite: options and hooks. All else is in `session/` and `fixtures.py`."""

from __future__ import annotations

import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from kb_tests.errors import ScenarioError
from kb_tests.fixtures import kb_cloud, kb_fleet, kb_http, kb_scenario, kb_storage, kb_topology
from kb_tests.session.controller import Controller
from kb_tests.session.keys import OUTBOX, RUN_IDS, SELECTION
from kb_tests.session.outbox import Outbox
from kb_tests.session.run import Run
from kb_tests.session.selection import Selection

__all__ = ["kb_cloud", "kb_fleet", "kb_http", "kb_scenario", "kb_storage", "kb_topology"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The suite's options."""
    group = parser.getgroup("kb", "OpenStack load tests (kb_tests)")
    group.addoption(
        "--kb-cloud",
        action="append",
        default=[],
        metavar="NAME",
        help="cloud of clouds.yaml to load; several run in parallel under -n. Default: an embedded local "
        "cloud, started and stopped by the suite",
    )
    group.addoption(
        "--kb-testing-cloud",
        default=None,
        metavar="NAME",
        help="cloud for the traffic generators, when they are to load --kb-cloud from outside",
    )
    group.addoption(
        "--kb-scenario",
        action="append",
        default=[],
        metavar="FILE",
        help="scenario file, or name of a shipped one; may be repeated. Default: http-east-west, and "
        "demo-http on the local cloud",
    )
    group.addoption(
        "--kb-inconclusive",
        choices=("fail", "pass"),
        default="fail",
        help="what a point whose sample cannot decide does to the exit code: fail (10, the default) or pass",
    )
    group.addoption("--kb-keep", action="store_true", help="leave what was staged; end it with `kb cleanup`")
    group.addoption(
        "--kb-reports", default="reports", metavar="DIR", help="where records go (default: reports)"
    )
    group.addoption(
        "--kb-image", default="kb-node", metavar="NAME", help="image of all servers (default: kb-node)"
    )
    group.addoption(
        "--kb-flavor", default="", metavar="NAME", help="existing flavor in place of one made for the run"
    )
    group.addoption(
        "--kb-external-network",
        default="",
        metavar="NAME",
        help="external network of the proxy's floating IP",
    )
    group.addoption(
        "--kb-ssh-proxy-command",
        default="",
        metavar="COMMAND",
        help="way to the proxy past a bastion, as ssh's ProxyCommand: 'ssh -W %%h:%%p bastion'",
    )
    group.addoption(
        "--kb-max-servers",
        type=int,
        default=None,
        metavar="N",
        help="refuse scenarios of more servers than this",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read the scenarios, so that a mistake in one stops everything before it began."""
    if config.getoption("kb_testing_cloud"):
        raise pytest.UsageError("--kb-testing-cloud is kept for loads between two clouds, which come later.")
    try:
        selection = Selection.read(config.getoption("kb_cloud"), config.getoption("kb_scenario"))
    except ScenarioError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[SELECTION] = selection
    config.stash[OUTBOX] = Outbox()
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        config.stash[RUN_IDS] = worker["kb_run_ids"]
    else:
        run = Run(selection, Path(config.getoption("kb_reports")))
        config.stash[RUN_IDS] = run.ids
        config.pluginmanager.register(Controller(config, run), "kb_controller")
    # openstacksdk announces its own changes to whoever calls it; an operator cannot act on that.
    config.addinivalue_line("filterwarnings", r"ignore:::openstack\.")
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end_like_an_interrupt)


def _end_like_an_interrupt(number: int, _frame: object) -> None:
    """A cancelled pipeline sends SIGTERM; pytest would die of it with everything still staged."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.Signals(number).name)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each point."""
    metafunc.config.stash[SELECTION].parametrize(metafunc)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order points by topology, then scale and rate."""
    config.stash[SELECTION].order(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let what happened travel with the report: under xdist the records are written elsewhere."""
    report = yield
    vars(report)["kb_events"] = item.config.stash[OUTBOX].drain()
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what happened after the last report: the teardown of an interrupted session."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["kb_events"] = session.config.stash[OUTBOX].drain()
