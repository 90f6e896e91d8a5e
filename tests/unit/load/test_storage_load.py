"""What a storage point becomes on its way to the servers."""

from __future__ import annotations

from kb_tests.load.storage import options
from tests.unit.measure.io_reports import point


def test_the_command_says_what_the_point_says() -> None:
    asked = options(point(extra=(("fsync", "1"),)))
    assert asked["extra"] == {"fsync": "1"}
    assert (asked["rate"], asked["reads"], asked["block"]) == (100.0, 1.0, 1.0)
