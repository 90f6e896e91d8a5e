"""How many cases a property test takes that wants another number than the others."""

from __future__ import annotations

import os

from hypothesis import settings


def examples(number: int) -> int:
    """`number`, but as many as the profile says under `HYPOTHESIS_PROFILE=deep`."""
    return settings().max_examples if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else number
