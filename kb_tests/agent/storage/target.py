"""Finding, checking, formatting and mounting what the load goes to. Never by a name like vdb."""

from __future__ import annotations

import os
import stat
from typing import Dict, Iterator, NamedTuple, Optional

from .. import process
from .options import AbsentError, StorageError, Target

BY_ID = "/dev/disk/by-id"
BLOCKS = "/sys/block"
WORK = "/var/lib/kb-storage"

_SERIAL = 20  # characters of a volume's id that virtio-blk passes on
_ROUNDING = 16 << 20  # bytes that a back end may add to a volume
_MKFS_SECONDS = 120.0


class Place(NamedTuple):
    """Where fio reads and writes: a file, or the block device of the volume `raw`."""

    path: str
    raw: str = ""


def find(target: Target) -> Place:
    """The place of `target`, formatted and mounted where it has to be; raises StorageError."""
    if target.kind == "directory":
        if not os.path.isdir(target.directory):
            raise StorageError(f"The directory {target.directory} is not there.")
        return _file(target.directory, target)
    if target.kind == "ephemeral":
        os.makedirs(WORK, mode=0o700, exist_ok=True)
        return _file(WORK, target)
    device = find_volume(target.volume)
    check_size(device, target.volume_size)
    if target.file_system:
        return _file(_mounted(device, target), target)
    holds = _content(device)
    if holds:
        raise StorageError(f"The volume {target.volume} is not ours to overwrite: it holds {holds}.")
    _check_unused(device)
    return Place(device, raw=target.volume)


def find_volume(volume: str) -> str:
    """The device (its real path) whose serial number is the volume's id; raises StorageError."""
    found = {os.path.realpath(path) for path in _candidates(volume)}
    if not found:
        raise AbsentError(f"No device of this server carries the volume {volume}.")
    if len(found) > 1:
        raise StorageError(f"The volume {volume} appears as several devices: {', '.join(sorted(found))}.")
    return found.pop()


def _candidates(volume: str) -> Iterator[str]:
    """By udev's links (virtio-, scsi- and nvme- forms), or by the serial in sysfs where there is no udev."""
    serials = (volume[:_SERIAL], volume.replace("-", "")[:_SERIAL])
    for name in _names(BY_ID):
        if "-part" not in name and any(serial in name for serial in serials):
            yield os.path.join(BY_ID, name)
    for name in _names(BLOCKS):
        for place in ("serial", "device/serial"):
            try:
                with open(os.path.join(BLOCKS, name, place), encoding="ascii", errors="replace") as file:
                    serial = file.read(100).strip()
            except OSError:
                continue
            if serial.startswith(serials):
                yield "/dev/" + name


def _names(folder: str) -> Iterator[str]:
    try:
        yield from sorted(os.listdir(folder))
    except OSError:
        return


def check_size(device: str, size: int) -> None:
    """Refuse a device that is not about as large as the volume should be."""
    try:
        mode = os.stat(device).st_mode
        with open(device, "rb") as file:
            found = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise StorageError(f"The device {device} cannot be opened: {error.strerror}.") from error
    if not stat.S_ISBLK(mode) and not stat.S_ISREG(mode):
        raise StorageError(f"{device} is no block device.")
    if not size <= found <= size + _ROUNDING:
        raise StorageError(f"The device {device} has {found} bytes, the volume should have {size}.")


def _check_unused(device: str) -> None:
    """The kernel refuses O_EXCL for a block device that is mounted or part of another one."""
    if not stat.S_ISBLK(os.stat(device).st_mode):
        return
    try:
        os.close(os.open(device, os.O_RDWR | os.O_EXCL))
    except OSError as error:
        raise StorageError(f"The device {device} is in use: {error.strerror}.") from error


def _label(volume: str) -> str:
    return "kb-" + volume[:8]


def _content(device: str) -> str:
    """What a device holds, for people; "" if nothing is known of it."""
    if process.find("blkid") is None:
        raise StorageError("blkid is missing in the image, so that a volume's content cannot be checked.")
    facts = _facts(device)
    kind = facts.get("TYPE") or facts.get("PTTYPE")
    return f"{kind} ({facts.get('LABEL') or 'no label'})" if kind else ""


def _facts(device: str) -> Dict[str, str]:
    lines = process.run("blkid", "-p", "-o", "export", device).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _mounted(device: str, target: Target) -> str:
    """The folder where our file system on `device` is mounted; it is made if the device holds nothing."""
    label = _label(target.volume)
    folder = os.path.join(WORK, target.volume[:8])
    if os.path.ismount(folder):
        return folder
    holds = _content(device)
    if holds and holds != f"{target.file_system} ({label})":
        raise StorageError(f"The volume {target.volume} is not ours to format: it holds {holds}.")
    _check_unused(device)
    if not holds:
        force = "-f" if target.file_system == "xfs" else "-F"
        said = _run("mkfs." + target.file_system, force, "-q", "-L", label, device)
        if _content(device) != f"{target.file_system} ({label})":
            raise StorageError(f"The volume {target.volume} could not be formatted: {said or 'no word why'}.")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    said = _run("mount", "-t", target.file_system, "-o", "noatime", device, folder)
    if not os.path.ismount(folder):
        raise StorageError(f"The file system on {device} could not be mounted: {said or 'no word why'}.")
    return folder


def _run(program: str, *arguments: str) -> str:
    """What a program says; whether it did its work, the caller looks up."""
    if process.find(program) is None:
        raise StorageError(f"{program} is missing in the image.")
    return " ".join(process.run(program, *arguments, timeout=_MKFS_SECONDS).split())[:300]


def _file(folder: str, target: Target) -> Place:
    path = os.path.join(folder, "kb.data")
    there = os.stat(path).st_blocks * 512 if os.path.exists(path) else 0
    room = os.statvfs(folder)
    if there + room.f_bavail * room.f_frsize < target.size:
        free = room.f_bavail * room.f_frsize
        raise StorageError(f"{folder} has {free} bytes free, a file of {target.size} bytes does not fit.")
    return Place(path)


def hole(path: str, size: int) -> Optional[int]:
    """The first byte below `size` of the file at `path` that was never written, or None.

    Allocated but unwritten extents are holes too: they read as zeros, at no cost.
    """
    with open(path, "rb") as file:
        found = os.lseek(file.fileno(), 0, os.SEEK_HOLE)
    return found if found < size else None
