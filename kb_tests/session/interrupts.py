"""Ctrl-C, SIGTERM and SIGHUP: the first one ends the session, the second one leaves teardown to the reaper.

pytest takes everything down after a KeyboardInterrupt. Another one in the middle of that would end the
process with a traceback, half a teardown, and no exit code of ours.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

UNWINDING = 6.0
"""Seconds that a KeyboardInterrupt needs from a running point to pytest: it stops the load on its way."""

EXITING = 5.0
"""Seconds that a process needs at the most from the end of an interrupted session to its own. Another signal
would take away the exit code that the record has already.
"""


class Interrupts:
    """A plugin that counts them, and raises KeyboardInterrupt only where something is prepared for it."""

    def __init__(self, unwinding: float = UNWINDING, exiting: float = EXITING) -> None:
        self.count = 0
        self._exiting = exiting
        self._over_at: float | None = None
        self._ending = False
        self._taking_down = False
        self._unwinding = unwinding
        self._raised_at = -unwinding
        self._before: dict[signal.Signals, Any] = {}

    def install(self) -> None:
        """Take the signals that nobody else sees to."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            found = signal.getsignal(number)
            if isinstance(earlier := getattr(found, "__self__", None), Interrupts) and earlier.over:
                found = earlier.before(number)
            if found in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, self._handle)
                self._before[number] = found

    @property
    def over(self) -> bool:
        """Whether its session was interrupted and has ended."""
        return self._over_at is not None

    def before(self, number: signal.Signals) -> Any:
        """The handler that this one stands in for."""
        return self._before.get(number)

    def pytest_unconfigure(self) -> None:
        """Give them back: the process may have another session. One that was interrupted most likely ends."""
        if self.count:
            self._over_at = time.monotonic()
        else:
            self._give_back()

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, handler)
        self._before.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """The session ends: from now on signals only count, but for `deferred`."""
        self.count = max(self.count, 1)
        self._ending = True

    @contextlib.contextmanager
    def deferred(self, config: pytest.Config) -> Iterator[None]:
        """While something is taken down, only a second signal raises KeyboardInterrupt; a first one ends the
        session afterwards.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = self.count
        self._taking_down = True
        try:
            yield
        finally:
            self._taking_down = False
            session = config.pluginmanager.get_plugin("session")
            if session is not None and self.count > before and not self._ending:
                session.shouldstop = "interrupted"

    def _handle(self, number: int, _frame: object) -> None:
        if self._over_at is not None:
            if time.monotonic() - self._over_at > self._exiting:
                self._give_back()
                signal.raise_signal(number)
            return
        self.count += 1
        if self._taking_down:
            if self.count > 1:
                raise KeyboardInterrupt(signal.Signals(number).name)
        elif not self._ending and time.monotonic() - self._raised_at > self._unwinding:
            self._raised_at = time.monotonic()
            raise KeyboardInterrupt(signal.Signals(number).name)
