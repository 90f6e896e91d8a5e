"""The storage engine with a real fio: what it makes, measures, refuses and leaves behind."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from kb_tests.agent.storage import engine
from tests.functional.storage.disk import POINT, options, running_fio


@pytest.mark.parametrize("after", [0.0, 1.5])
def test_an_aborted_load_leaves_nothing(filled: dict[str, Any], after: float) -> None:
    load = engine.StorageLoad(filled, options(POINT))
    load.prepare(time.monotonic() + 10)
    folder = Path(load._folder)
    load.start(time.monotonic() + 0.1)
    time.sleep(after)
    assert bool(running_fio()) == bool(after)
    load.abort()
    load.abort()
    deadline = time.monotonic() + 2
    while running_fio() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not running_fio()
    assert not folder.exists()
