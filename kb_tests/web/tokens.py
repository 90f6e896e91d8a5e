"""Who may ask: the operator, or somebody who only looks. A token is made anew by each start of the UI."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable
from enum import StrEnum

WRONG_AT_MOST = 30
"""Wrong tokens within `WRONG_SECONDS`, after which further ones are told to wait."""

WRONG_SECONDS = 60.0


class Role(StrEnum):
    """What a token's holder may do: everything, or read."""

    OPERATOR = "operator"
    VIEWER = "viewer"


def new_token() -> str:
    """256 random bits, in letters that need no escape in a URL."""
    return secrets.token_urlsafe(32)


class Tokens:
    """The tokens of one start of the UI; `viewer` is "" where nobody else may look."""

    def __init__(
        self, operator: str, viewer: str = "", *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._known = {Role.OPERATOR: operator.encode()} | ({Role.VIEWER: viewer.encode()} if viewer else {})
        self._clock = clock
        self._wrong: deque[float] = deque(maxlen=WRONG_AT_MOST)

    def role(self, header: bytes | None) -> Role | None:
        """Whose token an `Authorization` header holds; every known one is compared, in constant time."""
        scheme, _, given = (header or b"").partition(b" ")
        found: Role | None = None
        for role, token in self._known.items():
            same = hmac.compare_digest(given.strip(), token)
            if same and scheme.lower() == b"bearer":
                found = role
        if found is None and header is not None:
            self._wrong.append(self._clock())
        return found

    def tried_too_often(self) -> bool:
        """Whether so many wrong tokens came lately that somebody is guessing. The right one still works."""
        return len(self._wrong) == WRONG_AT_MOST and self._clock() - self._wrong[0] < WRONG_SECONDS
