"""Makes the kind known to a session: `pytest -p tests.toy.plugin`."""

from __future__ import annotations

from tests.toy.kind import kb_connects, register

__all__ = ["kb_connects"]

register()
