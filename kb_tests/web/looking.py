"""What clouds have: asked by a child, each cloud once at a time, and remembered for a moment."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from kb_tests.report.words import printable
from kb_tests.web import child, clouds
from kb_tests.web.problems import Problem
from kb_tests.web.shapes.clouds import CloudShape, Has, Whose

SECONDS = 120.0
FRESH = 2.0
"""Seconds for which an answer is not asked for again: who reads "nothing of ours is here" believes it."""


class _Inventory(BaseModel):
    """What `kb cloud --json` prints."""

    model_config = ConfigDict(extra="ignore")

    who: Whose
    has: Has
    unlisted: dict[str, str]


class Looker:
    """Asks clouds by the names that clouds.yaml has."""

    def __init__(self) -> None:
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._known: dict[str, tuple[float, CloudShape]] = {}

    def look(self, cloud: str) -> CloudShape:
        """What `cloud` has; raises Problem where it cannot be asked."""
        known_cloud(cloud)
        with self._locks[cloud]:
            known = self._known.get(cloud)
            if known is None or time.monotonic() - known[0] > FRESH:
                known = self._known[cloud] = time.monotonic(), _asked(cloud)
            return known[1]

    def forget(self) -> None:
        """Something is changed, on one cloud or on another one's entry of clouds.yaml."""
        self._known.clear()


def known_cloud(cloud: str) -> None:
    """Raises Problem for what is no cloud of clouds.yaml."""
    if not cloud or not clouds.is_known(cloud):
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "clouds.yaml has no such cloud.",
            "GET /api/v1/clouds lists those that there are.",
        )


def _asked(cloud: str) -> CloudShape:
    done = child.ask("cloud", "--json", "--", cloud, seconds=SECONDS)
    try:
        found = _Inventory.model_validate(_clean(done.json()))
    except (ValidationError, ValueError):
        raise Problem(
            HTTPStatus.BAD_GATEWAY, done.complaint, f"`kb doctor --cloud {cloud}` says more."
        ) from None
    return CloudShape(who=found.who, has=found.has, unlisted=found.unlisted, asked=datetime.now(UTC))


def _clean(found: Any) -> Any:
    """With all text as people may see it: names on a cloud are whatever somebody called things."""
    if isinstance(found, str):
        return printable(found)
    if isinstance(found, dict):
        return {printable(str(key)): _clean(value) for key, value in found.items()}
    return [_clean(value) for value in found] if isinstance(found, list) else found
