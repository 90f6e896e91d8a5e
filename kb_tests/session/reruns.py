"""Attempts at a test that another plugin is going to repeat, in JUnit: each has failed, and is shown so.

pytest-rerunfailures gives such an attempt the outcome "rerun", of which pytest's JUnit knows nothing: its
test case would look passed beside the properties of a point that broke its SLA.
"""

from __future__ import annotations

import pytest
from _pytest.junitxml import xml_key

REPEATED = "rerun"


class RepeatedInJunit:
    """A plugin of the process that writes the JUnit file."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Once pytest has made a test case of it."""
        junit = self._config.stash.get(xml_key, None)
        if junit is not None and str(report.outcome) == REPEATED and report.longrepr is not None:
            junit.node_reporter(report).append_failure(report)
