"""Heat maps in records: whole counts, bounded size, and no trust in what a file says."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.errors import RecordError
from kb_tests.measure.heat import Heat
from kb_tests.report.heat import LARGEST, HeatRecord

ROWS = st.lists(st.dictionaries(st.integers(0, 200), st.integers(1, 1 << 53), max_size=6), max_size=20).map(
    lambda rows: Heat(-3, 1, tuple(tuple(sorted(row.items())) for row in rows))
)


@settings(max_examples=50)
@given(ROWS)
def test_a_heat_map_comes_back_as_it_was(heat: Heat) -> None:
    assert HeatRecord.model_validate_json(HeatRecord.of(heat).model_dump_json()).restore() == heat


def test_an_hour_is_small_and_loses_no_request() -> None:
    source = np.random.default_rng(5)
    rows = tuple(
        tuple((bucket, int(source.integers(1, 5000))) for bucket in range(20, 50)) for _ in range(3600)
    )
    record = HeatRecord.of(Heat(-5, 1, rows))
    assert len(record.model_dump_json()) < LARGEST + 200
    found = record.restore()
    assert found.step > 1
    assert found.at == -5
    assert len(found.rows) * found.step >= 3600
    assert sum(count for row in found.rows for _, count in row) == sum(
        count for row in rows for _, count in row
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": 3},
        {"buckets": 1 << 40},
        {"counts": "AAAA"},
        {"counts": base64.b64encode(zlib.compress(b"\0" * (1 << 24))).decode()},
    ],
)
def test_a_damaged_one_is_a_record_error(changes: dict[str, object]) -> None:
    record = HeatRecord.of(Heat(0, 1, (((3, 1),),))).model_copy(update=changes)
    with pytest.raises(RecordError, match="heat map in the record cannot be read"):
        record.restore()
