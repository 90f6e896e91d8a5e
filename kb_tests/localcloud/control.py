"""Start, stop and look at a local cloud: the Python side of `kb localcloud up|down|status`."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kb_tests.localcloud.state_dir import CLOUD_NAME, REGION, StateDir


class LocalCloudError(Exception):
    """The local cloud cannot be started or stopped: one sentence on what to do."""


@dataclass(frozen=True)
class Running:
    """A local cloud that serves. `notes` say what its data plane cannot do here; `regions` are addresses by
    name, the first one's being `url`.
    """

    clouds_yaml: Path
    cloud: str
    url: str
    pid: int
    driver: str
    notes: tuple[str, ...]
    regions: Mapping[str, str]


def default_state_dir() -> Path:
    """~/.local/state/kb-localcloud, or below XDG_STATE_HOME."""
    try:
        return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "kb-localcloud"
    except RuntimeError:
        raise LocalCloudError(
            "This user has no home: name a folder with --state, or in XDG_STATE_HOME."
        ) from None


def up(
    state_dir: Path | None = None,
    *,
    driver: str = "auto",
    port: int = 0,
    parent_pid: int | None = None,
    then: Sequence[str] = (),
    temporary: bool = False,
    stay: float = 0.0,
    token_lifetime: float = 3600.0,
    name: str = CLOUD_NAME,
    beside: Path | None = None,
    settings: Mapping[str, str] | None = None,
    regions: Sequence[str] = (),
    hosts: int = 2,
    zones: int = 1,
    timeout: float = 120.0,
) -> Running:
    """Start a local cloud in a process of its own session, and return when it serves.

    Args:
        state_dir: its files; one cloud a directory. Default: `default_state_dir()`.
        driver: `auto`, `netns` or `null`.
        port: of 127.0.0.1; 0 takes any free one.
        parent_pid: end when this process ends.
        then: a command that is started when that process has ended.
        temporary: its files go with it.
        stay: it outlives the parent while a link in its folder `stay` leads to a file that was written, or
            touched, within so many seconds.
        token_lifetime: seconds.
        name: of its entry in clouds.yaml.
        beside: state directory of another cloud that runs, whose entries its clouds.yaml has too.
        regions: names of more regions beside RegionOne; the entry of each in clouds.yaml is `NAME-REGION`.
        hosts: how many hypervisors it shows, each with all that this machine has.
        zones: in how many availability zones they are.
        settings: by name: see `settings.Settings`.
        timeout: seconds to wait for it to serve.

    Returns:
        The cloud; the one that already ran there, if there was one.

    Raises:
        LocalCloudError: it did not start; the reason is in the message.

    """
    state = StateDir((state_dir or default_state_dir()).absolute())
    running = status(state.folder)
    if running is not None:
        return running
    try:
        state.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in (state.ready, state.failure):
            old.unlink(missing_ok=True)
        state.log.touch(mode=0o600)
    except OSError as error:
        raise LocalCloudError(f"The local cloud cannot use {state.folder}: {error.strerror}.") from None
    command = [sys.executable, "-P", "-m", "kb_tests.localcloud.server", "--state", str(state.folder)]
    command += ["--driver", driver, "--port", str(port), "--token-lifetime", str(token_lifetime)]
    command += ["--name", name, "--hosts", str(hosts), "--zones", str(zones)]
    for region in regions:
        command += ["--region", region]
    for setting, value in (settings or {}).items():
        command += ["--set", f"{setting}={value}"]
    if beside is not None:
        command += ["--beside", str(beside.absolute())]
    if parent_pid is not None:
        command += ["--parent-pid", str(parent_pid)]
    if then:
        command += ["--then", json.dumps([*then])]
    if temporary:
        command.append("--temporary")
    if stay:
        command += ["--stay", str(stay)]
    pid = _spawn(command, state.log)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        running = _read(state)
        if running is not None and running.pid == pid:
            return running
        if _ended(pid):
            raise LocalCloudError(_reason(state))
        time.sleep(0.02)
    _end(pid, 5.0)
    raise LocalCloudError(f"The local cloud did not serve within {timeout:.0f} s: see {state.log}.")


def _spawn(command: list[str], log: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    # Nothing is imported from the folder where somebody happens to be.
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": path}
    return os.posix_spawn(command[0], command, environment, file_actions=actions, setsid=True)


def _reason(state: StateDir) -> str:
    with suppress(OSError):
        if said := state.failure.read_text().strip():
            return said
    try:
        with tempfile.TemporaryFile(dir=state.folder) as file:
            file.write(bytes(1))
    except OSError as error:
        return f"The local cloud cannot write to {state.folder}: {error.strerror}."
    return f"The local cloud ended while it started: see {state.log}."


def status(state_dir: Path | None = None) -> Running | None:
    """The cloud that serves in this state directory, or None."""
    state = StateDir((state_dir or default_state_dir()).absolute())
    return _read(state) if _is_locked(state) else None


def stays(state_dir: Path, seconds: float) -> bool:
    """Whether the cloud there outlives who started it: see `up`."""
    return StateDir(state_dir.absolute()).stays(seconds)


def _is_locked(state: StateDir) -> bool:
    """Whether a process holds the directory: the lock ends with its holder, whatever its end was."""
    try:
        with state.lock.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _read(state: StateDir) -> Running | None:
    try:
        facts = json.loads(state.ready.read_text())
        # Notes and regions came with later versions.
        return Running(
            state.clouds_yaml,
            str(facts["cloud"]),
            str(facts["url"]),
            int(facts["pid"]),
            str(facts["driver"]),
            tuple(facts.get("notes", ())),
            dict(facts.get("regions", {REGION: facts["url"]})),
        )
    except FileNotFoundError:
        return None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise LocalCloudError(
            f"The local cloud in {state.folder} was started by another version of kb_tests, or {state.ready} "
            f"is damaged. End the process that holds {state.lock} (`lslocks` shows it)."
        ) from None


def down(state_dir: Path | None = None, *, timeout: float = 20.0) -> bool:
    """End the cloud of this state directory, with all that runs in it.

    Returns:
        Whether there was one.

    Raises:
        LocalCloudError: it did not end.

    """
    running = status(state_dir)
    if running is None:
        return False
    _end(running.pid, timeout)
    return True


def _end(pid: int, timeout: float) -> None:
    """SIGTERM, and after `timeout` seconds SIGKILL, which ends its data plane too."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        for number, seconds in ((signal.SIGTERM, timeout), (signal.SIGKILL, 5.0)):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)
            if select.select([descriptor], [], [], seconds)[0]:
                _ended(pid)
                return
    finally:
        os.close(descriptor)
    raise LocalCloudError(f"The local cloud (process {pid}) does not end.")


def _ended(pid: int) -> bool:
    """Whether a child of ours ended; takes its exit status, so that no zombie stays."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return not Path(f"/proc/{pid}").exists()
