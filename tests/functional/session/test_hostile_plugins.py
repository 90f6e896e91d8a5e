"""No plugin beside us makes a broken SLA, or a test of one's own that failed, end with 0.

Nothing is staged: see `unstaged`.
"""

from __future__ import annotations

import pytest

from tests.functional.session.test_again import Session, session

__all__ = ["session"]

pytest_plugins = ["pytester"]

ENDS_WITH_0 = """
import pytest
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session):
    result = yield
    session.exitstatus = 0
    return result
"""

EXITS_WITH_0 = """
import pytest
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session):
    yield
    pytest.exit("done", returncode=0)
"""

STOPS_WITH_0 = """
import pytest
def pytest_runtest_logfinish(nodeid):
    pytest.exit("done", returncode=0)
"""

FORGES = """
import pytest
from _pytest.reports import TestReport
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item, call):
    return TestReport(item.nodeid, item.location, {}, "passed", None, call.when, [], call.duration)
"""

FORGES_LATER = """
import pytest
from _pytest.reports import TestReport
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    yield
    return TestReport(item.nodeid, item.location, {}, "passed", None, call.when, [], call.duration)
"""

KEEPS_REPORTS = """
from _pytest.runner import runtestprotocol
def pytest_runtest_protocol(item, nextitem):
    runtestprotocol(item, nextitem=nextitem, log=False)
    return True
"""

RENAMES = """
import pytest
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.nodeid = "another"
    return report
"""

COLLECTS = """
import pytest
@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    session.config.option.collectonly = True
    session.exitstatus = 0
"""

COLLECTS_EARLIER = """
def pytest_runtestloop(session):
    session.config.option.collectonly = True
"""

SHOWS_PASSES = """
def pytest_report_teststatus(report, config):
    return "passed", ".", "PASSED"
"""

LATER = pytest.mark.nightly
OWN = """
def test_checkout_holds(kb_http):
    kb_http.run(rate=50)
    assert False
"""


@pytest.mark.parametrize(
    "neighbour",
    [
        pytest.param(ENDS_WITH_0, id="ends"),
        pytest.param(EXITS_WITH_0, id="exits", marks=LATER),
        pytest.param(FORGES, id="forges", marks=LATER),
        pytest.param(FORGES_LATER, id="forges-later", marks=LATER),
        pytest.param(KEEPS_REPORTS, id="keeps", marks=LATER),
        pytest.param(RENAMES, id="renames", marks=LATER),
        pytest.param(SHOWS_PASSES, id="shows", marks=LATER),
        pytest.param(COLLECTS, id="collects", marks=LATER),
    ],
)
def test_a_broken_sla_is_red(session: Session, neighbour: str) -> None:
    ended = session.run(neighbour=neighbour, outcomes=["pass", "fail"], rates="[50, 60]")
    assert ended.runs() == ["pass", "fail"]
    assert ended.code == ended.records[0]["exit_code"] == 1, ended.output


@pytest.mark.parametrize(
    ("neighbour", "spread"),
    [
        pytest.param(ENDS_WITH_0, False, id="ends", marks=LATER),
        pytest.param(EXITS_WITH_0, False, id="exits", marks=LATER),
        pytest.param(FORGES, False, id="forges"),
        pytest.param(FORGES_LATER, False, id="forges-later"),
        pytest.param(KEEPS_REPORTS, False, id="keeps", marks=LATER),
        pytest.param(FORGES_LATER, True, id="forges-later-spread", marks=LATER),
        pytest.param(RENAMES, False, id="renames", marks=LATER),
        pytest.param(COLLECTS, False, id="collects", marks=LATER),
    ],
)
def test_a_test_of_ones_own_that_failed_is_red(session: Session, neighbour: str, spread: bool) -> None:
    ended = session.run(neighbour=neighbour, own=OWN, spread=spread)
    assert ended.runs() == ["measured"]
    assert ended.code == ended.records[0]["exit_code"] == 1, ended.output
    assert neighbour == RENAMES or "assert False" in ended.records[0]["failures"][0]


@LATER
def test_a_failure_that_is_expected_is_none(session: Session) -> None:
    expected = OWN.replace("def", "import pytest\n@pytest.mark.xfail\ndef", 1)
    assert session.run(own=expected).code == 0


@LATER
def test_what_a_plugin_keeps_from_running_is_no_pass(session: Session) -> None:
    ended = session.run(neighbour=COLLECTS_EARLIER)
    assert ended.runs() == ["not_run"]
    assert ended.code == ended.records[0]["exit_code"] == 11, ended.output


@LATER
def test_what_a_plugin_ends_before_it_ran_is_no_pass(session: Session) -> None:
    ended = session.run(neighbour=STOPS_WITH_0, rates="[50, 60]")
    assert ended.runs() == ["pass", "not_run"]
    assert ended.code == ended.records[0]["exit_code"] == 11, ended.output
