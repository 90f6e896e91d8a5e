"""Volumes: files full of data, in a folder of this process's own that goes when it ends."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import mmap
import os
import random
import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from kb_tests.localcloud.driver import DriverError
from kb_tests.localcloud.netns.link import HelperLink

_CHUNK = 4 << 20
_FILLED_AT_ONCE = 2
_FOLDER = "kb-volumes-"
_LETTERS = "bcdefghijklmnopqrstuvwxyz"


class Volumes:
    """The cloud's volumes, and which server has which, as what (vdb, vdc, ...)."""

    def __init__(self, link: HelperLink, state: Path) -> None:
        """`state`: where to make the folder."""
        self._link = link
        self._state = state
        self._lock: int | None = None
        self._files: dict[str, int] = {}
        self._attached: dict[str, dict[str, str]] = {}
        self._faulty: set[str] = set()
        self._filling = asyncio.Semaphore(_FILLED_AT_ONCE)

    def open(self) -> Path:
        """Make the folder, which a lock marks as in use; remove those that killed clouds left.

        Raises `DriverError`.
        """
        try:
            self._state.mkdir(parents=True, exist_ok=True)
            self._sweep()
            self._folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=self._state.resolve()))
            self._lock = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        except OSError as error:
            raise DriverError(f"No folder for volumes can be made in {self._state}: {error}.") from None
        return self._folder

    def _sweep(self) -> None:
        for folder in self._state.glob(f"{_FOLDER}*"):
            with suppress(OSError):
                lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder)
                finally:
                    os.close(lock)

    async def put(self, volume_id: str, size: int) -> None:
        """Make a volume of `size` bytes, or one that is there as large, and write it full."""
        known = self._files.get(volume_id)
        if known is not None and os.fstat(known).st_size >= size:
            return
        async with self._filling:
            fd = known if known is not None else (await self._link.ask("volume", volume=volume_id))[0]
            given_up = threading.Event()
            try:
                await asyncio.to_thread(_fill_copy, os.dup(fd), size, given_up)
            except BaseException as error:
                given_up.set()
                if known is None:
                    os.close(fd)
                if not isinstance(error, OSError):
                    raise
                if known is None:
                    await self._link.ask_removal("volume-delete", volume=volume_id)
                raise DriverError(
                    f"Volume {volume_id} of {size} bytes cannot be made in {self._state}: {error.strerror}."
                ) from None
            self._files[volume_id] = fd

    async def delete(self, volume_id: str) -> None:
        """Forget a volume; its space is free when nobody uses it any more."""
        for server_id, volumes in list(self._attached.items()):
            if volume_id in volumes:
                await self.detach(server_id, volume_id)
        self._faulty.discard(volume_id)
        fd = self._files.pop(volume_id, None)
        if fd is not None:
            os.close(fd)
            await self._link.ask_removal("volume-delete", volume=volume_id)

    async def attach(self, server_id: str, volume_id: str, *, running: bool, faulty: bool = False) -> str:
        """Give a volume to a server; the device's path in it."""
        (self._faulty.add if faulty else self._faulty.discard)(volume_id)
        volumes = self._attached.setdefault(server_id, {})
        if volume_id not in self._files:
            raise DriverError(f"There is no volume {volume_id}.")
        if volume_id not in volumes:
            used = set(volumes.values())
            name = next((f"vd{letter}" for letter in _LETTERS if f"vd{letter}" not in used), None)
            if name is None:
                raise DriverError(f"Server {server_id} has no device name left for volume {volume_id}.")
            volumes[volume_id] = name
            if running:
                try:
                    await self._show(server_id, volume_id)
                except DriverError:
                    del volumes[volume_id]
                    raise
        return f"/dev/{volumes[volume_id]}"

    async def detach(self, server_id: str, volume_id: str) -> None:
        """Take a volume from a server."""
        name = self._attached.get(server_id, {}).pop(volume_id, None)
        if name is not None:
            await self._link.ask_removal("volume-detach", server=server_id, volume=volume_id, name=name)

    async def throttle(self, server_id: str, volume_id: str, iops: int | None, bandwidth: int | None) -> None:
        """Slow an attached volume down."""
        if volume_id not in self._attached.get(server_id, {}):
            raise DriverError(f"Volume {volume_id} is not attached to server {server_id}.")
        await self._link.ask(
            "volume-throttle", server=server_id, volume=volume_id, iops=iops, bandwidth=bandwidth
        )

    async def shrink(self, volume_id: str, size: int | None) -> None:
        """Let an attached volume end early."""
        await self._link.ask("volume-shrink", volume=volume_id, size=size or 0)

    async def corrupt(self, volume_id: str, every: int) -> int:
        """Change a byte in each part of `every` bytes; how many were changed."""
        fd = self._files.get(volume_id)
        if fd is None:
            raise DriverError(f"There is no volume {volume_id}.")
        try:
            return await asyncio.to_thread(_corrupt_copy, os.dup(fd), every)
        except OSError as error:
            raise DriverError(f"Volume {volume_id} cannot be corrupted: {error.strerror}.") from None

    async def show_all(self, server_id: str) -> None:
        """Make a server that has just booted see the volumes it has."""
        for volume_id in self._attached.get(server_id, {}):
            await self._show(server_id, volume_id)

    async def release(self, server_id: str) -> None:
        """Take all volumes from a server that is going."""
        for volume_id in list(self._attached.get(server_id, {})):
            await self.detach(server_id, volume_id)
        self._attached.pop(server_id, None)

    async def _show(self, server_id: str, volume_id: str) -> None:
        await self._link.ask(
            "volume-attach",
            (self._files[volume_id],),
            server=server_id,
            volume=volume_id,
            name=self._attached[server_id][volume_id],
            faulty=volume_id in self._faulty,
        )

    def close(self) -> None:
        """Forget all."""
        for fd in self._files.values():
            os.close(fd)
        self._files.clear()
        self._attached.clear()
        if self._lock is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            os.close(self._lock)
            self._lock = None


def _corrupt_copy(fd: int, every: int) -> int:
    """Each changed byte is at a place of chance in its part, and flipped whole, so that it surely differs."""
    chance = random.Random()  # noqa: S311 - chance, no secret
    try:
        size = os.fstat(fd).st_size
        for start in range(0, size, every):
            place = start + chance.randrange(min(every, size - start))
            (byte,) = os.pread(fd, 1, place)
            os.pwrite(fd, bytes((byte ^ 0xFF,)), place)
        os.fsync(fd)
    finally:
        os.close(fd)
    return -(-size // every)


def _fill_copy(fd: int, size: int, given_up: threading.Event) -> None:
    """`fill` for a descriptor of its own, since whoever waits for this thread may be gone meanwhile."""
    try:
        fill(fd, size, given_up)
    finally:
        os.close(fd)


def fill(fd: int, size: int, given_up: threading.Event) -> None:
    """Let a file have `size` bytes and write every block that it did not have: a sparse or merely allocated
    file answers reads without touching the disk. The data is random, a mebibyte repeated, so that no file
    system stores it smaller than it is. Raises `OSError`, also soon after `given_up` is set; the file is as
    large as before then.
    """
    before = os.fstat(fd).st_size
    try:
        os.posix_fallocate(fd, before, size - before)
        _fill(fd, before, size, given_up)
    except BaseException:
        os.ftruncate(fd, before)
        raise
    os.fsync(fd)


def _fill(fd: int, start: int, end: int, given_up: threading.Event) -> None:
    with mmap.mmap(-1, _CHUNK) as chunk:
        chunk.write(os.urandom(1 << 20) * (_CHUNK >> 20))
        with memoryview(chunk) as view:
            _write_all(fd, view, start, end, given_up)


def _write_all(fd: int, data: memoryview, start: int, end: int, given_up: threading.Event) -> None:
    """Past the page cache where the file system can."""
    try:
        direct = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)
    except OSError:
        direct = os.dup(fd)
    try:
        whole = end - end % mmap.PAGESIZE
        for offset in range(start, whole, _CHUNK):
            if given_up.is_set():
                raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
            os.pwrite(direct, data[: min(_CHUNK, whole - offset)], offset)
    finally:
        os.close(direct)
    os.pwrite(fd, data[: end - whole], whole)
