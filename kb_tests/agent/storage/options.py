"""What the controller asks for, checked: the target of the load, and the fio job."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

MODES = ("read", "write", "rw", "randread", "randwrite", "randrw")
FILE_SYSTEMS = ("xfs", "ext4")

EXTRA_OPTIONS = {
    "buffer_compress_percentage": r"[0-9]{1,3}",
    "dedupe_percentage": r"[0-9]{1,3}",
    "direct": r"[01]",
    "fdatasync": r"[0-9]{1,9}",
    "fsync": r"[0-9]{1,9}",
    "ioengine": r"libaio|io_uring|posixaio|psync|pvsync|pvsync2|sync",
    "iodepth_batch_complete_max": r"[0-9]{1,4}",
    "iodepth_batch_complete_min": r"[0-9]{1,4}",
    "iodepth_batch_submit": r"[0-9]{1,4}",
    "norandommap": r"[01]",
    "percentage_random": r"[0-9]{1,3}",
    "random_distribution": r"random|(zipf|pareto|normal):[0-9.:]{1,20}",
    "refill_buffers": r"[01]",
    "sync": r"0|1|none|sync|dsync",
}
"""fio options that may be added, with the form of their values; the scenario schema has the same table."""

SPARE = 300
"""Seconds for which fio could go on: it is told to end, and may have begun long before the ramp."""

MOST_LOGGED = 1_000_000
"""I/Os of one job that fio keeps a line of until its end, in up to 50 MB of memory."""

SYNCS = ("fdatasync", "fsync")
"""Options by which every n-th write is followed by what makes it last."""

ONE_AT_A_TIME = ("psync", "pvsync", "pvsync2", "sync")
"""Engines that make one I/O at a time."""

FOR_SYNCS = {"disable_clat": "0", "clat_percentiles": "1", "lat_percentiles": "0"}
"""What makes fio time them right. libaio makes them by calls that wait: up to 3.30 fio begins to time these
when they have ended, from 3.31 on when the slot that they take was used last. Up to 3.17 it tells their bins
only together with those of completion latencies, which are psync's total latencies to a microsecond.
"""

_VOLUME = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DIRECTORY = r"(/[A-Za-z0-9_.-]+)+"


class StorageError(Exception):
    """The load cannot be made; one sentence says why."""


class AbsentError(StorageError):
    """A device is not there, or not yet."""


class Target(NamedTuple):
    """What is read and written.

    `kind` is "volume" (the Cinder volume of that id and size in bytes; raw unless it gets a file system),
    "ephemeral" (a file on the server's own disk) or "directory". `size` bytes of it are used.
    """

    kind: str
    volume: str
    volume_size: int
    file_system: str
    directory: str
    size: int

    @classmethod
    def of(cls, wire: Dict[str, Any]) -> Target:
        """Check the `target` dict of the protocol; raises StorageError."""
        try:
            target = cls(
                kind=str(wire["kind"]),
                volume=str(wire["volume"]),
                volume_size=int(wire["volume_size"]),
                file_system=str(wire["file_system"]),
                directory=str(wire["directory"]),
                size=int(wire["size"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StorageError(f"The storage target cannot be understood: {error!r}.") from error
        path = target.directory
        sound = (
            target.kind in ("volume", "ephemeral", "directory")
            and (target.kind != "volume" or re.fullmatch(_VOLUME, target.volume) is not None)
            and (target.kind != "volume" or target.size <= target.volume_size)
            and (
                target.file_system == ""
                or (target.kind, target.file_system in FILE_SYSTEMS) == ("volume", True)
            )
            and (
                target.kind != "directory"
                or (re.fullmatch(_DIRECTORY, path) is not None and "/.." not in path)
            )
            and 1 << 20 <= target.size <= 1 << 50
        )
        if not sound:
            raise StorageError(f"The storage target asks for something out of range: {wire!r:.500}.")
        return target


class Job(NamedTuple):
    """One fio profile: `rate` is I/Os per second of this server, reads (their share is `reads`) and writes
    together, 0 for as fast as it goes. Times are seconds, sizes bytes.

    `block` is the length of one time block of the report, `drain` how long the last I/Os may take, `verify`
    how long what was written may be read back afterwards, 0 for not at all.
    Reads and writes that took longer than each of their `limits` are counted second by second.

    At a rate fio logs every I/O, so that each can be held against the time at which it was due; where these
    are too many (`MOST_LOGGED`), or there is no rate, it logs in which windows any was completed.
    """

    mode: str
    block_size: int
    iodepth: int
    numjobs: int
    reads: float
    rate: float
    extra: Tuple[Tuple[str, str], ...]
    ramp: float
    duration: float
    block: float
    drain: float
    verify: float = 0.0
    limits: Tuple[Tuple[float, ...], ...] = ((), ())

    @classmethod
    def of(cls, wire: Dict[str, Any]) -> Job:
        """Check the `fio` dict of the protocol; raises StorageError."""
        try:
            job = cls(
                mode=str(wire["mode"]),
                block_size=int(wire["block_size"]),
                iodepth=int(wire["iodepth"]),
                numjobs=int(wire["numjobs"]),
                reads=float(wire["reads"]),
                rate=float(wire["rate"]),
                extra=tuple(sorted((str(name), str(value)) for name, value in wire["extra"].items())),
                ramp=float(wire["ramp"]),
                duration=float(wire["duration"]),
                block=float(wire["block"]),
                drain=float(wire["drain"]),
                verify=float(wire.get("verify", 0)),
                limits=tuple(
                    tuple(float(limit) for limit in wire.get("limits", {}).get(name, ()))
                    for name in ("read", "write")
                ),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StorageError(f"The fio command cannot be understood: {error!r}.") from error
        sound = (
            job.mode in MODES
            and 512 <= job.block_size <= 16 << 20
            and 1 <= job.iodepth <= 4096
            and 1 <= job.numjobs <= 64
            and 0 <= job.reads <= 1
            and 0 <= job.rate <= 1e8
            and (not job.syncs or (job.iodepth == 1 and job.engine in ONE_AT_A_TIME))
            and all(
                name in EXTRA_OPTIONS and re.fullmatch(EXTRA_OPTIONS[name], value)
                for name, value in job.extra
            )
            and 1 <= job.ramp <= 86_400
            and 1 <= job.duration <= 86_400
            and 1 <= job.block <= 86_400
            and 1 <= job.drain <= 3600
            and 0 <= job.verify <= 86_400
            and (not job.verify or (job.logged and job.reads < 1))
            and all(len(part) <= 50 and all(0 <= limit <= 3600 for limit in part) for part in job.limits)
        )
        if not sound:
            raise StorageError(f"The fio command asks for something out of range: {wire!r:.500}.")
        return job

    def arguments(
        self, fio: str, path: str, size: int, folder: str, more: Optional[Mapping[str, object]] = None
    ) -> List[str]:
        """The command line; logs go to `folder`; with `more` options.

        Each of several jobs has its own part of the `size` bytes, so that their streams do not meet.
        Rates go by bytes, which lets any share be given to any number of jobs without a remainder.
        """
        part = size // self.numjobs // self.block_size * self.block_size
        if not part:
            raise StorageError(
                f"{self.numjobs} blocks of {self.block_size} bytes do not fit into {size} bytes."
            )
        options: Dict[str, object] = {
            "name": "kb",
            "filename": path.replace(":", "\\:"),
            "size": part,
            "offset_increment": part,
            "rw": self.mode,
            "bs": self.block_size,
            "iodepth": self.iodepth,
            "numjobs": self.numjobs,
            "ioengine": self.engine,
            "direct": 1,
            "fallocate": "none",
            "randrepeat": 0,
            "time_based": 1,
            "runtime": int(self.ramp + self.duration + self.drain) + SPARE,
            "group_reporting": 1,
            "continue_on_error": "io",
            "clat_percentiles": 0,
            "lat_percentiles": 1,
            "write_lat_log": folder + "/fio",
            "log_avg_msec": 0 if self.logged else self.log_window,
            "per_job_logs": 1,
            "disable_slat": 1,
            "disable_clat": 1,
            "eta": "never",
            "output-format": "json+",
        }
        if self.mode in ("rw", "randrw"):
            options["rwmixread"] = round(self.reads * 100)
        if self.rate:
            options["rate"] = ",".join(str(share) if share else "" for share in self.rates).rstrip(",")
        if self.syncs:
            options.update(FOR_SYNCS)
        options.update(self.extra)
        options.update(more or {})
        return [fio, *(f"--{name}={value}" for name, value in options.items())]

    @property
    def rates(self) -> Tuple[int, int]:
        """Bytes per second of each job's reads and of its writes."""
        each = self.rate * self.block_size / self.numjobs
        return round(each * self.reads), round(each * (1 - self.reads))

    @property
    def engine(self) -> str:
        """The ioengine."""
        return dict(self.extra).get("ioengine", "psync" if self.syncs else "libaio")

    @property
    def syncs(self) -> bool:
        """Whether writes are followed by an fsync or the like."""
        return any(name in SYNCS and value.strip("0") for name, value in self.extra)

    @property
    def steps(self) -> Tuple[float, float]:
        """Seconds from one read, or write, of a job to the next; 0 where none is due."""
        read, write = (self.block_size / rate if rate else 0.0 for rate in self.rates)
        return read, write

    @property
    def logged(self) -> bool:
        """Whether fio logs every I/O."""
        return 0 < self.rate * (self.ramp + self.duration) * (1 + self.syncs) <= MOST_LOGGED

    @property
    def log_window(self) -> int:
        """Milliseconds: what the longest stall is known to; coarser in long runs, to spare memory."""
        return 1 if self.logged else min(100, max(10, int((self.ramp + self.duration) / 60)))
