"""Process 1 of a server, a fork of the helper: boots it, runs its user_data, answers SSH, reaps.

sshd is started per connection (`sshd -i`), as inetd would: an idle server costs no sshd, and host
keys are read anew each time. `/run/sshd.pid` names this process, which takes a SIGHUP and ignores it.
"""

# Every server is a fork of this process: it does without pathlib, and works with descriptors.
# ruff: noqa: PTH101, PTH108, PTH123, PTH208

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

from kb_tests.localcloud.netns import linux, rootfs
from kb_tests.localcloud.netns.cgroups import Groups

ENVIRONMENT = {"PATH": rootfs.PATH, "HOME": "/root", "LANG": "C.UTF-8", "USER": "root", "LOGNAME": "root"}

MOUNT_SOCKET = "/run/kb-mount"
"""As in `mount_command`, which stands alone."""

_SSH_PORT = 22
_MAX_SSH = 64  # connections at once; the others wait in the listen queue
_LONGEST_REQUEST = 4096
_SCRIPT = "/var/lib/cloud/instance/user-data.txt"
_EACH_BOOT = "/var/lib/cloud/scripts/per-boot"
"""Where cloud-init looks for what has to run at each boot, by name, before user_data does."""

# What root keeps in a server: the usual set of containers, and its own network. Missing on purpose:
# SYS_ADMIN (mounts), SYS_MODULE, SYS_RAWIO, SYS_TIME, SYS_BOOT, SYSLOG, MKNOD, DAC_READ_SEARCH, BPF.
_CAPABILITIES = {
    "chown": 0,
    "dac_override": 1,
    "fowner": 3,
    "fsetid": 4,
    "kill": 5,
    "setgid": 6,
    "setuid": 7,
    "setpcap": 8,
    "net_bind_service": 10,
    "net_broadcast": 11,
    "net_admin": 12,
    "net_raw": 13,
    "ipc_lock": 14,
    "ipc_owner": 15,
    "sys_chroot": 18,
    "sys_ptrace": 19,
    "sys_nice": 23,
    "audit_write": 29,
    "setfcap": 31,
}


@dataclass(frozen=True)
class Server:
    """What process 1 has to know of its server."""

    id: str
    hostname: str
    run_user_data: bool
    rootless: bool


def run(server: Server, status: int, cloud: socket.socket, groups: Groups | None) -> None:
    """Set the server up, write one line to `status` (empty, or what went wrong), boot once a byte comes from
    there, and serve for ever.

    Standard output is the console; `cloud` takes requests to mount volumes.
    """
    try:
        _set_up(server, groups)
        init = _Init(cloud)
    except OSError as error:
        os.write(status, f"{error.strerror}: {error.filename}\n".encode())
        return
    os.write(status, b"\n")
    os.read(status, 1)
    os.close(status)
    _log(f"{server.hostname} is up")
    init.run_boot_scripts()
    if server.run_user_data:
        init.run_user_data()
    init.serve()


def _set_up(server: Server, groups: Groups | None) -> None:
    os.setsid()
    if groups is not None:
        groups.enter(server.id)
    linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWUTS | linux.CLONE_NEWIPC)
    linux.sethostname(server.hostname)
    rootfs.enter(server.id, rootless=server.rootless)
    os.umask(0o022)
    linux.keep_capabilities(frozenset(_CAPABILITIES.values()))
    os.environ.clear()
    os.environ.update(ENVIRONMENT)
    with open("/run/sshd.pid", "w") as file:
        file.write("1\n")


def _log(text: str) -> None:
    os.write(1, f"[{time.monotonic():12.6f}] init: {text}\n".encode())


class _Init:
    """The loop of process 1."""

    def __init__(self, cloud: socket.socket) -> None:
        self._cloud = cloud
        self._selector = selectors.DefaultSelector()
        self._ssh: set[int] = set()
        self._user_data: int | None = None
        self._quiet = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, lambda *_: None)
        for ignored in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ignored, signal.SIG_IGN)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        self._wake = wake_read
        self._selector.register(wake_read, selectors.EVENT_READ, self._woken)
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("0.0.0.0", _SSH_PORT))
        self._listener.setblocking(False)

        self._mounts = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._mounts.bind(MOUNT_SOCKET)
        os.chmod(MOUNT_SOCKET, 0o600)
        self._mounts.listen(8)
        self._selector.register(self._mounts, selectors.EVENT_READ, self._accept_mount)

    def serve(self) -> None:
        self._listener.listen(128)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        while True:
            for key, _ in self._selector.select():
                key.data()

    def run_boot_scripts(self) -> None:
        """Start what an earlier boot left to run at each one."""
        with suppress(OSError):
            for name in sorted(os.listdir(_EACH_BOOT)):
                if os.access(f"{_EACH_BOOT}/{name}", os.X_OK):
                    self._spawn([f"{_EACH_BOOT}/{name}"], self._quiet, 1, 2)

    def run_user_data(self) -> None:
        """Start the script that `rootfs` left on the disk; it may outlive us no further than we live."""
        self._user_data = self._spawn([_SCRIPT], self._quiet, 1, 2)

    def _spawn(self, command: list[str], stdin: int, stdout: int, stderr: int) -> int | None:
        actions = [(os.POSIX_SPAWN_DUP2, fd, place) for place, fd in enumerate((stdin, stdout, stderr))]
        try:
            return os.posix_spawn(
                command[0],
                command,
                ENVIRONMENT,
                file_actions=actions,
                setsid=True,
                setsigdef=[signal.SIGTERM, signal.SIGINT, signal.SIGPIPE],
            )
        except OSError as error:
            _log(f"cannot run {command[0]}: {error.strerror}")
            return None

    def _woken(self) -> None:
        os.read(self._wake, 4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._ssh:
                self._ssh.remove(pid)
                if len(self._ssh) == _MAX_SSH - 1:
                    self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
            elif pid == self._user_data:
                _log(f"user_data ended with status {os.waitstatus_to_exitcode(status)}")

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        with connection:
            connection.setblocking(True)
            _make_host_key()
            stream = connection.fileno()
            pid = self._spawn(["/usr/sbin/sshd", "-i", "-e"], stream, stream, 2)
        if pid is not None:
            self._ssh.add(pid)
            if len(self._ssh) == _MAX_SSH:
                self._selector.unregister(self._listener)

    def _accept_mount(self) -> None:
        """Hand a request of `mount_command` on, and its answer back."""
        client, _ = self._mounts.accept()
        with client, suppress(OSError):
            client.settimeout(1)
            request = client.recv(_LONGEST_REQUEST)
            if request:
                self._cloud.send(request)
                client.send(self._cloud.recv(_LONGEST_REQUEST))


def _make_host_key() -> None:
    """A fresh host key if there is none; one that somebody else writes meanwhile wins."""
    if any(name.startswith("ssh_host_") and name.endswith("_key") for name in os.listdir("/etc/ssh")):
        return
    draft = "/etc/ssh/.draft"
    command = ["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", draft]
    os.waitpid(os.posix_spawn(command[0], command, ENVIRONMENT), 0)
    for end in ("", ".pub"):
        with suppress(OSError):
            os.link(draft + end, f"/etc/ssh/ssh_host_ed25519_key{end}")
        with suppress(OSError):
            os.unlink(draft + end)
