"""API calls on a cloud that misbehaves: what an error says, and when to try again."""

from __future__ import annotations

import contextlib
import random
import re
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import Event
from typing import TypeVar

from keystoneauth1 import exceptions as ksa
from openstack import exceptions as sdk

from kb_tests.cloud.patience import USUAL, Patience
from kb_tests.cloud.transport import by_proxy
from kb_tests.errors import CloudError, KbError, StagingError

T = TypeVar("T")

FAILURES = (sdk.SDKException, ksa.ClientException)
"""What openstacksdk and keystoneauth raise."""

_PACKAGE = Path(__file__).parents[1]
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_HTML = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_NOISE = re.compile(r" \(HTTP \d+\)| \(Request-ID: [^)]*\)")


class UnreadableError(sdk.SDKException):
    """An API answered something that is not OpenStack's. What was asked for may have been done."""


class Aborted(StagingError):  # noqa: N818 - like KeyboardInterrupt, it says what happened
    """The run was stopped from outside or its time is up."""


def status(error: Exception) -> int | None:
    """The HTTP status that the API answered; None if there was no answer."""
    if isinstance(error, sdk.HttpException):
        return error.status_code
    return getattr(error, "http_status", None) if isinstance(error, ksa.HttpError) else None


def unanswered(error: Exception) -> bool:
    """True when the call may have worked although it failed here: no answer, or a server's error."""
    code = status(error)
    return code is None or code >= 500


def transient(error: Exception) -> bool:
    """True when the same call may work a little later.

    That of a service which refuses a token may: keystoneauth has already signed in once more, so that
    credentials which have become wrong show as `ksa.Unauthorized`.
    """
    code = status(error)
    if code == 401:
        return isinstance(error, sdk.HttpException)
    if code is None:
        return isinstance(error, ksa.ConnectFailure | ksa.ConnectTimeout | ksa.RetriableConnectionFailure)
    return code in _TRANSIENT


def counted_twice(error: Exception) -> bool:
    """True when Neutron refused for want of quota, perhaps because of what it has just made: for a moment it
    counts that as reserved still, too.
    """
    return status(error) == 409 and "quota exceeded for resources" in said(error).lower()


def said(error: Exception) -> str:
    """What the API said, on one line."""
    code = status(error)
    details = getattr(error, "details", None) or getattr(error, "message", None) or str(error)
    shown = "".join(sign if sign.isprintable() else " " for sign in str(details))
    if "<html" in shown.lower():
        shown = f"a page of HTML: {_HTML.sub(' ', shown)}"
    line = _NOISE.sub("", " ".join(shown.split())).rstrip(":")
    if proxy := by_proxy(error):
        line = f"{line} (by the proxy {proxy} of this shell's environment)"
    return f"{code} {line}"[:500] if code else line[:500]


@contextlib.contextmanager
def understood(cloud: str, kind: type[CloudError] = CloudError) -> Iterator[None]:
    """Raise an error of that kind, in one sentence, for whatever comes of answers that are not OpenStack's.

    An error of ours would end so, too; therefore it says where.
    """
    try:
        yield
    except KbError:
        raise
    except FAILURES as error:
        raise kind(f"Cloud {cloud!r} failed: {said(error).rstrip('.')}.") from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if _PACKAGE in Path(frame.filename).parents]
        where = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
        raise kind(
            f"Cloud {cloud!r} answers what cannot be made sense of: {type(error).__name__}{where}.",
            remedy="If other OpenStack clients can, this is a mistake of kb_tests: please report it.",
        ) from error


def wait_before(error: Exception, attempt: int, patience: Patience = USUAL) -> float:
    """Seconds until the next attempt: Retry-After where the API sent one, else exponential with jitter.

    A date in it is by the API's clock.
    """
    response = getattr(error, "response", None)
    headers = response.headers if response is not None else {}
    asked = headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return min(float(asked), patience.asked_for)
    at = _date(asked)
    if at is not None:
        now = _date(headers.get("Date", "")) or datetime.now(UTC)
        return min(max((at - now).total_seconds(), 0.0), patience.asked_for)
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - no secret
    return min(patience.first_wait * 2.0**attempt, patience.back_off) * jitter


def _date(header: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def pause(seconds: float, until: float, stop: Event, doing: str) -> None:
    """Wait, unless stopped; raises Aborted when stopped, or when `until` (monotonic) comes first."""
    if time.monotonic() + seconds > until:
        raise Aborted(f"No time is left for {doing}.")
    if stop.wait(seconds):
        raise Aborted(f"Stopped while {doing}.")


def repeat(
    call: Callable[[], T],
    *,
    until: float,
    stop: Event,
    doing: str,
    also: frozenset[int] = frozenset(),
    patience: Patience = USUAL,
) -> T:
    """The result of an idempotent call, tried again on transient errors (and those in `also`).

    The last error is raised as it came; Aborted only when stopped between attempts.
    """
    attempt = 0
    while True:
        try:
            return call()
        except FAILURES as error:
            if not (transient(error) or status(error) in also):
                raise
            wait = wait_before(error, attempt, patience)
            attempt += 1
            if time.monotonic() + wait > until:
                raise
            pause(wait, until, stop, doing)
