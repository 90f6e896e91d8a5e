"""What is done to the cloud while a point runs: its hooks are started, markers of people are found."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.topology import Topology
from kb_tests.events.bus import Bus
from kb_tests.events.markers import noted
from kb_tests.events.model import Marker
from kb_tests.measure.recovery import Mark
from kb_tests.report.marks import HookRecord
from kb_tests.scenario.hooks import Hook
from kb_tests.session.hooks import Hooks, setting


class Marking:
    """Hooks and markers of the points of one topology; `folder` is that of the session's events, None where
    nobody can follow it.
    """

    def __init__(self, cloud: Cloud, name: str, topology: Topology, bus: Bus, folder: Path | None) -> None:
        self._cloud = cloud
        self._name = name
        self._topology = topology
        self._bus = bus
        self._folder = folder

    def begin(self, hooks: Sequence[Hook], scenario: str, point: str, before: float) -> Marked:
        """One run of a point, whose window begins `before` seconds after its load."""
        where = setting(self._cloud, self._topology, scenario, point)
        tell: Callable[[str], None] = lambda text: self._bus.put(Marker(cloud=self._name, text=text[:2000]))  # noqa: E731
        return Marked(Hooks(hooks, where, tell), before, self._folder)


class Marked:
    """One run of a point, from its start to its end."""

    def __init__(self, hooks: Hooks, before: float, folder: Path | None) -> None:
        self._hooks = hooks
        self._before = before
        self._folder = folder
        self._origin: float | None = None
        self._ahead = 0.0
        self._starts = 0
        self.hooks: tuple[HookRecord, ...] = ()

    def start(self, at: float) -> None:
        """Its load begins at `at`, in monotonic seconds. In what runs in rounds no moment has one place."""
        self._starts += 1
        if self._starts > 1:
            self._origin = None
            return
        self._origin = at + self._before
        self._ahead = time.time() - time.monotonic()
        self._hooks.start(self._origin)

    def end(self) -> None:
        """It is over: what its hooks started ends."""
        self.hooks = self._hooks.end()

    def marks(self, cut: float = 0.0) -> tuple[Mark, ...]:
        """What was done, in seconds of the window, of whose beginning `cut` seconds were cut off."""
        found = [Mark(hook.began - cut, hook.name, "hook") for hook in self.hooks if hook.began is not None]
        if self._folder is not None and self._origin is not None:
            start = self._origin + self._ahead + cut
            found += [Mark(round(each.t - start, 3), each.text, "marker") for each in noted(self._folder)]
        return tuple(found)
