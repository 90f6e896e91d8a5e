"""How hard property tests try: 30 cases each, the same ones every time, so that a change is red for what it
changes; with `HYPOTHESIS_PROFILE=deep`, 10,000 at random (`make fuzz`).

None has a deadline, nor is one too slow to be made up: what a busy machine takes says nothing about the code.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "quick",
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "deep",
    max_examples=10_000,
    deadline=None,
    derandomize=False,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
