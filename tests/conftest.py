"""Settings for the project's own tests alone; a user's load run must not fail on a library's warning."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("filterwarnings", "error")
