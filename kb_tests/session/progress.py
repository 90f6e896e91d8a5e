"""Live progress on the terminal: one line that is written over, or a line now and then in a CI log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TextIO

import pytest

from kb_tests.cloud.progress import State
from kb_tests.events.bus import Bus
from kb_tests.events.model import Phase, ServersSeen, Teardown
from kb_tests.session.keys import BUS

LOG_INTERVAL = 10.0
"""Seconds between two lines where nothing can be written over."""

_NAMES = 1000
"""Servers of one event at most."""


class Progress:
    """Writes what is going on with `cloud`, and puts it on the bus. An xdist worker has no terminal: there it
    writes nothing. `captured` is whether pytest may have taken the terminal away for a moment.
    """

    def __init__(self, config: pytest.Config, cloud: str = "", *, captured: bool = True) -> None:
        self._reporter = config.pluginmanager.getplugin("terminalreporter")
        self._capture = config.pluginmanager.getplugin("capturemanager") if captured else None
        self._bus = config.stash.get(BUS, Bus())
        self._cloud = cloud
        self._file: TextIO | None = getattr(getattr(self._reporter, "_tw", None), "_file", None)
        self._quiet = self._reporter is None or config.option.verbose < 0
        # While output is captured, the file itself does not lead to the terminal.
        self._live = bool(getattr(self._reporter, "isatty", False))
        self._written = 0
        self._last: tuple[str, float] = ("", 0.0)

    def step(self, phase: str, done: int, total: int) -> None:
        """`done` of `total` steps of `phase` are behind us."""
        self._bus.put(Phase(cloud=self._cloud, phase=phase, done=done, total=total))
        self.count(phase, done, total)

    def removed(self, phase: str, done: int, total: int) -> None:
        """As `step`, of a teardown."""
        self._bus.put(Teardown(cloud=self._cloud, phase=phase, done=done, total=total))
        self.count(phase, done, total)

    def seen(self, state: State, names: Sequence[str]) -> None:
        """Servers have come to a state; nothing is shown of it."""
        for at in range(0, len(names), _NAMES):
            self._bus.put(ServersSeen(cloud=self._cloud, state=state, names=tuple(names[at : at + _NAMES])))

    def count(self, phase: str, done: int, total: int) -> None:
        """Show `done` of `total`, which stands on the bus already."""
        count = f" {done}/{total}" if total else ""
        self.show(phase, f"{phase}{count}", last=done >= total)

    def show(self, phase: str, text: str, *, last: bool = False) -> None:
        """Show `text` as the state of `phase`; the `last` one of a phase stays."""
        if self._quiet or self._file is None:
            return
        now = time.monotonic()
        if not self._live:
            known, when = self._last
            if last or known != phase or now - when >= LOG_INTERVAL:
                self._last = (phase, now)
                self._write(f"\n  {text}")
            return
        begin = "\r" if self._written else "\n"
        line = f"  {text}"[:100]
        self._write(begin + line.ljust(self._written))
        self._written = 0 if last else len(line)

    def clear(self) -> None:
        """Take the line that is written over off the terminal."""
        if self._live and self._written:
            self._write("\r" + " " * self._written + "\r")
            self._written = 0

    def _write(self, text: str) -> None:
        assert self._file is not None
        with self._uncaptured():
            self._file.write(text)
            self._file.flush()

    def _uncaptured(self) -> AbstractContextManager[None]:
        if self._capture is None:
            return nullcontext()
        context: AbstractContextManager[None] = self._capture.global_and_fixture_disabled()
        return context
