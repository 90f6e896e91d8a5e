"""What a record keeps of a point that was measured on two sides in turns."""

from __future__ import annotations

from pydantic import AwareDatetime

from kb_tests.report.measured import Part, RunId, Text
from kb_tests.report.measurements import AnyMeasured, AnyPoint


class PairRecord(Part):
    """One measurement of A and one of B, one right after the other; `b_first`: which of them came first."""

    b_first: bool
    started: AwareDatetime
    a: AnyMeasured
    b: AnyMeasured


class PairsRecord(Part):
    """B's `point` and the staging `run` that it ran on, what both `sides` are called, and every pair."""

    point: AnyPoint
    run: RunId
    sides: tuple[Text, Text]
    pairs: tuple[PairRecord, ...]
