"""What a test of one's own gets from `kb_http.capacity` and `kb_storage.capacity`."""

from __future__ import annotations

from dataclasses import dataclass

from kb_tests.report.capacity import CapacityRecord, sentences
from kb_tests.sla.capacity.model import End


@dataclass(frozen=True)
class Found:
    """What a search found, of all generators together: requests/s, IOPS, I/Os under way, or clients.

    `low` and `high` bound the capacity at `confidence`: 0 and infinity where nothing bounds it; `end` says
    why. `kept` is the highest load with a verdict of pass, `broke` the lowest with one of fail. `limit` names
    what breaks first. `notes` are what reports say of it. `each` has the same per generator, and all probes.
    """

    low: float
    high: float
    kept: float
    broke: float
    limit: str
    end: End
    confidence: float
    probes: int
    seconds: float
    notes: tuple[str, ...]
    each: CapacityRecord

    @classmethod
    def of(cls, record: CapacityRecord) -> Found:
        """From the record of a search."""
        low, high, kept, broke = (
            load * record.factor for load in (record.low, record.high, record.kept, record.broke)
        )
        return cls(
            low,
            high,
            kept,
            broke,
            record.limit,
            record.end,
            record.confidence,
            len(record.probes),
            record.seconds,
            tuple(sentences(record)),
            record,
        )
