"""File systems on volumes, mounted by the helper at the request of a server's root; and XFS, made by it too.

The request is untrusted. What can be mounted is a volume of the server itself, with a type and options
out of a short list, in the server's own mount namespace; only such mounts can be taken away.
"""

# ruff: noqa: PTH123 - as in the other modules of the helper

from __future__ import annotations

import json
import os
import re

from kb_tests.localcloud.netns import linux
from kb_tests.localcloud.netns.blockdev import inside

MKFS_XFS = "/usr/sbin/mkfs.xfs"
"""The host's own: what a server has in its place is not to be run with the helper's rights."""

_KINDS = frozenset({"ext2", "ext3", "ext4", "xfs"})
_FLAGS = {
    "defaults": 0,
    "rw": 0,
    "ro": linux.MS_RDONLY,
    "noatime": 1 << 10,
    "nodiratime": 1 << 11,
    "relatime": 1 << 21,
    "sync": 1 << 4,
    "nosuid": 0,
    "nodev": 0,
    "noexec": linux.MS_NOEXEC,
}


def serve(pid: int, request: bytes) -> str:
    """Do what the server with process 1 `pid` asks: "ok", or why not."""
    try:
        wish = json.loads(request)
        if wish["op"] == "mount":
            _mount(pid, wish)
        elif wish["op"] == "mkfs.xfs":
            _make_xfs(pid, wish)
        else:
            _unmount(pid, wish)
    except OSError as error:
        return f"{error.strerror or error}"
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return f"not understood: {error}"
    return "ok"


def _mount(pid: int, wish: dict[str, object]) -> None:
    device, target, kind, options = _device(wish), wish["target"], wish["kind"], wish["options"]
    if kind not in _KINDS:
        raise ValueError(f"the file system must be one of {', '.join(sorted(_KINDS))}")
    if not isinstance(options, list) or not all(isinstance(each, str) for each in options):
        raise TypeError("the options are no list")
    unknown = [option for option in options if option not in _FLAGS]
    if unknown:
        raise ValueError(f"the option {unknown[0][:40]!r} is not offered")
    flags = linux.MS_NOSUID | linux.MS_NODEV
    for option in options:
        flags |= _FLAGS[option]
    place = _path(target)
    inside(pid, lambda: linux.mount(device, place, str(kind), flags))


def _unmount(pid: int, wish: dict[str, object]) -> None:
    target = _path(wish["target"])
    with open(f"/proc/{pid}/mountinfo") as lines:
        mounts = [line.split() for line in lines]
    kinds = [fields[fields.index("-") + 1] for fields in mounts if fields[4] == target]
    if not kinds or kinds[-1] not in _KINDS:
        raise ValueError("no volume is mounted there")
    flags = linux.MNT_DETACH if wish.get("lazy") is True else 0
    inside(pid, lambda: linux.unmount(target, flags))


def _make_xfs(pid: int, wish: dict[str, object]) -> None:
    """It sets the block size of the device, for which a server's root lacks the right (SYS_ADMIN)."""
    label = wish["label"]
    if not isinstance(label, str) or not re.fullmatch(r"[A-Za-z0-9_.-]{0,12}", label):
        raise ValueError("the label is none of XFS")
    volume = os.open(f"/proc/{pid}/root{_device(wish)}", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    read, write = os.pipe2(os.O_CLOEXEC)
    command = [MKFS_XFS, "-f", "-q", *(["-L", label] if label else []), "/proc/self/fd/3"]
    actions = [(os.POSIX_SPAWN_DUP2, fd, place) for fd, place in ((write, 1), (write, 2), (volume, 3))]
    with open(read, "rb") as complaint:
        try:
            child = os.posix_spawn(command[0], command, {}, file_actions=actions)
        finally:
            os.close(volume)
            os.close(write)
        text = complaint.read().decode(errors="replace")
    if os.waitpid(child, 0)[1]:
        raise OSError(5, f"XFS cannot be made: {' '.join(text.split())[:300]}")


def _device(wish: dict[str, object]) -> str:
    device = wish["device"]
    if not isinstance(device, str) or not re.fullmatch(r"/dev/vd[b-z]", device):
        raise ValueError("the device is no volume of this server")
    return device


def _path(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        raise ValueError("the target is no absolute path")
    return value
