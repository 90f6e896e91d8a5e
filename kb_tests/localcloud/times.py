"""Times as the APIs write them."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def seconds(moment: datetime) -> str:
    """`2026-01-02T03:04:05Z`: Nova, Neutron, Glance."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def micros(moment: datetime) -> str:
    """`2026-01-02T03:04:05.000000`: Cinder, and with a Z Keystone."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")
