"""Signals are handled when they come, which here is when the test says so."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from kb_tests.session.interrupts import Interrupts


class Config:
    """As much of pytest's as is asked for."""

    def __init__(self) -> None:
        self.session = type("Session", (), {"shouldstop": False})()
        self.pluginmanager = self

    def get_plugin(self, name: str) -> Any:
        return self.session if name == "session" else None


def interrupt(handler: Interrupts) -> None:
    handler._handle(signal.SIGINT, None)


def test_the_first_one_ends_the_session_and_a_second_one_on_its_way_does_not_hit_pytest() -> None:
    handler = Interrupts()
    with pytest.raises(KeyboardInterrupt):
        interrupt(handler)
    interrupt(handler)
    handler.pytest_keyboard_interrupt()
    interrupt(handler)
    assert handler.count == 3


def test_a_session_that_swallowed_one_can_be_interrupted_again() -> None:
    handler = Interrupts(unwinding=0.0)
    with pytest.raises(KeyboardInterrupt):
        interrupt(handler)
    with pytest.raises(KeyboardInterrupt):
        interrupt(handler)


def test_a_first_one_during_teardown_lets_it_finish_and_then_ends_the_session() -> None:
    handler, config = Interrupts(), Config()
    with handler.deferred(cast("pytest.Config", config)):
        interrupt(handler)
    assert config.session.shouldstop == "interrupted"


def test_a_second_one_cuts_teardown_short() -> None:
    handler, config = Interrupts(), Config()
    handler.pytest_keyboard_interrupt()
    with pytest.raises(KeyboardInterrupt), handler.deferred(cast("pytest.Config", config)):
        interrupt(handler)
    assert config.session.shouldstop is False


def test_handlers_of_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        handler = Interrupts()
        handler.install()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) == handler._handle
    finally:
        for number, known in before.items():
            signal.signal(number, known)


def test_a_second_session_of_the_same_process_can_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(signal, "SIGHUP", signal.SIGUSR2)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for _ in range(2):
            handler = Interrupts(exiting=-1.0)
            handler.install()
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            handler.pytest_keyboard_interrupt()
            handler.pytest_unconfigure()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        for number, handled in before.items():
            signal.signal(number, handled)


def test_a_handler_that_somebody_else_installed_meanwhile_stays() -> None:
    before = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        handler = Interrupts()
        handler.install()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        handler.pytest_unconfigure()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.fixture
def ended() -> Iterator[Callable[[float], Interrupts]]:
    """Makes the handler of an interrupted session that has ended; its process has so many seconds to end."""
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)

    def make(exiting: float) -> Interrupts:
        handler = Interrupts(exiting=exiting)
        handler.install()
        handler.pytest_keyboard_interrupt()
        handler.pytest_unconfigure()
        return handler

    yield make
    signal.signal(signal.SIGINT, kept)


def test_another_one_while_the_process_ends_leaves_its_exit_code(
    ended: Callable[[float], Interrupts],
) -> None:
    ended(60.0)
    signal.raise_signal(signal.SIGINT)


def test_a_process_that_goes_on_after_its_session_can_be_interrupted(
    ended: Callable[[float], Interrupts],
) -> None:
    ended(-1.0)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_its_next_session_can_be_interrupted_at_once(ended: Callable[[float], Interrupts]) -> None:
    ended(60.0)
    handler = Interrupts()
    handler.install()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    handler.count = 0
    handler.pytest_unconfigure()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_session_within_another_leaves_that_its_handler() -> None:
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        outer, inner = Interrupts(), Interrupts()
        outer.install()
        handler = signal.getsignal(signal.SIGINT)
        inner.install()
        assert signal.getsignal(signal.SIGINT) == handler
        inner.pytest_unconfigure()
        assert signal.getsignal(signal.SIGINT) == handler
        outer.pytest_unconfigure()
    finally:
        signal.signal(signal.SIGINT, kept)
