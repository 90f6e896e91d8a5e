"""The first process of the box: `python -m tests.openstack.init`, started by `box.start`.

It is process 1 of a PID namespace, in mount, UTS and IPC namespaces of its own: it mounts what the box
sees, says where it is by a file with its process id outside, and then only reaps. When it ends, the kernel
ends every process in the box, those that daemons left behind (dnsmasq, haproxy, qemu, epmd) too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_RUN = {"lock": "root", "netns": "root", "libvirt": "root", "mysqld": "mysql", "rabbitmq": "rabbitmq"}
"""Folders of the box's own /run, and whose they are."""

_LOCKS = ("nova", "neutron", "glance", "cinder")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--hostname", required=True)
    parser.add_argument("--pid-file", type=Path, required=True)
    parser.add_argument("--bind", action="append", default=[], metavar="SOURCE:TARGET")
    options = parser.parse_args()
    outer_pid = str(Path("/proc/self").readlink())  # /proc still is that of the machine
    _mount_all(options.state, options.bind)
    socket.sethostname(options.hostname)
    os.chdir("/")
    new = options.pid_file.with_suffix(".new")
    new.write_text(outer_pid)
    new.rename(options.pid_file)
    _reap()


def _mount_all(state: Path, binds: Sequence[str]) -> None:
    _mount("--make-rprivate", "/")
    _mount("-t", "proc", "proc", "/proc")
    # /sys has to be that of this network namespace: Neutron looks for devices there. The control groups
    # below it are kept meanwhile in the state folder.
    kept = state / "run" / "cgroup"
    kept.mkdir(exist_ok=True)
    _mount("--rbind", str(_CGROUPS), str(kept))
    _mount("-t", "sysfs", "sysfs", "/sys")
    _mount("--rbind", str(kept), str(_CGROUPS))
    _unmount(kept)
    # libvirt's LXC driver cannot use version 1 and version 2 side by side.
    _unmount(_CGROUPS / "unified")
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for name, owner in _RUN.items():
        folder = Path("/run", name)
        folder.mkdir()
        shutil.chown(folder, owner, owner)
    for name in _LOCKS:
        Path("/run/lock", name).mkdir()
    for bind in binds:
        source, _, target = bind.partition(":")
        _mount("--bind", source, target)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _unmount(path: Path) -> None:
    if path.is_mount():
        subprocess.run(["umount", "-l", path], check=True)


def _reap() -> None:
    """For ever: process 1 gets signals only for which it has a handler, and SIGKILL from outside."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        signal.sigtimedwait({signal.SIGCHLD}, 5.0)


if __name__ == "__main__":
    main()
