"""What this server's kernel counted while it was loaded: what may stand beside a server that was slow.

It is read each second of the measured window, and told once, after it. Figures are of two kinds: those of the
machine (CPU, memory, disk), which a container shares with others, and those of the network namespace.
"""

from __future__ import annotations

import os
import time

from .queues import Queues

TYPE_CHECKING = False  # `typing` would be a tenth of an idle agent's memory
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MOST = 0.005
"""Share of one CPU that the readings may take: where one takes longer, the next comes later."""

FIRST_PID_NAMESPACE = 0xEFFFFFFC
"""The inode of the PID namespace that a kernel begins with (PROC_PID_INIT_INO); others are containers'."""

_SPREAD = 0.1  # seconds within which servers begin
_SHORT = 0.5
_EARLY = 0.01
_LONGEST = 86_400
_LARGEST = 1 << 18


class Reader:
    """Totals of all figures that this kernel tells, of the machine and the network that the process is in.

    Shares are seconds of all CPUs, or seconds in which something waited, the rest are numbers. `root` is
    /proc, `cpus` and `tick` (clock ticks a second) the machine's, `queues` those of the network.
    """

    def __init__(
        self, root: str = "/proc", cpus: int = 0, tick: float = 0.0, queues: Queues | None = None
    ) -> None:
        self._root = root
        self._queues = Queues() if queues is None else queues
        machine = (
            ("stat", self._stat),
            ("net/softnet_stat", self._softnet),
            ("pressure/memory", self._memory),
            ("pressure/io", self._disk),
        )
        network = (
            ("net/snmp", self._snmp),
            ("net/netstat", self._netstat),
            ("net/dev", self._devices),
        )
        self._cpu_ticks = (tick or os.sysconf("SC_CLK_TCK")) * (cpus or os.cpu_count() or 1)
        self._columns: dict[str, list[int]] = {}
        self._files: dict[str, int] = {}
        # a container, or what cannot be told from one, is shown its host's
        self.contained = self._inode("self/ns/pid") != FIRST_PID_NAMESPACE
        self._parts = network if self.contained else machine + network
        self.boot = self._text("sys/kernel/random/boot_id").strip()[:64]
        self.network = self._inode("self/ns/net")

    def read(self) -> dict[str, float]:
        """The totals; without those of a file that is not there, or not as it is known to be."""
        found: dict[str, float] = {}
        for path, parse in self._parts:
            try:
                found.update(parse(self._text(path)))
            except (ValueError, IndexError, KeyError):
                continue
        try:
            found["queue_dropped"] = self._queues.dropped()
        except (OSError, ValueError):  # a kernel that does not answer
            return found
        return found

    def close(self) -> None:
        """Close what was opened."""
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()
        self._queues.close()

    def _text(self, path: str) -> str:
        try:
            if path not in self._files:
                self._files[path] = os.open(os.path.join(self._root, path), os.O_RDONLY | os.O_CLOEXEC)
            return os.pread(self._files[path], _LARGEST, 0).decode("ascii", "replace")
        except OSError:
            return ""

    def _inode(self, path: str) -> int:
        try:
            return os.stat(os.path.join(self._root, path)).st_ino
        except OSError:
            return 0

    def _stat(self, text: str) -> dict[str, float]:
        user, nice, system, _idle, _wait, irq, softirq, steal = map(int, text.split(None, 9)[1:9])
        busy = user + nice + system + irq + softirq
        return {"cpu": busy / self._cpu_ticks, "steal": steal / self._cpu_ticks}

    def _softnet(self, text: str) -> dict[str, float]:
        return {"softnet_dropped": sum(int(line.split(None, 2)[1], 16) for line in text.splitlines())}

    def _memory(self, text: str) -> dict[str, float]:
        return {"memory_wait": _pressure(text)}

    def _disk(self, text: str) -> dict[str, float]:
        return {"disk_wait": _pressure(text)}

    def _snmp(self, text: str) -> dict[str, float]:
        return {"retransmitted": self._named(text, "Tcp: ", ("RetransSegs",))}

    def _netstat(self, text: str) -> dict[str, float]:
        return {"listen_dropped": self._named(text, "TcpExt: ", ("ListenDrops", "TCPReqQFullDrop"))}

    def _devices(self, text: str) -> dict[str, float]:
        total = 0
        for line in text.splitlines()[2:]:
            name, _, rest = line.partition(":")
            if name.strip() != "lo":
                numbers = rest.split()
                total += int(numbers[3]) + int(numbers[11])
        return {"dropped": total}

    def _named(self, text: str, head: str, wanted: tuple[str, ...]) -> float:
        """The sum of columns by their names: a line of names, then one of numbers."""
        begin = text.index(head)
        end = text.index("\n", begin)
        if head not in self._columns:
            names = text[begin:end].split()
            self._columns[head] = [names.index(name) for name in wanted if name in names]
        if not self._columns[head]:
            raise KeyError(head)
        begin = text.index(head, end)
        numbers = text[begin : text.index("\n", begin)].split()
        return sum(int(numbers[column]) for column in self._columns[head])


def _pressure(text: str) -> float:
    """Seconds in which something waited, of a file of /proc/pressure."""
    return int(text.split("\n", 1)[0].rpartition("total=")[2]) / 1e6


class Watch:
    """Reads the window of the load `id`: `seconds` long, from `before` seconds after the load's start on.

    `apart`, a share of a second, is how far its readings are from those of others: servers that all read at
    once would be a load of their own, each second.
    """

    def __init__(self, id_: str, before: float, seconds: float, apart: float = 0.0) -> None:
        self.id = id_
        self.due: float | None = None
        """When to `look` next, by CLOCK_MONOTONIC; None before the load is started, and when all is told."""
        self._before = before
        self._seconds = seconds
        self._apart = apart
        self._reader: Reader | None = None
        self._begin = self._first = self._last = self._cost = 0.0
        self._readings = 0
        self._old: dict[str, float] = {}
        self._figures: dict[str, list[float]] = {}

    def start(self, at: float, reader: Callable[[], Reader] | None = None) -> None:
        """The load begins at this second of CLOCK_MONOTONIC. What only a first reading costs is paid now, and
        not in the window.
        """
        if self._reader is None:
            self._reader = (reader or Reader)()
            self._reader.read()
        self._begin = self.due = at + self._before - min(self._before, _SPREAD * self._apart)

    def look(self, now: float, end: bool = False) -> dict[str, Any] | None:
        """Read what is due at `now`; what there is to tell, once the window is over, or is at its `end`."""
        if self.due is None or self._reader is None:
            return None
        began = time.thread_time()
        new = self._reader.read()
        cost = time.thread_time() - began
        self._cost += cost
        self._readings += 1
        if self._readings == 1:
            self._first = now
            self._figures = {name: [0.0, 0.0, 0.0] for name in new}
        else:
            self._add(new, now)
        self._old, self._last = new, now
        last = self._begin + self._seconds
        if end or now >= last - _EARLY:
            return self._told()
        begin = self._begin + self._apart
        whole = int(now - begin + _EARLY + 1)
        self.due = min(max(begin + whole, now + cost / MOST), last)
        return None

    def _add(self, new: dict[str, float], now: float) -> None:
        seconds = now - self._last
        for name, figure in list(self._figures.items()):
            if name not in new or new[name] < self._old[name]:
                del self._figures[name]  # what does not only grow is no total
                continue
            more = new[name] - self._old[name]
            figure[0] += more
            if seconds >= _SHORT and more / seconds > figure[1]:
                figure[1], figure[2] = more / seconds, max(0.0, self._last - self._begin)

    def close(self) -> None:
        """Close what is read."""
        reader, self._reader, self.due = self._reader, None, None
        if reader is not None:
            reader.close()

    def _told(self) -> dict[str, Any]:
        reader = self._reader
        assert reader is not None
        self.close()
        return {
            "id": self.id,
            "boot": reader.boot,
            "network": reader.network,
            "contained": reader.contained,
            "seconds": round(self._last - self._first, 3),
            "cost": round(self._cost / self._readings, 6),
            "figures": {
                name: [round(number, 4) for number in figure] for name, figure in self._figures.items()
            },
        }


def watch(id_: str, options: dict[str, Any]) -> Watch | None:
    """That of a load with these options, where they say when its window is."""
    before: Any = options.get("warm_up", options.get("ramp", 0.0))
    seconds: Any = options.get("duration")
    if type(before) not in (int, float) or type(seconds) not in (int, float) or not 0 < seconds < _LONGEST:
        return None
    return Watch(id_, before, seconds, os.urandom(1)[0] / 256)
