"""Stopped from a page, at any moment, whoever began it: the exit code tells of it, and nothing is left."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from kb_tests.events import sessions
from tests.functional.session.conftest import running, suite
from tests.functional.session.suite import Suite
from tests.functional.web.rest import Api
from tests.waiting import eventually

__all__ = ["running", "suite"]

INTERRUPTED = 2
LEAKED = 12


@pytest.fixture
def ui(suite: Suite) -> Iterator[Api]:
    env = {"OS_CLIENT_CONFIG_FILE": str(suite.running.clouds_yaml)}
    suite.scenario(rates="[50, 60]", duration="20s")
    with Api(suite.folder, "--scenarios", str(suite.folder), env=env) as found:
        yield found


def begun(suite: Suite, ui: Api, by: str) -> tuple[str, subprocess.Popen[bytes] | None]:
    """A session that a page, a shell, or a shell with workers began; its id, and the shell's process."""
    if by == "page":
        return ui.start({"cloud": suite.running.cloud, "scenarios": ["small"]}), None
    command = suite.command(
        "--kb-cloud", suite.running.cloud, "--kb-scenario", str(suite.folder / "small.yaml")
    )
    command += ["-n", "2"] if by == "workers" else []
    with (suite.folder / "shell.log").open("w") as log:
        shell = subprocess.Popen(
            command, cwd=suite.folder, env=suite.environment(), stdout=log, stderr=log, start_new_session=True
        )
    there = eventually(lambda: [one for one in sessions.every(ui.state / "kb/sessions") if one.alive])
    return there[0].sid, shell


def nothing_is_left(suite: Suite, ui: Api) -> None:
    """As the cloud says, and as cleanup would find."""
    eventually(lambda: suite.left() == [], what=suite.left)
    shown = ui.expect(200, "POST", f"/clouds/{suite.running.cloud}/cleanups", {"run": "", "dry_run": True})
    assert (shown["resources"], shown["faults"]) == ([], [])


@pytest.mark.parametrize("by", ["page", "shell", "workers"])
@pytest.mark.parametrize("moment", ["phase", "second"])
def test_stopped_while_it_stages_or_loads(suite: Suite, ui: Api, by: str, moment: str) -> None:
    sid, shell = begun(suite, ui, by)
    ui.until(sid, moment)
    ui.expect(202, "POST", f"/sessions/{sid}/stop", {"level": "now"})
    again = ui.ask("POST", f"/sessions/{sid}/stop", {"level": "now"})
    assert again.status in (202, 409), "pressed once more"
    row = ui.ended(sid)
    assert row["exit_code"] == INTERRUPTED, (row, ui.log(sid) if shell is None else "")
    assert shell is None or shell.wait() == INTERRUPTED
    nothing_is_left(suite, ui)


@pytest.mark.parametrize("by", ["page", "shell", "workers"])
def test_left_to_the_background_while_it_removes(suite: Suite, ui: Api, by: str) -> None:
    """The second press: what was not removed yet goes all the same."""
    sid, shell = begun(suite, ui, by)
    ui.until(sid, "second")
    assert ui.ask("POST", f"/sessions/{sid}/stop", {"level": "leave_to_reaper"}).status == 409
    ui.expect(202, "POST", f"/sessions/{sid}/stop", {"level": "now"})
    ui.until(sid, "stopping", "teardown")
    assert ui.ask("POST", f"/sessions/{sid}/stop", {"level": "leave_to_reaper"}).status in (202, 409)
    row = ui.ended(sid)
    assert row["exit_code"] in (INTERRUPTED, LEAKED), row
    assert shell is None or shell.wait() == row["exit_code"]
    nothing_is_left(suite, ui)


def test_stopped_while_it_removes_what_a_whole_run_made(suite: Suite, ui: Api) -> None:
    suite.scenario(rates="[100]", duration="5s")
    sid, _ = begun(suite, ui, "page")
    ui.until(sid, "teardown")
    stopped = ui.ask("POST", f"/sessions/{sid}/stop", {"level": "now"})
    row = ui.ended(sid)
    if stopped.status == 202:
        assert row["exit_code"] in (0, INTERRUPTED, LEAKED), row
    nothing_is_left(suite, ui)


def test_stopped_after_its_point(suite: Suite, ui: Api) -> None:
    sid, _ = begun(suite, ui, "page")
    ui.until(sid, "second")
    ui.expect(202, "POST", f"/sessions/{sid}/stop", {"level": "finish_point"})
    row = ui.ended(sid)
    assert row["exit_code"] == INTERRUPTED
    assert row["marks"] == "p-", row
    nothing_is_left(suite, ui)
