"""What drives a real OpenStack by `kb ui` drives the local cloud, too."""

from __future__ import annotations

import warnings

from tests.functional.session.conftest import running, suite
from tests.functional.session.suite import Suite
from tests.openstack.driven import drive

__all__ = ["running", "suite"]


def test_a_cloud_is_driven_by_requests_alone(suite: Suite) -> None:
    suite.scenario(rates="[100]", duration="6s")
    options = ["--scenarios", str(suite.folder)]
    with warnings.catch_warnings(action="ignore"):  # of libraries' own changes
        drive(suite.running.cloud, suite.running.clouds_yaml, "small", options, alone=True)
