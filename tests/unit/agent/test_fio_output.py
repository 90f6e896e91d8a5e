"""fio's output as several versions print it, and as none should."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.agent.storage import output, stall

RECORDED = {path.stem: json.loads(path.read_text()) for path in Path(__file__).parent.glob("fio/*.json")}
DOCUMENT = RECORDED["fio-3.33"]


def test_outputs_of_five_versions_are_there() -> None:
    assert len(RECORDED) == 5


@pytest.mark.parametrize("version", sorted(RECORDED))
def test_every_version_tells_ios_bytes_and_total_latencies_by_direction(version: str) -> None:
    found = output.snapshot(RECORDED[version], 5.0)
    assert (sum(found.read.bins.values()), sum(found.write.bins.values())) == (40, 20)
    assert (found.read.bytes, found.write.bytes) == (40 * 4096, 20 * 4096)
    assert (found.ios, found.errors, found.at) == (60, 0, 5.0)
    assert found.runtime > 0


SYNCED = {path.stem: json.loads(path.read_text()) for path in Path(__file__).parent.glob("fio/syncs/*.json")}


@pytest.mark.parametrize("version", sorted(RECORDED))
def test_every_version_tells_the_times_of_syncs(version: str) -> None:
    """20 writes, a sync after every second one: fio makes none after the last write."""
    found = output.snapshot(SYNCED[version], 5.0)
    assert (found.write.ios, found.sync.ios) == (20, 9)
    assert min(found.sync.bins) > 1000


def test_failures_are_told_apart_by_what_fio_says_of_them() -> None:
    failures = output.Failures()
    line = b"fio: io_u error on file /dev/vdb: Input/output error: %s offset=4096, buflen=4096\n"
    failures.listen(line % b"read" + b"fio: something else: read it\n" + (line % b"write")[:30])
    failures.listen((line % b"write")[30:] + line % b"read")
    nothing = output.snapshot(DOCUMENT, 0.0)
    found = failures.part(nothing._replace(errors=5))
    assert (found.read.failed, found.write.failed, found.sync.failed) == (2, 1, 2)
    failures.listen(line % b"read" * 3)
    later = failures.part(nothing._replace(errors=6))
    assert (later.read.failed, later.write.failed, later.sync.failed) == (3, 1, 2)


@pytest.mark.parametrize("section", ["jobs", "read", "write", "lat_ns", "bins", "io_bytes", "runtime"])
@pytest.mark.parametrize("version", sorted(RECORDED))
def test_a_missing_section_is_refused(version: str, section: str) -> None:
    document = copy.deepcopy(RECORDED[version])
    _drop(document, section)
    if section == "bins" and "N" not in document["jobs"][0]["read"]["lat_ns"]:
        assert output.snapshot(document, 0.0).ios == 0  # refused by the sums later: bytes without I/Os
        return
    with pytest.raises(output.OutputError, match="unknown shape"):
        output.snapshot(document, 0.0)


def _drop(part: Any, key: str) -> None:
    if isinstance(part, dict):
        part.pop(key, None)
        for below in part.values():
            _drop(below, key)
    elif isinstance(part, list):
        for below in part:
            _drop(below, key)


def test_without_an_io_there_are_no_bins() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["jobs"][0]["read"]["lat_ns"] = {"min": 0, "max": 0, "mean": 0.0, "stddev": 0.0, "N": 0}
    document["jobs"][0]["read"]["io_bytes"] = 0
    assert output.snapshot(document, 0.0).read == output.Direction(0, {})


@given(st.integers(0, 9000), st.integers(1, 2000))
def test_a_stream_is_cut_into_whole_documents_wherever_it_is_broken(cut: int, size: int) -> None:
    text = ("note: fio says hello\n" + json.dumps(DOCUMENT, indent=2) + "\n").encode()
    stream = output.Stream()
    data = (text * 2)[: len(text) + cut]
    found = [document for at in range(0, len(data), size) for document in stream.feed(data[at : at + size])]
    whole = 2 if cut >= len(text) - 1 else 1
    assert found == [DOCUMENT] * whole


def test_a_flood_is_refused() -> None:
    stream = output.Stream()
    assert stream.feed(b"{" * output.MAX_OUTPUT) == []
    with pytest.raises(output.OutputError, match="more than can be understood"):
        stream.feed(b"{")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=6), below, max_size=3),
    max_leaves=6,
)
PLACES = ["io_bytes", "runtime", "lat_ns", "total_ios"]


@given(st.sampled_from(["read", "write"]), st.sampled_from(PLACES), JSON)
def test_any_value_is_refused_or_leaves_the_rest_as_it_is(direction: str, place: str, value: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["jobs"][0][direction][place] = value
    try:
        found = output.snapshot(document, 0.0)
    except output.OutputError:
        return
    other = "write" if direction == "read" else "read"
    assert getattr(found, other) == getattr(output.snapshot(DOCUMENT, 0.0), other)
    assert all(type(count) is int and count >= 0 for count in found.read.bins.values())


@given(JSON)
def test_any_json_is_refused(value: Any) -> None:
    with pytest.raises(output.OutputError):
        output.snapshot(value, 0.0)


def test_counts_that_go_backwards_are_refused() -> None:
    assert output.since({100: 5, 200: 2}, {100: 3}) == {100: 2, 200: 2}
    for new in ({100: 2}, {}):
        with pytest.raises(output.OutputError, match="backwards"):
            output.since(new, {100: 3})


def test_coarse_buckets_are_quarters_of_a_doubling() -> None:
    assert output.coarse({1000: 1, 500: 1, 2_048_000: 3, 1_000_000_000: 2}) == [[0, 2], [44, 3], [79, 2]]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([1000, 1100, 3100, *range(3200, 11001, 500)], [(1.1, 2.0)]),
        ([900, 4000, 10990], [(1.0, 3.0), (4.0, 6.99)]),
        ([10900], [(1.0, 9.9)]),
        ([1010], [(1.01, 9.99)]),
        ([], [(1.0, 10.0)]),
        ([200, 20000], [(1.0, 10.0)]),
    ],
)
def test_stalls_are_found_within_the_window(times: list[int], expected: list[tuple[float, float]]) -> None:
    lines = [f"{time}, 250000, 0, 0, 0\n" for time in reversed(times)]
    found = stall.find(lines, 1.0, 11.0, 1.0)
    assert [tuple(one) for one in found] == [pytest.approx(one) for one in expected]


def test_a_log_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        stall.find(["100, 5, 0\n", "oops, 5, 0\n"], 0.0, 1.0, 0.1)
