"""Did a server stand still while it was measured?

When a guest is stopped (live migration, snapshot, a host that sleeps), its CLOCK_MONOTONIC stops with it:
to a generator, and to a disk under fio, that time never was. So each agent reads the control server's clock
before and after a load, and so does the controller, whose own clock tells a server that stood still from a
control server whose clock was set.
"""

from __future__ import annotations

from kb_tests.fleet.messages import ClockChange

DRIFT = 500e-6
"""Share of the time by which sound clocks may run apart: NTP steers them by so much at most (RFC 5905)."""


def lost(own: ClockChange, control: ClockChange | None) -> float:
    """Seconds that a server's clock fell behind during a load; 0 where it ran as it should, negative where it
    ran ahead. `control` is the controller's against the same control server.
    """
    if control is None:
        return own.seconds if abs(own.seconds) > _allowed(own) else 0.0
    behind_controller = own.seconds - control.seconds
    allowed = _allowed(own) + _allowed(control)
    if abs(own.seconds) > _allowed(own):
        was_set = abs(control.seconds) > _allowed(control) and abs(behind_controller) <= allowed
        return 0.0 if was_set else own.seconds
    return behind_controller if behind_controller > allowed else 0.0  # both stood still, as on one host


def clock_error(before: float, change: ClockChange) -> float:
    """Seconds within which a server's clock is known: by the reading `before` a load, or by both around it,
    if that is worse. What was not read well afterwards hides how long it stood still.
    """
    return max(before, change.error / 2)


def _allowed(change: ClockChange) -> float:
    return change.error + DRIFT * change.elapsed
