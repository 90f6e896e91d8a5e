"""The box: the PID, mount, UTS, IPC and network namespaces that all daemons and servers share.

Inside it, /etc/SERVICE and /var/lib/SERVICE are folders of the state; the machine's own stay as the packages
left them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.openstack.settings import CLOUD, ROOT, OpenStackError, Settings

SERVICES = ("keystone", "glance", "placement", "nova", "neutron", "cinder")
ETC = (*SERVICES, "rabbitmq", "libvirt")
LIB = (*SERVICES, "rabbitmq", "libvirt", "mysql")

_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
}
_START = 15.0
"""Seconds for its mounts."""

_END = 20.0


class Box:
    """The box of a cloud, whether it is there or not."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pid_file = settings.run / "box.pid"

    @property
    def pid(self) -> int | None:
        """Of its first process, as the machine counts; None while there is no box."""
        with suppress(OSError, ValueError):
            pid = int(self._pid_file.read_text())
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            if "tests.openstack.init" in arguments and str(self._settings.state) in arguments:
                return pid
        return None

    def start(self) -> None:
        """Make the box in the cloud's network namespace, and return when its mounts are there."""
        settings = self._settings
        self._pid_file.unlink(missing_ok=True)
        for file in (settings.run / "pids").iterdir():
            file.unlink()
        command = ["nsenter", f"--net=/run/netns/{settings.netns}"]
        command += ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork"]
        command += [sys.executable, "-m", "tests.openstack.init", "--state", str(settings.state)]
        command += ["--hostname", CLOUD, "--pid-file", str(self._pid_file)]
        for source, target in _binds(settings):
            command += ["--bind", f"{source}:{target}"]
        with (settings.log / "box.log").open("wb") as log:
            started = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + _START
        while self.pid is None:
            if started.poll() is not None or time.monotonic() > until:
                started.kill()
                raise OpenStackError(f"The box does not start: see {settings.log / 'box.log'}.")
            time.sleep(0.05)

    def end(self) -> None:
        """End every process in it."""
        pid = self.pid
        if pid is None:
            return
        os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + _END
        while Path(f"/proc/{pid}").exists():
            if time.monotonic() > until:
                raise OpenStackError(f"The box does not end: process {pid} is still there.")
            time.sleep(0.05)
        self._pid_file.unlink(missing_ok=True)

    def run(self, *command: str, log: str, stdin: str = "") -> None:
        """Run a program in the box to its end; OpenStackError when it fails. `log` names its log file."""
        path = self._settings.log / f"{log}.log"
        with path.open("ab") as output:
            done = subprocess.run(
                self._entered(*command), input=stdin.encode(), stdout=output, stderr=output, check=False
            )
        if done.returncode:
            raise OpenStackError(f"`{command[0]} {' '.join(command[1:4])}` failed in the box: see {path}.")

    def succeeds(self, *command: str) -> bool:
        """Whether a program ends well in the box."""
        done = subprocess.run(
            self._entered(*command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return done.returncode == 0

    def spawn(self, name: str, *command: str) -> None:
        """Start a daemon in the box; it lives until it ends or the box does."""
        pid_file = self._settings.run / "pids" / name
        pid_file.unlink(missing_ok=True)
        remember = 'echo $$ >"$0.new" && mv "$0.new" "$0" && exec "$@"'
        with (self._settings.log / f"{name}.log").open("ab") as log:
            subprocess.run(
                self._entered("setsid", "--fork", "sh", "-c", remember, str(pid_file), *command),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )
        until = time.monotonic() + _START
        while not pid_file.exists():  # setsid does not wait for it
            if time.monotonic() > until:
                raise OpenStackError(f"{name} does not start: see {self._settings.log / name}.log.")
            time.sleep(0.02)

    def is_running(self, name: str) -> bool:
        """Whether the daemon of this name runs."""
        with suppress(OSError, ValueError):
            pid = int((self._settings.run / "pids" / name).read_text())
            return self._in_box(pid).exists() and self._state_of(pid) != "Z"
        return False

    def terminate(self, name: str, patience: float = 15.0) -> None:
        """Ask a daemon to end, and wait for it; it is no error if it does not."""
        if not self.is_running(name):
            return
        pid = (self._settings.run / "pids" / name).read_text().strip()
        self.succeeds("kill", pid)
        until = time.monotonic() + patience
        while self.is_running(name) and time.monotonic() < until:
            time.sleep(0.1)

    def daemons(self) -> dict[str, bool]:
        """Every daemon that was started in this box, and whether it still runs."""
        names = sorted(file.name for file in (self._settings.run / "pids").iterdir())
        return {name: self.is_running(name) for name in names}

    def _entered(self, *command: str) -> list[str]:
        pid = self.pid
        if pid is None:
            raise OpenStackError(f"The cloud in {self._settings.state} is down.")
        environment = [f"{name}={value}" for name, value in _ENVIRONMENT.items()]
        return [
            "nsenter",
            f"--target={pid}",
            "-m",
            "-u",
            "-i",
            "-n",
            "-p",
            "env",
            "-i",
            *environment,
            *command,
        ]

    def _in_box(self, pid: int) -> Path:
        """A process' folder in the box's own /proc, seen from the machine."""
        return Path(f"/proc/{self.pid}/root/proc/{pid}")

    def _state_of(self, pid: int) -> str:
        return (self._in_box(pid) / "stat").read_text().rpartition(")")[2].split()[0]


def _binds(settings: Settings) -> list[tuple[Path, Path]]:
    binds = [(settings.etc / name, Path("/etc", name)) for name in (*ETC, "hosts")]
    binds += [(settings.lib / name, Path("/var/lib", name)) for name in LIB]
    binds += [(settings.log / "box", Path("/var/log"))]
    binds += [(Path(__file__).with_name("mount.nfs"), Path("/usr/sbin/mount.nfs"))]
    if Path("/dev/kvm").exists():
        # libvirt takes its presence for the ability to run machines; the cloud is the same everywhere.
        binds += [(Path("/dev/null"), Path("/dev/kvm"))]
    return binds
