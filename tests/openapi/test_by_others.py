"""The API as others read it: its description by a validator, its answers by whoever trusts that."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from openapi_spec_validator import validate  # type: ignore[import-not-found]

from kb_tests.localcloud import control
from tests.functional.web.rest import Api
from tests.unit.report.build import judged, run

NOT_OURS = "positive_data_acceptance"
"""That whatever the schema admits is accepted: names of no cloud, and points of no scenario, are refused."""


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[Api]:
    """With a record, and a cloud that runs nothing."""
    cloud = control.up(tmp_path / "cloud", driver="null")
    run([judged()]).write(tmp_path / "reports")
    try:
        with Api(tmp_path, env={"OS_CLIENT_CONFIG_FILE": str(cloud.clouds_yaml)}) as found:
            yield found
    finally:
        control.down(tmp_path / "cloud")


def test_its_description_is_openapi(ui: Api) -> None:
    validate(ui.get("/openapi.json"))


def test_it_answers_as_it_is_described(ui: Api, tmp_path: Path) -> None:
    """To requests that are as they should be, and to others."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "run"]
    command += [f"http://{ui.place}/api/v1/openapi.json", "--url", f"http://{ui.place}"]
    command += ["-H", f"Authorization: Bearer {ui.token}", "--no-color", "--seed=1"]
    command += ["--phases=coverage,fuzzing", "--max-examples=10", "--suppress-health-check=all"]
    command += [
        "--checks=all",
        f"--exclude-checks={NOT_OURS}",
        "--request-timeout=600",
        "--max-response-time=600",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:]
    assert not list((ui.state / "kb/sessions").glob("*")), "nothing was started"
