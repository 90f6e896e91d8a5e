"""What a flavor's vCPUs and RAM mean: a control group for each server, version 1 or 2.

Only root makes them here: an ordinary user's session has no controllers of its own unless somebody
delegated a group to it.
"""

# ruff: noqa: PTH103, PTH106, PTH110, PTH123, PTH208

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

ROOT = "/sys/fs/cgroup"
PREFIX = "kb-cloud-"

_PERIOD = 100_000
"""Microseconds over which a CPU quota is counted."""

_SHORT_PERIOD, _LEAST_QUOTA = 10_000, 1_000
"""Those of a server that has a part of its CPUs only; the kernel takes no smaller quota."""

_WEIGHT = 10
"""How many other programs the servers weigh as much as, all together, where there is too little CPU: a
generator that waits for a browser or a compiler would send late, and make a point invalid.
"""


class Groups:
    """The control groups of one cloud: `name` below the controllers' roots, a folder per server."""

    def __init__(self, name: str, root: str = ROOT) -> None:
        self.name = name
        self._unified = os.path.exists(f"{root}/cgroup.controllers")
        self._parents: dict[str, str] = {}
        self._locks: list[int] = []
        for controller in ("cpu", "memory", "blkio"):
            base = root if self._unified else f"{root}/{controller}"
            key = "io" if self._unified and controller == "blkio" else controller
            if self._usable(base, key):
                self._parents[controller] = f"{base}/{name}"

    def _usable(self, base: str, controller: str) -> bool:
        if not os.access(base, os.W_OK):
            return False
        if not self._unified:
            return os.path.exists(f"{base}/cgroup.procs")
        with open(f"{base}/cgroup.subtree_control") as file:
            return controller in file.read().split()

    @property
    def folders(self) -> tuple[str, ...]:
        """The cloud's own groups, in which those of its servers are."""
        return tuple(sorted(set(self._parents.values())))

    @property
    def controllers(self) -> frozenset[str]:
        """Which of cpu, memory and blkio are to be had."""
        return frozenset(self._parents)

    def create(self) -> None:
        """Make the cloud's own groups, locked as long as this process lives. Raises `OSError`."""
        for parent in set(self._parents.values()):
            os.makedirs(parent, exist_ok=True)
            self._locks.append(os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            fcntl.flock(self._locks[-1], fcntl.LOCK_SH)
            if self._unified:
                wanted = ("io" if controller == "blkio" else controller for controller in self._parents)
                _write(f"{parent}/cgroup.subtree_control", " ".join(f"+{each}" for each in wanted))
        if "cpu" in self._parents:
            name, usual = ("cpu.weight", 100) if self._unified else ("cpu.shares", 1024)
            _write(f"{self._parents['cpu']}/{name}", str(_WEIGHT * usual))

    def limit(self, server_id: str, vcpus: int, ram_mib: int) -> None:
        """Make a server's groups, for `enter`. Raises `OSError`."""
        for parent in set(self._parents.values()):
            os.makedirs(f"{parent}/{server_id}", exist_ok=True)
        ram = ram_mib << 20
        if "cpu" in self._parents and vcpus > 0:
            self.limit_cpu(server_id, vcpus)
        if "memory" in self._parents and ram > 0:
            name = "memory.max" if self._unified else "memory.limit_in_bytes"
            _write(f"{self._parents['memory']}/{server_id}/{name}", str(ram))

    def limit_cpu(self, server_id: str, vcpus: int, share: float = 1.0) -> None:
        """Let a server have a share of so many CPUs. A part of them is counted over short periods, since what
        has used up its quota stands still to their end. Raises `OSError`.
        """
        group = f"{self._parents['cpu']}/{server_id}"
        period = _PERIOD if share == 1 else max(_SHORT_PERIOD, round(_LEAST_QUOTA / (share * vcpus)))
        quota = max(round(share * vcpus * period), _LEAST_QUOTA)
        if self._unified:
            _write(f"{group}/cpu.max", f"{quota} {period}")
            return
        _write(
            f"{group}/cpu.cfs_quota_us", "-1"
        )  # or the kernel might refuse what stands between old and new
        _write(f"{group}/cpu.cfs_period_us", str(period))
        _write(f"{group}/cpu.cfs_quota_us", str(quota))

    def enter(self, server_id: str, pid: int = 0) -> None:
        """Put a process (0: this one), and all it will start, into a server's groups. Raises `OSError`."""
        for parent in set(self._parents.values()):
            _write(f"{parent}/{server_id}/cgroup.procs", str(pid))

    def throttle(self, server_id: str, device: int, iops: int | None, bandwidth: int | None) -> None:
        """Limit a server's I/O on a block device, reads and writes each, to `iops` operations and
        `bandwidth` bytes a second; None: no limit. Raises `OSError`.
        """
        if "blkio" not in self._parents:
            raise OSError(95, "there is no control group for block I/O on this machine")
        group = f"{self._parents['blkio']}/{server_id}"
        number = f"{os.major(device)}:{os.minor(device)}"
        if self._unified:
            rates = {"riops": iops, "wiops": iops, "rbps": bandwidth, "wbps": bandwidth}
            limits = " ".join(f"{name}={'max' if rate is None else rate}" for name, rate in rates.items())
            _write(f"{group}/io.max", f"{number} {limits}")
            return
        for unit, rate in (("iops", iops), ("bps", bandwidth)):
            for direction in ("read", "write"):
                _write(f"{group}/blkio.throttle.{direction}_{unit}_device", f"{number} {rate or 0}")

    def remove(self, server_id: str) -> None:
        """Remove a server's groups, which have to be empty by now."""
        for parent in self._parents.values():
            with suppress(OSError):
                os.rmdir(f"{parent}/{server_id}")


def sweep(root: str = ROOT) -> None:
    """Remove empty groups that clouds left whose every process was killed."""
    for base in (root, *(f"{root}/{controller}" for controller in ("cpu", "memory", "blkio"))):
        with suppress(OSError):
            for name in os.listdir(base):
                pid = name.removeprefix(PREFIX).partition("-")[0]
                if name.startswith(PREFIX) and pid.isdecimal() and not os.path.exists(f"/proc/{pid}"):
                    _remove_unlocked(f"{base}/{name}")


def _remove_unlocked(parent: str) -> None:
    """The process may live although it is not in our /proc: in another container."""
    folder = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove_tree(parent)
    finally:
        os.close(folder)


def _remove_tree(parent: str) -> None:
    with suppress(OSError):
        for entry in os.scandir(parent):
            if entry.is_dir():
                with suppress(OSError):
                    os.rmdir(entry.path)
        os.rmdir(parent)


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
