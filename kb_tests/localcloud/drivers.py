"""The choice of a data plane."""

from __future__ import annotations

import importlib
from pathlib import Path

from kb_tests.localcloud.driver import Driver
from kb_tests.localcloud.null import NullDriver

NAMES = ("auto", "netns", "null")


class NoDriverError(Exception):
    """No data plane can run here: one sentence that says what to allow."""


def choose_driver(name: str, folder: Path) -> Driver:
    """The driver of this name; `auto` is `netns`. `null` has to be asked for: a cloud in which nothing
    runs is for API tests only.

    Raises:
        NoDriverError: it is unknown, or this machine does not allow it.

    """
    if name == "null":
        return NullDriver()
    if name not in NAMES:
        raise NoDriverError(f"There is no driver '{name}': choose one of {', '.join(NAMES)}.")
    module = importlib.import_module("kb_tests.localcloud.netns.driver")
    reason = module.probe()
    if reason is not None:
        raise NoDriverError(f"The local cloud cannot run servers here: {reason}")
    driver: Driver = module.NetnsDriver(folder)
    return driver
