"""A heat map as a record keeps it: small however long the point was."""

from __future__ import annotations

import base64
import zlib
from typing import Annotated

import numpy as np
from pydantic import Field

from kb_tests.errors import RecordError
from kb_tests.measure.heat import Heat
from kb_tests.report.measured import Encoded, Part

LARGEST = 8 << 10
"""Bytes of one heat map at most; a storage point has two."""

_CELLS = 4 << 20


class HeatRecord(Part):
    """A `Heat`: `rows` of `buckets` counts each, from bucket `low` on, as little-endian 64-bit integers,
    compressed by zlib, in base64. Where that would be more than `LARGEST`, rows of longer `step` stand in it.
    """

    at: int
    step: Annotated[int, Field(ge=1)]
    rows: Annotated[int, Field(ge=0)]
    low: Annotated[int, Field(ge=0)]
    buckets: Annotated[int, Field(ge=0)]
    counts: Encoded

    @classmethod
    def of(cls, heat: Heat) -> HeatRecord:
        """The record of `heat`."""
        while True:
            found = cls._as_it_is(heat)
            if len(found.counts) <= LARGEST or len(heat.rows) < 2:
                return found
            heat = heat.joined()

    @classmethod
    def _as_it_is(cls, heat: Heat) -> HeatRecord:
        used = [bucket for row in heat.rows for bucket, _ in row]
        low, high = (min(used), max(used)) if used else (0, -1)
        cells = np.zeros((len(heat.rows), high - low + 1), "<u8")
        for place, row in enumerate(heat.rows):
            for bucket, count in row:
                cells[place, bucket - low] = count
        packed = base64.b64encode(zlib.compress(cells.tobytes(), 9)).decode("ascii")
        return cls(
            at=heat.at, step=heat.step, rows=len(heat.rows), low=low, buckets=high - low + 1, counts=packed
        )

    def restore(self) -> Heat:
        """The heat map again; raises RecordError if it cannot be read."""
        size = 8 * self.rows * self.buckets
        try:
            unpacker = zlib.decompressobj()
            raw = unpacker.decompress(base64.b64decode(self.counts, validate=True), size + 1)
            if len(raw) != size or size > 8 * _CELLS:
                raise ValueError("its size is not the one it states")
            cells = np.frombuffer(raw, "<u8").reshape(self.rows, self.buckets)
        except (ValueError, zlib.error) as error:
            raise RecordError(
                f"A heat map in the record cannot be read: {error}.",
                remedy="The file was changed after the run.",
            ) from error
        rows = (
            tuple((self.low + int(place), int(row[place])) for place in np.flatnonzero(row)) for row in cells
        )
        return Heat(self.at, self.step, tuple(rows))
