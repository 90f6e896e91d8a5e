"""A session that 64 shells follow at once: as one that nobody watches, and each is told its end."""

from __future__ import annotations

from tests.functional.session.conftest import running, suite
from tests.functional.session.suite import Suite
from tests.functional.session.test_unharmed import READERS, Session
from tests.waiting import SESSION

__all__ = ["running", "suite"]


def test_a_session_that_sixty_four_shells_follow_is_unharmed(suite: Suite) -> None:
    session = Session(suite, suite.folder / "state")
    told = session.wait_for_second()
    readers = [session.watch(told.sid) for _ in range(READERS)]
    try:
        session.assert_unharmed()
        assert [reader.wait(SESSION) for reader in readers] == [0] * READERS
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
