"""Where: a scenario becomes a staged topology, and nothing of it stays."""

from __future__ import annotations

import os
from pathlib import Path

try:
    Path.home()
except RuntimeError:
    # Where a user has no home, as in many containers, openstacksdk could not even be imported.
    os.environ["HOME"] = "/nonexistent"
