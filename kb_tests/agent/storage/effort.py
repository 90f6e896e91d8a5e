"""What fio's jobs had of the CPUs: whether fio was late because its server had none for it."""

from __future__ import annotations

from typing import Dict, Iterable, NamedTuple, Optional, Tuple


class Share(NamedTuple):
    """The worst of fio's jobs since the last look: seconds that one was ready to run and had no CPU (so late
    were its I/Os at most), and seconds that one ran.
    """

    waited: float
    ran: float


class Effort:
    """Adds up what the kernel counts of some processes; nothing where it does not count."""

    def __init__(self) -> None:
        self.waited = 0.0
        """Seconds that all of them together were ready to run, but had no CPU."""
        self._now: Dict[int, Tuple[float, float]] = {}  # waited and ran, by process
        self._told: Dict[int, Tuple[float, float]] = {}

    def look(self, pids: Iterable[int]) -> None:
        """Read what the kernel counts now of these processes."""
        known = {pid: _counted(pid) or self._now.get(pid) for pid in pids}
        self._now = {pid: found for pid, found in known.items() if found is not None}
        self.waited = max(self.waited, sum(waited for waited, _ in self._now.values()))

    def since(self) -> Optional[Share]:
        """What was added since the last call; None where nothing is known."""
        before, self._told = self._told, dict(self._now)
        if not self._now:
            return None
        added = [
            [max(0.0, new - old) for new, old in zip(now, before.get(pid, (0.0, 0.0)))]  # noqa: B905 - Python 3.9
            for pid, now in self._now.items()
        ]
        return Share(max(waited for waited, _ in added), max(ran for _, ran in added))


def _counted(pid: int) -> Optional[Tuple[float, float]]:
    """Seconds waited for a CPU and run, of one process; None where it is gone, or nothing is counted."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            ran, waited, turns = (int(word) for word in file.read().split()[:3])
    except (OSError, ValueError):
        return None
    return (waited / 1e9, ran / 1e9) if turns else None
