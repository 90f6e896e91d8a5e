"""Waiting for descriptors in a child process, as long as the agent wants its work."""

from __future__ import annotations

import select
import time
from typing import Any, Dict, List, Optional, Set

from ..worker_channel import Channel
from .child import AbortedError


class Waiter:
    """Waits; raises AbortedError when the agent has closed its end."""

    def __init__(self, channel: Optional[Channel]) -> None:
        self._channel = channel
        self._messages: List[Dict[str, Any]] = []

    def until(self, deadline: float, *descriptors: int) -> Set[int]:
        """Which of `descriptors` are readable, at `deadline` (CLOCK_MONOTONIC) at the latest."""
        channel = self._channel
        wanted = [*descriptors, *([channel.fileno()] if channel else [])]
        ready = set(select.select(wanted, [], [], max(0.0, deadline - time.monotonic()))[0])
        if channel and channel.fileno() in ready:
            self._messages += channel.get()
            if channel.closed:
                raise AbortedError
        return ready & set(descriptors)

    def message(self) -> Dict[str, Any]:
        """The agent's next message."""
        while not self._messages:
            self.until(time.monotonic() + 3600)
        return self._messages.pop(0)
