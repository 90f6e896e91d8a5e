"""Idempotent calls to one cloud, repeated while they may work, failed in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import TypeVar

from kb_tests.cloud.calls import FAILURES, Aborted, repeat, said
from kb_tests.cloud.connect import Cloud
from kb_tests.errors import StagingError

T = TypeVar("T")


class Caller:
    """Asks a cloud. `until` is the deadline (monotonic), `stop` ends it early."""

    def __init__(self, cloud: Cloud, *, until: float, stop: Event) -> None:
        self.cloud = cloud
        self.until = until
        self.stop = stop

    def call(self, doing: str, call: Callable[[], T], *, also: frozenset[int] = frozenset()) -> T:
        """The answer to an idempotent call, repeated on transient errors and on the statuses `also`.

        Raises StagingError in one sentence, and Aborted when stopped.
        """
        if self.stop.is_set():
            raise Aborted(f"Stopped before {doing}.")
        try:
            return repeat(
                call,
                until=self.until,
                stop=self.stop,
                doing=doing,
                also=also,
                patience=self.cloud.patience,
            )
        except FAILURES as error:
            raise StagingError(f"Cloud {self.cloud.name!r} failed at {doing}: {said(error)}") from error
