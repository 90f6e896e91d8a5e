"""How a resource says whose it is: a name `kb-{run}-...`, and a mark that names the run and its lease.

The name alone proves nothing, somebody else may use our prefix: a resource is ours when name and
mark carry the same run. The mark is the same on all resources of a run, so that APIs can filter by it; only
what regions share (users and projects) says in addition which one the run is in.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self
from urllib.parse import quote, unquote

RUN_ID = re.compile(r"[0-9a-f]{8}")
_NAME = re.compile(r"kb-(?P<run>[0-9a-f]{8})-.")
_UNTIL = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_MARK = re.compile(
    rf"\bkb_tests run (?P<run>[0-9a-f]{{8}}), lease until (?P<until>{_UNTIL})(?:, in region (?P<region>\S+))?"
)
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def new_run_id() -> str:
    """Eight lower-case hexadecimal digits."""
    return secrets.token_hex(4)


def resource_name(run_id: str, suffix: str) -> str:
    """`kb-{run}-{suffix}`, fit to be a host name (RFC 1123: at most 63 characters)."""
    name = f"kb-{run_id}-{suffix}"
    if len(name) > 63:
        raise ValueError(f"{name} is longer than a host name may be")
    return name


def run_of_name(name: str) -> str | None:
    """The run in a resource's name; None if it is not one of ours."""
    match = _NAME.match(name)
    return match["run"] if match else None


@dataclass(frozen=True)
class Mark:
    """The run, and until when nobody else may remove what carries this (Unix time, whole seconds); `region`
    is empty where that says nothing of it.
    """

    run_id: str
    lease_until: int
    region: str = ""

    def __str__(self) -> str:
        until = datetime.fromtimestamp(self.lease_until, UTC)
        region = f", in region {quote(self.region, safe='')}" if self.region else ""
        return f"kb_tests run {self.run_id}, lease until {until.strftime(_TIME)}{region}"

    def in_region(self, region: str) -> Self:
        """The same, with the run's region."""
        return replace(self, region=region)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The mark in a description, metadata value or key comment; None where there is none."""
        match = _MARK.search(text)
        if match is None:
            return None
        try:
            until = datetime.strptime(match["until"], _TIME).replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(match["run"], int(until.timestamp()), unquote(match["region"] or ""))
