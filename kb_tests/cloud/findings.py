"""What `kb doctor` finds, a line each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from kb_tests.errors import KbError


class State(StrEnum):
    """What a finding means: as it should be, worth knowing, or in the way."""

    GOOD = "good"
    NOTE = "note"
    FAULT = "FAULT"


@dataclass(frozen=True)
class Finding:
    """One line of the table: what was looked at, what is there, and what to do about it."""

    what: str
    state: State
    found: str
    remedy: str = ""


def fault(what: str, error: KbError, remedy: str = "") -> Finding:
    """An error as what is in the way, its remedy apart."""
    sentence = str(error).removesuffix(error.remedy).rstrip()
    return Finding(what, State.FAULT, sentence, remedy or error.remedy)


def table(findings: Iterable[Finding]) -> str:
    """The findings in columns, remedies below what they are for."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.what:<18}{finding.state:<7}{finding.found}")
        if finding.remedy:
            lines.append(f"{'':<25}-> {finding.remedy}")
    return "\n".join(lines)
