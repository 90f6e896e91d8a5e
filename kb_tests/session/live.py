"""The line of progress of a load that runs."""

from __future__ import annotations

from kb_tests.events.model import AnyEvent, Phase, PointStarted, Second
from kb_tests.scenario.units import format_size
from kb_tests.session.progress import Progress


class LiveLine:
    """A handler that shows the seconds of a load on the terminal.

    With `phases` it shows the phases of staging, too: those of an xdist worker, which has no terminal itself.
    """

    def __init__(self, progress: Progress, *, phases: bool = False) -> None:
        self._progress = progress
        self._phases = phases
        self._started: dict[str, PointStarted] = {}
        self._failed = 0

    def handle(self, event: AnyEvent) -> None:
        """Show what belongs on the line."""
        match event:
            case PointStarted():
                self._started[event.cloud] = event
                self._failed = 0
            case Second():
                self._second(event)
            case Phase() if self._phases:
                self._progress.count(_at(event.cloud, event.phase), event.done, event.total)
            case _:
                return

    def _second(self, second: Second) -> None:
        started = self._started.get(second.cloud)
        if started is None or started.point != second.point:
            return
        self._failed += second.failed
        at = second.index + 1
        parts = [
            f"{at}/{started.duration:g}s" if at > 0 else "warm-up",
            f"{second.completed / second.length:,.0f} {started.unit}",
            f"{format_size(int(second.bytes / second.length))}/s",
        ]
        if self._failed:
            parts.append(f"{self._failed:,} failed")
        if second.missing:
            parts.append(f"{second.agents} of {second.expected} agents")
        look = f"look {started.look} of {started.looks}, " if started.look > 1 else ""
        self._progress.show(second.point, f"{second.point}: {look}{', '.join(parts)}")


def _at(cloud: str, phase: str) -> str:
    return f"{cloud}: {phase}" if cloud else phase
