"""The progress of reading back what was written, on the terminal."""

from __future__ import annotations

from kb_tests.fleet.storage.messages import IoVerifying
from kb_tests.session.progress import Progress


class VerifyMeter:
    """Adds up how far the servers have come."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._servers: dict[str, IoVerifying] = {}

    def take(self, report: IoVerifying) -> None:
        """Take what one server says, and show it."""
        self._servers[report.agent] = report
        read, of = (sum(getattr(one, name) for one in self._servers.values()) for name in ("read", "of"))
        took = max(one.seconds for one in self._servers.values())
        self._progress.show(
            "reading back", f"reading back what was written: {read:,} of {of:,} blocks, {took:.0f}s"
        )
