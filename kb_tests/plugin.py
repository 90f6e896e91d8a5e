"""The pytest face of the suite: options and hooks. All else is in `session/` and `fixtures.py`.

pytest loads it in every session of whoever installed the suite; a session that loads no cloud pays for no
more than this file.
"""

from __future__ import annotations

import argparse
from collections.abc import Generator
from pathlib import Path

import pytest

from kb_tests.fixtures import kb_cloud, kb_fleet, kb_http, kb_scenario, kb_storage, kb_topology
from kb_tests.session.keys import ATTEMPTS, CHECKS, OUTBOX, SELECTION

__all__ = ["kb_cloud", "kb_fleet", "kb_http", "kb_scenario", "kb_storage", "kb_topology"]

_PACKAGE = Path(__file__).parent


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
        default="",
        metavar="NAME",
        help="cloud for the traffic generators, which then load the floating IPs of --kb-cloud's servers",
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
    group.addoption(
        "--kb-keep",
        action="store_true",
        help="leave the staged topology for a day; `kb cleanup --run` ends it earlier",
    )
    group.addoption(
        "--kb-reuse",
        default="",
        metavar="RUN",
        help="load the topology that run RUN left by --kb-keep, and leave it again",
    )
    group.addoption(
        "--kb-reports", default="reports", metavar="DIR", help="where records go (default: reports)"
    )
    group.addoption(
        "--kb-image", default="kb-node", metavar="NAME", help="image of all servers (default: kb-node)"
    )
    group.addoption(
        "--kb-packages",
        action="store_true",
        help="servers install what their image lacks, such as nginx: for clouds that take no image of ours",
    )
    group.addoption(
        "--kb-nameserver",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="with --kb-packages, where the cloud's networks have no DNS of their own; may be repeated",
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
        "--kb-existing-project",
        action="store_true",
        help="stage in the project that clouds.yaml names, within its quotas, even where rights suffice for "
        "projects of the run's own",
    )
    group.addoption(
        "--kb-network",
        default="",
        metavar="NAME",
        help="existing network for the proxy and the generators or storage servers, used as it is; HTTP "
        "servers hang on its router",
    )
    group.addoption(
        "--kb-router",
        default="",
        metavar="NAME",
        help="existing router, used as it is, in place of one made for the run",
    )
    group.addoption(
        "--kb-no-floating-ip",
        action="store_true",
        help="reach the proxy at its fixed address, directly or by --kb-ssh-proxy-command",
    )
    group.addoption(
        "--kb-availability-zone",
        default="",
        metavar="NAME",
        help="availability zone of all servers, and of their volumes where Cinder has one of that name",
    )
    group.addoption(
        "--kb-config-drive",
        action="store_true",
        help="give servers their user_data on a disk, for clouds without a metadata service",
    )
    group.addoption(
        "--kb-ssh-port",
        type=_port,
        default=None,
        metavar="PORT",
        help="where port 22 of the proxy is reached from here, if it is behind a port forward. Default: "
        "kb_ssh_port of the cloud in clouds.yaml, else 22",
    )
    group.addoption(
        "--kb-ssh-proxy-command",
        default="",
        metavar="COMMAND",
        help="way to the proxy past a bastion, as ssh's ProxyCommand: 'ssh -W %%h:%%p bastion'",
    )
    group.addoption(
        "--kb-build-timeout",
        type=_duration,
        default=None,
        metavar="DURATION",
        help="how long servers may take to become ACTIVE, and from then on until their agents are ready. "
        "Default: 15min and 5min, or 20min with --kb-packages",
    )
    group.addoption(
        "--kb-max-servers",
        type=int,
        default=None,
        metavar="N",
        help="refuse scenarios of more servers than this",
    )


def _port(text: str) -> int:
    """An option's port; ValueError makes pytest say what is wrong."""
    port = int(text)
    if not 0 < port < 65536:
        raise ValueError
    return port


def _duration(text: str) -> float:
    """An option's duration in seconds, such as "30min"."""
    from kb_tests.scenario.units import parse_duration

    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not seconds:
        raise argparse.ArgumentTypeError("no time at all is not allowed here")
    return seconds


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read the scenarios, so that a mistake in one stops everything before it began."""
    named = ("kb_cloud", "kb_testing_cloud", "kb_scenario")
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
        idle = config.stash[SELECTION].order(items)
        config.stash[CHECKS] = config.stash[SELECTION].number_of_checks(items)
        if idle:
            config.hook.pytest_deselected(items=idle)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """An attempt at a test begins."""
    if ATTEMPTS in item.config.stash:
        item.config.stash[ATTEMPTS].begin(item.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let every attempt at a test count, whatever another plugin makes of it."""
    report = yield
    if ATTEMPTS in item.config.stash:
        from kb_tests.session.attempts import account

        account(item, report)
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
