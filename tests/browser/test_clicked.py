"""A topology by clicks alone: staged and kept, loaded, stopped in mid-point, removed.

Its scenario has another name than its file. `python -m tests.openstack.clicked` does it on a real OpenStack.
"""

from __future__ import annotations

import os
from pathlib import Path

from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient
from tests import openstack
from tests.browser.ui import Ui
from tests.openstack import clicked

SCENARIOS = Path(openstack.__file__).parent


def test_a_topology_is_kept_loaded_stopped_and_removed_by_clicks(tmp_path: Path) -> None:
    cloud = control.up(tmp_path / "cloud", parent_pid=os.getpid())
    try:
        env = {"OS_CLIENT_CONFIG_FILE": str(cloud.clouds_yaml)}
        ui = Ui(tmp_path / "ui", "--scenarios", str(SCENARIOS), env=env)
        try:
            clicked.drive(ui, cloud.cloud)
        finally:
            ui.end()
        assert AdminClient(cloud).servers() == []
    finally:
        control.down(tmp_path / "cloud")
