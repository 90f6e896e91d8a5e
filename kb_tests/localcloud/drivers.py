"""The choice of a data plane."""

from __future__ import annotations

from pathlib import Path

from kb_tests.localcloud.driver import Driver
from kb_tests.localcloud.netns.driver import NetnsDriver
from kb_tests.localcloud.null import NullDriver

NAMES = ("auto", "netns", "null")


def choose_driver(name: str, folder: Path) -> Driver:
    """The driver of this name; `auto` is `netns`. `null` has to be asked for: a cloud in which nothing
    runs is for API tests only. Whether the machine allows a driver, its `start` finds out.
    """
    if name == "null":
        return NullDriver()
    return NetnsDriver(folder)
