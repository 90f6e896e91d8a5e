"""Hooks as processes: what they are given, what is kept of them, and that they do not outlive the point."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from kb_tests.cloud.topology import Access, Role, Server, StagingFacts, Topology
from kb_tests.errors import ScenarioError
from kb_tests.report.marks import HookRecord
from kb_tests.scenario.hooks import Hook
from kb_tests.scenario.http import HttpScenario
from kb_tests.session.hooks import KEPT, Hooks, Setting, check_programs, setting
from tests.waiting import eventually

ROOT = Path(__file__).parents[3]


class Cloud:
    name = "my-cloud"
    clouds_yaml = Path("/etc/openstack/clouds.yaml")


def server(role: Role, number: int, host: str = "host-1") -> Server:
    name = f"kb-c0ffee00-{role}-{number}"
    return Server(f"id-{number}", name, role, "198.19.0.9", "net", "project", host)


def topology(**changed: str) -> Topology:
    return Topology(
        run_id="c0ffee00",
        scenario="failover",
        cloud="my-cloud",
        proxy=server(Role.PROXY, 1),
        servers=(server(Role.SERVER, 1, **changed), server(Role.SERVER, 2)),
        clients=(server(Role.CLIENT, 1),),
        access=Access("127.0.0.1", 22, "198.18.0.3", 6379),
        staging=StagingFacts(1.0, 1),
        routers={"net": "router-id"},
    )


def place(**changed: str) -> Setting:
    cloud: Any = Cloud()
    return setting(cloud, topology(**changed), "failover", "failover-clients-1-rate-100")


def hook(*command: str, **changed: Any) -> Hook:
    return Hook.model_validate({"at": "0s", "run": list(command), "name": "it", **changed})


def run(
    *hooks: Hook, until: Callable[[str], bool] | None = None, where: Setting | None = None
) -> tuple[Sequence[HookRecord], list[str]]:
    """A point whose window begins now and lasts until all hooks have ended, or what was told has come `until`
    somewhere.
    """
    told: list[str] = []
    running = Hooks(hooks, where or place(), told.append)
    running.start(time.monotonic())

    def all_ended(_: str) -> bool:
        return sum(" after " in one or "could not" in one for one in told) == len(hooks)

    come = until or all_ended
    eventually(lambda: come("\n".join(told)), what=lambda: told)
    return running.end(), told


def at_once(_: str) -> bool:
    """Whatever was told."""
    return True


def ended(*command: str, **changed: Any) -> HookRecord:
    (found,) = run(hook(*command, **changed))[0]
    return found


def test_what_a_hook_did_is_kept() -> None:
    (found,), told = run(hook("sh", "-c", "echo one; echo two >&2; exit 3"))
    assert (found.outcome, found.exit_code, found.output) == ("failed", 3, "one\ntwo")
    assert found.began is not None
    assert found.fault == "Hook 'it' failed with exit code 3: two."
    assert told[0] == "hook it begins"
    assert told[1].startswith("hook it ended with exit code 3 after ")


def test_a_hook_that_does_its_work_is_no_fault() -> None:
    found = ended("true")
    assert (found.outcome, found.exit_code, found.fault, found.output) == ("done", 0, "", "")


def test_placeholders_are_filled_in_one_argument_and_no_shell_reads_them() -> None:
    written = (
        "{server}",
        "{server2.name}",
        "{client.address}",
        "{server.router} {run}",
        "{{x}}",
        "$HOME; id",
        "",
    )
    found = ended("printf", "[%s]", *written)
    assert found.output == "[id-1][kb-c0ffee00-server-2][198.19.0.9][router-id c0ffee00][{x}][$HOME; id][]"


@pytest.mark.parametrize("value", ["--force", "a b", "x;id", "", "../x"])
def test_what_the_cloud_says_is_no_option_and_no_text(value: str) -> None:
    (found,), _ = run(hook("echo", "{server.host}"), where=place(host=value))
    assert found.outcome == "failed"
    assert "{server.host} is " in found.output


def test_hooks_have_the_operators_environment_but_for_what_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KB_TOKEN", "hush")
    monkeypatch.setenv("MINE", "kept")
    said = ended("env").output.splitlines()
    assert {"MINE=kept", "OS_CLOUD=my-cloud", "KB_RUN=c0ffee00"} <= set(said)
    assert "OS_CLIENT_CONFIG_FILE=/etc/openstack/clouds.yaml" in said
    assert not any("hush" in one or one.startswith("PYTEST_") for one in said)


def test_of_much_output_the_end_is_kept() -> None:
    found = ended("sh", "-c", "yes $(printf '\\033[31m') x | head -c 3000000; echo last")
    assert found.output.endswith("last")
    assert len(found.output) <= KEPT
    assert "\x1b" not in found.output


def test_a_hook_has_no_input_to_wait_for() -> None:
    assert ended("cat").outcome == "done"


def test_a_hook_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    found = ended("sh", "-c", f"sleep 600 & echo $! > {mark}; trap '' TERM; wait; sleep 600", timeout="2s")
    assert (found.outcome, found.exit_code) == ("timed_out", None)
    assert found.seconds is not None
    assert found.seconds < 60
    assert "longer than its timeout" in found.fault
    assert_gone(mark)


def test_a_hook_ends_with_the_point(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    running = Hooks([hook("sh", "-c", f"echo $$ > {mark}; exec sleep 600")], place(), lambda _: None)
    running.start(time.monotonic())
    eventually(lambda: mark.exists() and mark.read_text())
    (found,) = running.end()
    assert found.outcome == "cut_off"
    assert "had not ended when the point did" in found.fault
    assert_gone(mark)


def test_what_a_hook_left_running_goes_on_until_the_point_ends(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    told: list[str] = []
    running = Hooks([hook("sh", "-c", f"sleep 600 & echo $! > {mark}")], place(), told.append)
    running.start(time.monotonic())
    eventually(lambda: len(told) == 2)
    os.kill(int(mark.read_text()), 0)
    (found,) = running.end()
    assert (found.outcome, found.fault) == ("done", "")
    assert_gone(mark)


SESSION = """
import sys, time
from tests.functional.session.test_hook_commands import Hooks, hook, place
running = Hooks([hook(*sys.argv[1:])], place(), lambda _: None)
running.start(time.monotonic())
time.sleep(600)
"""


UNTOLD = "from kb_tests.session.hook_guard import Guard; Guard.begun = lambda *_: None\n"


@pytest.mark.parametrize(
    ("trap", "before"), [("true", ""), ("trap '' TERM", ""), ("true", UNTOLD)], ids=["meek", "deaf", "untold"]
)
def test_a_session_that_is_killed_leaves_no_hook_behind(tmp_path: Path, trap: str, before: str) -> None:
    """Nor what it started, be it deaf to SIGTERM, or begun so lately that the guard could not be told."""
    marks = [tmp_path / "hook", tmp_path / "child"]
    script = f"{trap}; echo $$ > {marks[0]}; sleep 600 & echo $! > {marks[1]}; wait; sleep 600"
    session = subprocess.Popen([sys.executable, "-c", before + SESSION, "sh", "-c", script], cwd=ROOT)
    try:
        eventually(lambda: all(mark.exists() and mark.read_text() for mark in marks))
    finally:
        session.kill()
        session.wait()
    for mark in marks:
        assert_gone(mark)


def test_a_guard_ends_with_its_point_and_touches_nothing_that_has_ended(tmp_path: Path) -> None:
    """Numbers of groups that have ended may be others' by then."""
    mark = tmp_path / "pid"
    running = Hooks([hook("sh", "-c", f"echo $$ > {mark}")], place(), lambda _: None)
    running.start(time.monotonic())
    assert running.guard is not None
    guard = running.guard
    eventually(lambda: mark.exists() and mark.read_text())
    running.end()
    assert guard.wait() == 0
    assert_gone(mark)


def test_no_hook_runs_without_a_guard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    (found,), _ = run(hook("touch", str(tmp_path / "done")), until=at_once)
    assert "could not be started" in found.fault
    assert not (tmp_path / "done").exists()


def test_each_hook_begins_at_its_second_whatever_the_others_do() -> None:
    (first, second), _ = run(
        hook("sleep", "600", name="slow"),
        hook("true", at="300ms", name="quick"),
        until=lambda told: "slow begins" in told and "quick ended" in told,
    )
    assert first.outcome == "cut_off"
    assert second.outcome == "done"
    assert second.began is not None
    assert second.began >= 0.3


def test_hooks_of_a_load_that_never_began_say_so() -> None:
    (found,) = Hooks([hook("true")], place(), lambda _: None).end()
    assert "was not started" in found.fault
    (late,) = run(hook("true", at="600s"), until=at_once)[0]
    assert late.outcome == "not_started"


def test_a_program_that_is_not_there_is_missed_before_anything_is_staged(tmp_path: Path) -> None:
    def scenario(program: str) -> HttpScenario:
        return HttpScenario.model_validate(
            {
                "name": "x",
                "kind": "http",
                "load": {"rate": [1]},
                "sla": {"errors": "1%"},
                "hooks": [{"at": "1s", "run": [program]}],
            }
        )

    check_programs(scenario("true"))
    with pytest.raises(ScenarioError, match="there is no command /nowhere/x"):
        check_programs(scenario("/nowhere/x"))
    plain = tmp_path / "no-program"
    plain.write_text("x")
    (found,), _ = run(hook(str(plain)))
    assert (found.outcome, found.exit_code) == ("failed", None)
    assert "could not be started" in found.output


def assert_gone(mark: Path) -> None:
    pid = int(mark.read_text())

    def gone() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        except OSError:
            return True

    eventually(gone)
