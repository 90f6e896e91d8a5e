"""What the controller makes of an interrupt."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from kb_tests.session.controller import Controller


class XdistInterrupted(KeyboardInterrupt):
    """As xdist raises it."""


XdistInterrupted.__module__ = "xdist.dsession"


@pytest.mark.parametrize(
    ("most", "error", "stopped"),
    [
        (None, KeyboardInterrupt(), False),  # pytest's default
        (0, KeyboardInterrupt(), False),
        (1, KeyboardInterrupt(), False),
        (1, XdistInterrupted(), True),
        (2, XdistInterrupted(), False),
        (None, XdistInterrupted(), False),
    ],
)
def test_only_an_interrupt_that_xdist_made_of_a_failure_is_a_stop(
    most: int | None, error: BaseException, stopped: bool
) -> None:
    config = cast("Any", SimpleNamespace(option=SimpleNamespace(), getoption={"maxfail": most}.get))
    controller = Controller(config, cast("Any", None))
    controller._failures = 1
    controller.pytest_keyboard_interrupt(pytest.ExceptionInfo.from_exc_info((type(error), error, None)))  # type: ignore[arg-type]
    assert controller._stopped is stopped
