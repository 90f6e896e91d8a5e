"""The verdict on one point: what `sla/` hands to the report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

RECOVERY = "recovery"
"""The name of the check on how long the service was off after something was done to the cloud."""

BASELINE = "baseline"
"""The name of the check on how much slower than a baseline a point is."""

PAIRS = "pairs"
"""What the names of checks begin with that hold two sides against each other which were measured in turns."""


CAPACITY = "capacity"
"""The name of the check of a search for one."""


class Outcome(StrEnum):
    """`INVALID` speaks of our instruments, `FAIL` of the cloud, `INCONCLUSIVE` of the sample."""

    PASS = "pass"  # noqa: S105 (no password)
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"


@dataclass(frozen=True)
class Check:
    """One limit of the SLA against what was measured.

    `name` is the key in the scenario's `sla:` section with its place ("latency p99"), `unit` is
    "s", "1/s", "B/s", "x" for a ratio or "" for a share; of a capacity what it counts ("requests/s").
    `low` and `high` bound the true value at the stated confidence; they equal `value` where no interval
    can be given. `at_most` is False where the limit is a floor. `detail` is one sentence for people: what,
    by how much, from what sample.
    `p_pass` and `p_fail` are the smallest error probabilities, over all looks, at which it would pass
    and at which it would fail.
    """

    name: str
    outcome: Outcome
    value: float
    limit: float
    unit: str
    low: float
    high: float
    at_most: bool
    detail: str
    p_pass: float = 1.0
    p_fail: float = 1.0


@dataclass(frozen=True)
class Verdict:
    """`outcome` is the worst of the checks, or INVALID when `reasons` (why) is not empty.

    `notes` are sentences on what was wrong with the instruments and does not stand against a pass.
    """

    outcome: Outcome
    checks: tuple[Check, ...]
    reasons: tuple[str, ...]
    confidence: float
    looks: int = 1
    notes: tuple[str, ...] = ()
