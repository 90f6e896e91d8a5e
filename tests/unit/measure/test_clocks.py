"""A server whose clock stood still, told from clocks that drift or are set."""

from __future__ import annotations

import pytest

from kb_tests.fleet.messages import ClockChange
from kb_tests.measure.clocks import lost


def change(seconds: float, error: float = 0.001, elapsed: float = 40.0) -> ClockChange:
    return ClockChange(seconds=seconds, error=error, elapsed=elapsed)


CONTROLLER = change(0.0, error=0.05)
"""Over a tunnel, which is slow."""


@pytest.mark.parametrize("seconds", [0.0, 0.02, -0.02])
def test_clocks_drift(seconds: float) -> None:
    assert lost(change(seconds), CONTROLLER) == lost(change(seconds), None) == 0


@pytest.mark.parametrize("seconds", [0.022, 2.0, -0.022, 3600.0])
def test_a_server_that_stood_still(seconds: float) -> None:
    """Beyond the error of both readings and 500 ppm."""
    assert lost(change(seconds), CONTROLLER) == lost(change(seconds), None) == seconds


@pytest.mark.parametrize("seconds", [1.0, -1.0])
def test_a_control_server_whose_clock_was_set_is_nobody_else_s_fault(seconds: float) -> None:
    assert lost(change(seconds), change(seconds + 0.05, error=0.05)) == 0


def test_a_server_that_stood_still_while_the_control_server_s_clock_was_set() -> None:
    assert lost(change(3.0), change(1.0, error=0.05)) == 3.0


def test_a_server_and_the_control_server_stood_still_together() -> None:
    assert lost(change(0.0), change(-2.0, error=0.05)) == 2.0


def test_a_controller_that_slept_is_nobody_else_s_fault() -> None:
    assert lost(change(0.0), change(30.0, error=0.05)) == 0
