"""What drives a real OpenStack by `kb ui` drives local clouds: one, two together, the embedded one."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from kb_tests.localcloud import control
from tests.functional.session.conftest import running, suite
from tests.functional.session.suite import Suite
from tests.functional.web.rest import Api
from tests.openstack.driven import Driven, drive
from tests.waiting import eventually

__all__ = ["running", "suite"]


def small(suite: Suite) -> str:
    """The folder of a scenario that passes."""
    return str(Path(suite.scenario(rates="[100]", duration="6s")).parent)


def test_a_cloud_is_driven_by_requests_alone(suite: Suite) -> None:
    options = ["--scenarios", small(suite)]
    with warnings.catch_warnings(action="ignore"):  # of libraries' own changes
        drive(suite.running.cloud, suite.running.clouds_yaml, "small", options, alone=True)


def test_two_clouds(suite: Suite, tmp_path: Path) -> None:
    north = control.up(
        tmp_path / "north", parent_pid=os.getpid(), name="north", beside=suite.running.clouds_yaml.parent
    )
    try:
        env = {"OS_CLIENT_CONFIG_FILE": str(north.clouds_yaml)}
        with Api(tmp_path, "--scenarios", small(suite), env=env) as ui:
            Driven(ui, north.cloud, "small", testing=suite.running.cloud).drive()
        assert Suite(north, tmp_path).left() == suite.left() == []
    finally:
        control.down(tmp_path / "north")


def test_the_embedded_cloud(suite: Suite, tmp_path: Path) -> None:
    with Api(tmp_path, "--scenarios", small(suite)) as ui:
        Driven(ui, "", "small").drive()
    eventually(lambda: not list((tmp_path / "state/kb/localclouds").iterdir()))
