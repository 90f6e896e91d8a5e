"""Storage scenarios: what is accepted, how each mistake reads, which points they stand for."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.errors import ScenarioError
from kb_tests.scenario.load import load
from kb_tests.scenario.points import expand
from kb_tests.scenario.profile import EXTRA_OPTIONS
from kb_tests.scenario.storage import StoragePoint, StorageScenario

GOOD = """\
name: disk
kind: storage
topology: {servers: 4, target: volume, volume: {size: 10GiB, type: null}, file_size: 1GiB}
load:
  profiles:
    - {name: random read, mode: randread, iodepth: 4, rate_iops: 100}
    - {name: random mix, mode: randrw, rwmixread: 70, iodepth: 4, rate_iops: 100}
    - {name: sequential write, mode: write, block_size: 64KiB, iodepth: 64, rate: 60MiB}
  clients: {start: 1, step: 2}
sla:
  max_stall: 1s
  read_latency: {p99: 20ms}
  achieved: 80%
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "disk.yaml"
    path.write_text(text)
    return path


def points(tmp_path: Path, text: str = GOOD) -> list[StoragePoint]:
    expanded = expand(load(written(tmp_path, text)))
    return [point for point in expanded if isinstance(point, StoragePoint)]


def test_points_are_ordered_by_scale_and_then_as_the_file_lists_its_profiles(tmp_path: Path) -> None:
    assert [point.id for point in points(tmp_path)] == [
        f"disk-clients-{clients}-{profile}"
        for clients in (1, 3, 4)
        for profile in ("random-read", "random-mix", "sequential-write")
    ]


def test_rates_are_ios_a_second_whatever_the_file_says(tmp_path: Path) -> None:
    read, mix, write = points(tmp_path)[-3:]
    assert (read.rate, read.reads, read.offered, read.slots) == (100, 1.0, 400, 4)
    assert (mix.rate, mix.reads) == (100, 0.7)
    assert (write.rate, write.reads, write.unit, write.offered) == (960, 0.0, "bytes", 3840)
    free = points(tmp_path, GOOD.replace(", rate_iops: 100", "").partition("  read_latency")[0])[0]
    assert free.offered == 0


def test_a_stall_and_errors_are_limited_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    scenario = load(written(tmp_path, GOOD[: GOOD.index("sla:")]))
    assert isinstance(scenario, StorageScenario)
    assert (scenario.sla.max_stall, scenario.sla.errors) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "mode: randread, ",
            "mode: randread, iodeph: 4, ",
            "disk.yaml:6: load.profiles[0].iodeph is unknown; did you mean iodepth? allowed here: name, mode,"
            " block_size, iodepth, numjobs, rwmixread, rate_iops, rate, extra.",
        ),
        ("type: null", "typ: null", "topology.volume.typ is unknown; did you mean type? allowed here: size"),
        ("mode: randread", "mode: random", "disk.yaml:6: load.profiles[0].mode: found 'random'; input"),
        ("mode: write", "mode: write, rwmixread: 70", "rwmixread has no meaning for mode write"),
        ("rate: 60MiB", "rate: 60MiB, rate_iops: 5", "name rate or rate_iops, not both"),
        ("name: random mix", "name: random-read", "each profile needs a name of its own"),
        ("name: random mix", "name: Random/mix", "found 'Random/mix'; a name of small letters"),
        ("size: 10GiB", "size: 10GB", "a volume has whole GiB"),
        ("file_size: 1GiB", "file_size: 20GiB", "file_size has to fit into the volume"),
        ("target: volume", "target: ephemeral", "target: volume goes with a volume section"),
        ("target: volume", "target: directory", "target: volume goes with a volume section"),
        ("start: 1", "start: 9", "load.clients.start may not exceed the 4 servers"),
        (", rate_iops: 100}\n    - {name: random mix", "}\n    - {name: random mix", "sla.achieved has no"),
        ("read_latency", "write_latencies", "did you mean write_latency?"),
        ("mode: write,", "mode: write, extra: {filename: /etc/passwd},", "filename is not allowed here"),
        ("mode: write,", "mode: write, extra: {ioengine: 'external:/x.so'},", "ioengine takes values like"),
        ("mode: write,", "mode: write, extra: {ioengine: psync},", "makes one I/O at a time"),
        (
            "mode: write,",
            "mode: write, extra: {fsync: 1},",
            "fsync and fdatasync need iodepth: 1 and an engine",
        ),
        ("  read_latency", "  write_service_time", "is for profiles without a rate, and there is none"),
        ("max_stall: 1s", "max_stall: 1ms", "a stall from 100ms to 20s can be limited"),
        ("sla:", "  ramp: 0s\nsla:", "a ramp from 1s to 1h is allowed here"),
        ("sla:", "  steady: true\nsla:", "steady needs a duration of 5s at least, and a max_duration"),
    ],
)
def test_a_mistake_names_its_place_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert old in GOOD
    with pytest.raises(ScenarioError) as caught:
        load(written(tmp_path, GOOD.replace(old, new)))
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("sla:", "  steady: true\n  max_duration: 60s\nsla:", "verify reads back after the load, and steady"),
        ("mode: randread,", "mode: randwrite,", ""),
        ("rate: 60MiB", "extra: {norandommap: 1}", "with profile sequential write: it has no rate"),
        (
            "rate: 60MiB",
            "rate: 60MiB, extra: {dedupe_percentage: 9}",
            "dedupe_percentage says what is written",
        ),
        ("rate: 60MiB", "rate: 2000MiB", "it makes over 1,000,000 I/Os in 35 s"),
        ("rate: 60MiB", "rate: 200MiB", "one job makes over 60,000 writes in 35 s"),
        ("rate: 60MiB", "rate: 200MiB, numjobs: 2", ""),
        ("sla:", "  max_duration: 2h\nsla:", "one job makes over 60,000 writes in 7205 s"),
    ],
)
def test_what_cannot_be_verified_is_refused(tmp_path: Path, old: str, new: str, expected: str) -> None:
    text = GOOD.replace("sla:", "  verify: true\nsla:").replace(old, new)
    if not expected:
        scenario = load(written(tmp_path, text))
        assert isinstance(scenario, StorageScenario)
        for point in expand(scenario):
            assert isinstance(point, StoragePoint)
            assert point.verify is (point.reads < 1)
        return
    with pytest.raises(ScenarioError) as caught:
        load(written(tmp_path, text))
    assert expected in str(caught.value)


def test_reads_alone_leave_nothing_to_verify(tmp_path: Path) -> None:
    text = GOOD.replace("sla:", "  verify: true\nsla:").replace("mode: randrw, rwmixread: 70", "mode: read")
    with pytest.raises(ScenarioError, match="verify reads back what was written, and no profile writes"):
        load(written(tmp_path, text.replace("mode: write", "mode: read")))


def test_a_limit_on_what_no_profile_does_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("mode: randread", "mode: randwrite").replace(
        "mode: randrw, rwmixread: 70", "mode: write"
    )
    with pytest.raises(ScenarioError, match=r"sla\.read_latency limits what no profile with a rate does"):
        load(written(tmp_path, text))


YAMLISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(StorageScenario.model_fields)), YAMLISH)
def test_any_value_in_any_section_loads_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: object
) -> None:
    data = yaml.safe_load(GOOD) | {key: value}
    path = tmp_path_factory.getbasetemp() / "wild.yaml"
    path.write_text(yaml.safe_dump(data))
    with contextlib.suppress(ScenarioError):
        assert isinstance(load(path), StorageScenario)


def test_a_closed_loop_has_no_latency_to_limit_but_service_times(tmp_path: Path) -> None:
    free = GOOD.replace(", rate_iops: 100", "").replace(", rate: 60MiB", "").replace("  achieved: 80%\n", "")
    with pytest.raises(ScenarioError, match=r"a closed loop has sla\.read_service_time"):
        load(written(tmp_path, free))
    assert points(tmp_path, free.replace("read_latency", "read_service_time"))
    some = GOOD.replace("iodepth: 4, rate_iops: 100}", "iodepth: 4}", 1).replace("  achieved: 80%\n", "")
    assert points(tmp_path, some.replace("sla:", "sla:\n  read_service_time: {p99: 20ms}"))


HARMLESS = {"ioengine": "is the way a load is made, as iodepth is"}
"""Options a profile may add that hide no latency, and why."""


def test_every_option_that_may_hide_latency_is_told_on_the_page() -> None:
    """Whoever allows another one has to say which of both it is."""
    page = (Path(__file__).parents[3] / "docs" / "storage.md").read_text()
    told = page.partition("## Options that hide latency")[2].partition("\n## ")[0]
    named = {word for line in re.findall(r"`([a-z_: 0-9]+)`", told) for word in re.findall(r"[a-z_]+", line)}
    assert set(EXTRA_OPTIONS) - named == set(HARMLESS)
    assert named & set(EXTRA_OPTIONS)
