"""Volumes as devices in a server: what the helper does of it.

As root a volume is a loop device past the page cache, whose node exists in the server's /dev alone.
Rootless it is the plain file itself, mounted at the device's place.
"""

from __future__ import annotations

import fcntl
import os
import stat
import struct
from collections.abc import Callable
from contextlib import suppress

from kb_tests.localcloud.netns import linux
from kb_tests.localcloud.netns.faulty import FaultyFile

# ruff: noqa: PTH106, PTH108, PTH123, PTH208, PTH211 - as in the other modules of the helper

_LOOP_CTL_GET_FREE = 0x4C82
_LOOP_CONFIGURE = 0x4C0A
_LOOP_CLR_FD = 0x4C01
_LOOP_SET_STATUS64 = 0x4C04
_LOOP_GET_STATUS64 = 0x4C05
_LO_FLAGS_AUTOCLEAR = 4
_LO_FLAGS_DIRECT_IO = 16
_LOOP_INFO64 = struct.Struct("=QQQQQIIII64s64s32sQQ")
_SIZE_LIMIT = 4
_TRIES = 50


class BlockDevices:
    """The loop devices that this process keeps open; the kernel clears them when it ends."""

    def __init__(self) -> None:
        self._loops: dict[str, int] = {}
        self._faulty: dict[str, FaultyFile] = {}
        self._path = ""
        self._folder = -1
        self._rootless = False

    def prepare(self, folder: str, *, rootless: bool) -> None:
        """Make files in `folder` from now on, whatever is mounted over it later."""
        self._path = folder
        self._folder = os.open(folder, os.O_DIRECTORY | os.O_CLOEXEC)
        self._rootless = rootless

    def new_file(self, volume_id: str) -> int:
        """An empty file for a volume: as root without a name, so that it goes with the last process that
        holds it. Rootless it needs one, since the kernel mounts no file that has none; and it has to be
        opened here, since a file of another mount namespace could not be mounted in a server.
        """
        flags = os.O_RDWR | os.O_CLOEXEC
        if not self._rootless:
            with suppress(OSError):  # a file system that has no such files
                return os.open(".", os.O_TMPFILE | flags, 0o600, dir_fd=self._folder)
        fd = os.open(volume_id, os.O_CREAT | os.O_EXCL | flags, 0o600, dir_fd=self._folder)
        if not self._rootless:
            os.unlink(volume_id, dir_fd=self._folder)
        return fd

    def delete_file(self, volume_id: str) -> None:
        """Forget a volume's name."""
        with suppress(FileNotFoundError):
            os.unlink(volume_id, dir_fd=self._folder)

    def delete_files(self) -> None:
        """Forget all names and the folder, when nobody is there any more to do it."""
        if self._folder >= 0:
            for name in os.listdir(self._folder):
                self.delete_file(name)
            with suppress(OSError):
                os.rmdir(self._path)

    def attach(self, pid: int, volume_id: str, name: str, file: int, *, faulty_at: str | None = None) -> None:
        """Show the volume `file` as /dev/`name` in the server with process 1 `pid`; perhaps by way of a
        process that can let it go wrong, for which a file is made at `faulty_at` for a moment.
        """
        if faulty_at is not None and self._rootless:
            raise OSError(95, "only root can have volumes that can go wrong")
        link = _link(volume_id)
        if self._rootless:
            mount = linux.clone_mount(file)

            def place() -> None:
                os.close(os.open(f"/dev/{name}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                linux.place_mount(mount, f"/dev/{name}")
                os.symlink(f"../../{name}", link)

            try:
                inside(pid, place)
            finally:
                os.close(mount)
            return
        loop = self._loops.get(volume_id)
        if loop is None:
            if faulty_at is not None:
                faulty = self._faulty[volume_id] = FaultyFile(faulty_at, file)
                file = faulty.file
            loop = self._loops[volume_id] = _new_loop(file)
        device = os.fstat(loop).st_rdev

        def make() -> None:
            os.mknod(f"/dev/{name}", stat.S_IFBLK | 0o660, device)
            os.symlink(f"../../{name}", link)

        inside(pid, make)

    def number(self, volume_id: str) -> int:
        """The device number of an attached volume. Raises `OSError` where it is a plain file."""
        if volume_id not in self._loops:
            raise OSError(95, "only a volume that is attached as a loop device (as root) can do this")
        return os.fstat(self._loops[volume_id]).st_rdev

    def shrink(self, volume_id: str, size: int) -> None:
        """Let an attached volume end after `size` bytes, at its true end for 0."""
        self.number(volume_id)
        loop = self._loops[volume_id]
        info = bytearray(_LOOP_INFO64.size)
        fcntl.ioctl(loop, _LOOP_GET_STATUS64, info)
        fields = list(_LOOP_INFO64.unpack(info))
        fields[_SIZE_LIMIT] = size
        fcntl.ioctl(loop, _LOOP_SET_STATUS64, _LOOP_INFO64.pack(*fields))

    def tell(self, volume_id: str, faults: dict[str, float]) -> None:
        """Let this be wrong with a volume, and nothing else. Raises `OSError` for one not made for that."""
        if volume_id not in self._faulty:
            raise OSError(
                95, "only an attached volume whose type has the property kb:faulty=true can do this"
            )
        self._faulty[volume_id].tell(faults)

    def detach(self, pid: int | None, volume_id: str, name: str) -> None:
        """Take /dev/`name` away, from a running server if `pid` is given."""

        def remove() -> None:
            with suppress(FileNotFoundError):
                os.unlink(_link(volume_id))
            with suppress(OSError):
                linux.unmount(f"/dev/{name}", linux.MNT_DETACH)
            with suppress(FileNotFoundError):
                os.unlink(f"/dev/{name}")

        if pid is not None:
            inside(pid, remove)
        loop = self._loops.pop(volume_id, None)
        if loop is not None:
            with suppress(OSError):
                fcntl.ioctl(loop, _LOOP_CLR_FD)
            os.close(loop)
        if faulty := self._faulty.pop(volume_id, None):
            faulty.close()


def _link(volume_id: str) -> str:
    """Where udev would put a link to a virtio disk that has the volume's id as its serial number."""
    return f"/dev/disk/by-id/virtio-{volume_id[:20]}"


def _new_loop(file: int) -> int:
    """A loop device over `file`, which goes when the returned descriptor is closed."""
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        for _ in range(_TRIES):  # somebody else may take the free one first
            number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
            loop = os.open(f"/dev/loop{number}", os.O_RDWR | os.O_CLOEXEC)
            try:
                _configure(loop, file)
            except OSError:
                os.close(loop)
                continue
            return loop
    finally:
        os.close(control)
    raise OSError(16, "no loop device could be had", "/dev/loop-control")


def _configure(loop: int, file: int) -> None:
    flags = _LO_FLAGS_AUTOCLEAR | _LO_FLAGS_DIRECT_IO
    info = _LOOP_INFO64.pack(0, 0, 0, 0, 0, 0, 0, 0, flags, b"", b"", b"", 0, 0)
    for block_size in (512, 4096):  # direct I/O needs the block size of what lies below
        config = struct.pack("=II", file, block_size) + info + bytes(64)
        try:
            fcntl.ioctl(loop, _LOOP_CONFIGURE, config)
        except OSError:
            if block_size == 4096:
                raise
        else:
            return


def inside(pid: int, action: Callable[[], None]) -> None:
    """Do something in a server's mount namespace, by a short-lived child. Raises `OSError`."""
    read, write = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        try:
            namespace = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
            linux.setns(namespace, linux.CLONE_NEWNS)
            action()
            os._exit(0)
        except BaseException as error:  # nothing may return into the helper's code
            os.write(write, f"{error}".encode()[:4000])
        finally:
            os._exit(1)
    os.close(write)
    with open(read, "rb") as complaint:
        text = complaint.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise OSError(5, text or "the server's file system could not be entered")
