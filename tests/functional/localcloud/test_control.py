"""Start and end of the cloud's process."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kb_tests.localcloud import control
from kb_tests.localcloud.api.requestlog import Entry
from kb_tests.localcloud.client import AdminClient
from tests.waiting import eventually, is_gone


def test_up_and_down(state: Path) -> None:
    assert control.status(state) is None
    with pytest.raises(control.LocalCloudError, match=f"No local cloud runs in {state}-other"):
        control.up(state, driver="null", beside=state.with_name(f"{state.name}-other"))
    running = control.up(state, driver="null")
    try:
        assert control.status(state) == running
        assert control.up(state, driver="null") == running, "one cloud a directory"
        assert stat.S_IMODE(running.clouds_yaml.stat().st_mode) == 0o600
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        assert running.driver == "null"
        assert running.notes
    finally:
        assert control.down(state)
    eventually(lambda: is_gone(running.pid))
    assert control.status(state) is None
    assert not running.clouds_yaml.exists()
    assert not control.down(state)


def test_the_password_differs_each_time_and_is_on_no_command_line(state: Path) -> None:
    passwords = set()
    for _ in range(2):
        running = control.up(state, driver="null")
        try:
            password = running.clouds_yaml.read_text().split('"password": "')[1].split('"')[0]
            passwords.add(password)
            assert password not in Path(f"/proc/{running.pid}/cmdline").read_text()
            assert password not in (state / "localcloud.log").read_text()
        finally:
            control.down(state)
    assert len(passwords) == 2


def test_a_killed_cloud_is_no_hindrance_to_the_next(state: Path) -> None:
    first = control.up(state, driver="null")
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    assert control.status(state) is None
    second = control.up(state, driver="null")
    assert second.pid != first.pid
    assert control.down(state)


def test_it_ends_with_its_parent(state: Path) -> None:
    script = (
        "import os, sys, pathlib; from kb_tests.localcloud import control; "
        "print(control.up(pathlib.Path(sys.argv[1]), driver='null', parent_pid=os.getpid()).pid)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(state)], capture_output=True, text=True, check=True
    )
    eventually(lambda: is_gone(int(done.stdout)))


def test_what_hinders_a_start_is_said(state: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(control.LocalCloudError, match=f"Port {port} of 127.0.0.1 cannot be used"):
            control.up(state, driver="null", port=port)
    assert control.status(state) is None


def up(state: Path, *options: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-m", "kb_tests.localcloud", "up", "--driver", "null"]
    return subprocess.run(
        [*command, "--state", str(state), *options], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--port", "99999"], "There is no port 99999: ports are 1 to 65535, and 0 is any free one."),
        (
            ["--name", "a b; touch x"],
            "A cloud cannot be called 'a b; touch x': letters, digits, ., _ and - will do.",
        ),
        (["--name", ""], "A cloud cannot be called ''"),
        (["--hosts", "0"], "A cloud has 1 to 1000 hosts"),
        (["--region", "a b"], "'a b' cannot be the name of one more region."),
    ],
)
def test_a_wrong_option_is_said_in_one_sentence(state: Path, options: list[str], said: str) -> None:
    ended = up(state, *options)
    assert ended.returncode == 1
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert control.status(state) is None


def test_a_folder_that_cannot_be_made_is_said_in_one_sentence() -> None:
    ended = up(Path("/proc/nowhere"))
    assert (ended.returncode, ended.stderr) == (
        1,
        "The local cloud cannot use /proc/nowhere: No such file or directory.\n",
    )


@pytest.mark.root_only("small file systems of one's own")
def test_a_full_disk_is_said_in_one_sentence(tmp_path: Path) -> None:
    small = 'mount -t tmpfs -o size=64k none $0 && (cat /dev/zero > $0/zeros; exec "$@")'
    ended = up(tmp_path / "state", before=("unshare", "--mount", "sh", "-c", small, str(tmp_path)))
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        f"The local cloud cannot write to {tmp_path}/state: No space left on device."
    )
    assert "Traceback" not in ended.stderr


def test_two_clouds_of_one_name_are_not_put_beside_each_other(state: Path) -> None:
    control.up(state, driver="null", name="north")
    other = state.with_name("other")
    try:
        with pytest.raises(control.LocalCloudError, match="has a cloud north already: choose another --name"):
            control.up(other, driver="null", name="north", beside=state)
        control.up(other, driver="null", name="south", beside=state)
        control.down(other)
    finally:
        control.down(state)


def test_the_command_line_prints_what_to_export(state: Path) -> None:
    command = [sys.executable, "-m", "kb_tests.localcloud"]
    up = subprocess.run(
        [*command, "up", "--driver", "null", "--state", str(state), "--export"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    try:
        assert up.stdout.splitlines() == [
            f"export OS_CLIENT_CONFIG_FILE={state}/clouds.yaml",
            "export OS_CLOUD=kb-local",
        ]
        shown = subprocess.run(
            [*command, "status", "--state", str(state)], capture_output=True, text=True, check=True
        )
        assert "driver null" in shown.stdout
        fault = [*command, "fault", "--help"]
        assert "Retry-After" not in subprocess.run(fault, capture_output=True, text=True, check=True).stderr
    finally:
        down = subprocess.run(
            [*command, "down", "--state", str(state)], capture_output=True, text=True, check=True
        )
    assert down.stdout == "ended\n"
    again = subprocess.run(
        [*command, "status", "--state", str(state)], capture_output=True, text=True, check=False
    )
    assert again.returncode == 1


def test_the_request_log_is_also_a_file(state: Path) -> None:
    running = control.up(state, driver="null")
    try:
        entries = [Entry(**entry) for entry in AdminClient(running).requests()]
        assert entries[0].path == "/identity/v3/auth/tokens"
        lines = (state / "requests.jsonl").read_text().splitlines()
        assert len(lines) >= len(entries)
    finally:
        control.down(state)
