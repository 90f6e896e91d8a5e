"""A local cloud that outlives the sessions which are run on it."""

from __future__ import annotations

from tests.functional.session.conftest import running, suite

__all__ = ["running", "suite"]
