"""The file system of a server, made in its own mount namespace.

`/usr` is the host's (as root with a writable layer over it). `/etc` and `/var` are layers over
copies made once per cloud: of `/etc` the files that everybody may read, of `/var` the folders
alone. So no secret of the host gets into a server, and root and rootless servers look the same.
Everything else is new and empty. A server's disk (its layers and folders) lies in one tmpfs, in a
folder of its own, and outlives its processes until the server is destroyed.
"""

# Every server is a fork of this process: it does without pathlib, and works with descriptors.
# ruff: noqa: PTH101, PTH102, PTH103, PTH110, PTH112, PTH114, PTH115, PTH120, PTH123, PTH208, PTH211

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress

from kb_tests.localcloud.netns import linux
from kb_tests.localcloud.netns.mounts import MKFS_XFS

BASE = "/mnt"
"""Where the helper mounts its tmpfs, in its own mount namespace."""

CONFIG_DRIVE = "/mnt/config"
"""Where a server finds its config drive (`openstack/latest/...`), read-only."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_LOWER = f"{BASE}/lower"
_DISKS = f"{BASE}/disks"
_VAR_DEPTH = 3
_NODES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
_OF_THE_HOST = {"hostname", "hosts", "machine-id", "resolv.conf", "shadow", "shadow-", "gshadow", "gshadow-"}
_MASKED = ("acpi", "kcore", "keys", "latency_stats", "timer_list", "sched_debug", "scsi")
_READ_ONLY = ("bus", "fs", "irq", "sysrq-trigger")

_SSHD_CONFIG = """\
Include /etc/ssh/sshd_config.d/*.conf
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
"""


def var_folders() -> list[tuple[str, int, int, int]]:
    """Folders of the host's /var, parents first: path, mode, uid, gid. For `prepare`, but to be called
    outside of the cloud's namespaces, where owners have their true ids.
    """
    found: list[tuple[str, int, int, int]] = []
    waiting = [("/var", 0)]
    while waiting:
        parent, depth = waiting.pop(0)
        with suppress(OSError), os.scandir(parent) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                if entry.is_dir(follow_symlinks=False) and entry.name not in ("run", "lock"):
                    status = entry.stat()
                    found.append((entry.path, status.st_mode & 0o7777, status.st_uid, status.st_gid))
                    if depth + 1 < _VAR_DEPTH:
                        waiting.append((entry.path, depth + 1))
    return found


def prepare(folders: list[tuple[str, int, int, int]]) -> None:
    """Mount the cloud's tmpfs and fill the layers that its servers share.

    `folders` are those of /var: see `var_folders`.
    """
    with open(f"{os.path.dirname(__file__)}/mount_command.py") as file:
        mount_command = "#!/usr/bin/python3 -IS\n" + file.read()
    linux.mount("kb", BASE, "tmpfs", 0, "mode=755,nr_inodes=0")
    for folder in (_LOWER, _DISKS):
        os.mkdir(folder)
    os.makedirs(f"{_LOWER}/usr/local/sbin")
    for name in ("mount", "umount", *(("mkfs.xfs",) if os.path.exists(MKFS_XFS) else ())):
        _write(f"{_LOWER}/usr/local/sbin/{name}", mount_command, 0o755)
    _copy_etc("/etc", f"{_LOWER}/etc")
    os.mkdir(f"{_LOWER}/var")
    for path, mode, uid, gid in folders:
        copy = f"{_LOWER}{path}"
        os.mkdir(copy)
        os.chmod(copy, mode)
        try:
            os.chown(copy, uid, gid)
        except OSError:
            continue  # an id that this user namespace does not map
    os.symlink("/run", f"{_LOWER}/var/run")
    os.symlink("/run/lock", f"{_LOWER}/var/lock")
    _write_accounts(f"{_LOWER}/etc")
    os.makedirs(f"{_LOWER}/etc/ssh", exist_ok=True)
    _write(f"{_LOWER}/etc/ssh/sshd_config", _SSHD_CONFIG)
    _write(f"{_LOWER}/etc/resolv.conf", "")
    _write(f"{_LOWER}/etc/sudoers", "root ALL=(ALL:ALL) NOPASSWD: ALL\n@includedir /etc/sudoers.d\n", 0o440)
    os.makedirs(f"{_LOWER}/etc/sudoers.d", exist_ok=True)


def _write(path: str, text: str | bytes, mode: int = 0o644) -> None:
    data = text.encode() if isinstance(text, str) else text
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        os.write(fd, data)
        os.fchmod(fd, mode)
    finally:
        os.close(fd)


def _copy_etc(source: str, target: str) -> None:
    os.mkdir(target)
    shutil.copymode(source, target)
    for entry in os.scandir(source):
        copy = f"{target}/{entry.name}"
        if entry.name in _OF_THE_HOST or entry.name.startswith("ssh_host_"):
            continue
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), copy)
            continue
        mode = entry.stat().st_mode
        if stat.S_ISDIR(mode) and mode & stat.S_IROTH:
            _copy_etc(entry.path, copy)
        elif stat.S_ISREG(mode) and mode & stat.S_IROTH:
            try:
                shutil.copy(entry.path, copy)
            except PermissionError:
                continue  # an access list forbids what the mode allows


def _write_accounts(etc: str) -> None:
    """Passwords that nobody knows: no login by password, but none of the accounts is locked."""
    for source, target, rest in (("passwd", "shadow", ":*:19000:0:99999:7:::"), ("group", "gshadow", ":*::")):
        with open(f"{etc}/{source}") as lines:
            names = [line.split(":", 1)[0] for line in lines if ":" in line]
        _write(f"{etc}/{target}", "".join(f"{name}{rest}\n" for name in names), 0o640)


def disk(server_id: str) -> str:
    """The folder that holds a server's disk."""
    return f"{_DISKS}/{server_id}"


def erase(server_id: str) -> None:
    """Forget a server's disk."""
    shutil.rmtree(disk(server_id), ignore_errors=True)


def create_disk(server_id: str, files: dict[str, tuple[bytes, int]], config_drive: dict[str, bytes]) -> None:
    """A new disk with `files` (path to content and mode) on it, and what the config drive holds."""
    home = disk(server_id)
    for folder in ("", "/root", "/layers", "/config"):
        os.mkdir(f"{home}{folder}")
    for folder, mode in (
        ("boot", 0o755),
        ("dev", 0o755),
        ("etc", 0o755),
        ("home", 0o755),
        ("media", 0o755),
        ("mnt", 0o755),
        ("opt", 0o755),
        ("proc", 0o555),
        ("root", 0o700),
        ("run", 0o755),
        ("srv", 0o755),
        ("sys", 0o555),
        ("tmp", 0o1777),
        ("usr", 0o755),
        ("var", 0o755),
    ):
        os.mkdir(f"{home}/root/{folder}")
        os.chmod(f"{home}/root/{folder}", mode)
    os.mkdir(f"{home}/root{CONFIG_DRIVE}")
    os.mkdir(f"{home}/local")
    for folder in ("bin", "etc", "games", "include", "lib", "sbin", "share", "src"):
        os.mkdir(f"{home}/local/{folder}")
    for name in ("etc", "var", "usr"):
        os.makedirs(f"{home}/layers/{name}/upper")
        os.mkdir(f"{home}/layers/{name}/work")
    for name in os.listdir("/"):
        if os.path.islink(f"/{name}") and os.readlink(f"/{name}").startswith("usr/"):
            os.symlink(os.readlink(f"/{name}"), f"{home}/root/{name}")
    for path, content in config_drive.items():
        os.makedirs(os.path.dirname(f"{home}/config/{path}"), exist_ok=True)
        _write(f"{home}/config/{path}", content)
    for path, (content, mode) in files.items():
        top, _, rest = path.lstrip("/").partition("/")
        layer = f"{home}/layers/{top}/upper" if top in ("etc", "var", "usr") else f"{home}/root/{top}"
        parent = os.path.dirname(f"{layer}/{rest}")
        if not os.path.isdir(parent):
            os.makedirs(parent, 0o700 if top == "root" else 0o755)
        _write(f"{layer}/{rest}", content, mode)


def enter(server_id: str, *, rootless: bool) -> None:
    """Make a server's disk the root of this process, which is pid 1 of its own namespaces."""
    home = disk(server_id)
    root = f"{home}/root"
    linux.bind(root, root)
    for name in ("etc", "var"):
        _overlay(f"{_LOWER}/{name}", f"{home}/layers/{name}", f"{root}/{name}", rootless=rootless)
    if rootless:
        linux.bind("/usr", f"{root}/usr", read_only=True, recursive=True)
        linux.bind(f"{home}/local", f"{root}/usr/local")
    else:
        _overlay(f"{_LOWER}/usr:/usr", f"{home}/layers/usr", f"{root}/usr", rootless=False)
    linux.bind(f"{home}/config", f"{root}{CONFIG_DRIVE}", read_only=True)
    _mount_proc(f"{root}/proc")
    quiet = linux.MS_NOSUID | linux.MS_NODEV
    linux.mount("sysfs", f"{root}/sys", "sysfs", quiet | linux.MS_NOEXEC | linux.MS_RDONLY)
    linux.mount("tmpfs", f"{root}/run", "tmpfs", quiet, "mode=755")
    os.makedirs(f"{root}/run/lock")
    os.mkdir(f"{root}/run/sshd")
    _make_dev(f"{root}/dev", rootless=rootless)
    linux.change_root(root)


def _overlay(lower: str, layer: str, target: str, *, rootless: bool) -> None:
    options = f"lowerdir={lower},upperdir={layer}/upper,workdir={layer}/work"
    linux.mount("overlay", target, "overlay", 0, options + (",userxattr" if rootless else ""))


def _mount_proc(proc: str) -> None:
    linux.mount("proc", proc, "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    linux.bind(f"{proc}/sys", f"{proc}/sys", read_only=True)
    linux.bind(f"{proc}/sys/net", f"{proc}/sys/net")
    linux.mount("", f"{proc}/sys/net", flags=linux.MS_REMOUNT | linux.MS_BIND)
    for name in _READ_ONLY:
        if os.path.exists(f"{proc}/{name}"):
            linux.bind(f"{proc}/{name}", f"{proc}/{name}", read_only=True)
    for name in _MASKED:
        if os.path.isdir(f"{proc}/{name}"):
            linux.mount("tmpfs", f"{proc}/{name}", "tmpfs", linux.MS_RDONLY)
        elif os.path.exists(f"{proc}/{name}"):
            linux.bind("/dev/null", f"{proc}/{name}")


def _make_dev(dev: str, *, rootless: bool) -> None:
    linux.mount("tmpfs", dev, "tmpfs", linux.MS_NOSUID, "mode=755,size=64k,nr_inodes=1k")
    for name, minor in {**_NODES, "tty": 0}.items():
        node = f"{dev}/{name}"
        if rootless:
            _write(node, "")
            linux.bind(f"/dev/{name}", node)
        else:
            os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(5 if name == "tty" else 1, minor))
            os.chmod(node, 0o666)  # noqa: S103 - as the device nodes are on every Linux
    for name, there in (
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("console", "/proc/1/fd/1"),
        ("ptmx", "pts/ptmx"),
    ):
        os.symlink(there, f"{dev}/{name}")
    os.makedirs(f"{dev}/disk/by-id")
    for folder in ("pts", "shm", "mqueue"):
        os.mkdir(f"{dev}/{folder}")
    quiet = linux.MS_NOSUID | linux.MS_NOEXEC
    linux.mount("devpts", f"{dev}/pts", "devpts", quiet, "newinstance,ptmxmode=0666,mode=620,gid=5")
    linux.mount("tmpfs", f"{dev}/shm", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=1777")
    linux.mount("mqueue", f"{dev}/mqueue", "mqueue", quiet | linux.MS_NODEV)
