"""What this UI is, and where it reads."""

from __future__ import annotations

from kb_tests.web.shapes.base import Shape


class Version(Shape):
    """Which suite this is, who asks, and where it reads."""

    version: str
    python: str
    role: str
    reports: str
    sessions: str
    starts: bool
    """Whether runs may be started here."""
    max_servers: int
    max_minutes: float
