"""Storage points as a user runs them: green when all is well, red for what was measured."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.functional.session.suite import Suite
from tests.functional.storage.sessions import checks, harmed, interfered, make_faulty_type, scenario, volumes


def test_a_quiet_disk_is_green_and_leaves_nothing(suite: Suite) -> None:
    path = scenario(suite, mode="randrw", rate="rwmixread: 70, rate_iops: 200", duration="7s")
    if os.geteuid() == 0:  # an ordinary user's servers mount no file systems
        Path(path).write_text(Path(path).read_text().replace("{volume:", "{file_system: xfs, volume:"))
    ended = suite.run("--kb-scenario", path)
    assert ended.code == 0, ended.output
    (point,) = ended.record["points"]
    measured = point["measurement"]
    # On a busy machine fio may make less, and makes it up.
    assert measured["iops"]["read"] == pytest.approx(140, rel=0.1)
    assert measured["iops"]["write"] == pytest.approx(60, rel=0.1)
    topology = ended.record["scenarios"][0]["topology"]
    assert topology["tools"]["fio"]
    assert topology["filling"]["bytes"] == 16 << 20
    assert topology["filling"]["seconds"] > 0
    assert "filling disks: 100% of 16MiB" in ended.output
    assert suite.left() == []
    assert volumes(suite) == []


@pytest.mark.root_only("loop devices")
def test_a_disk_frozen_for_two_seconds_is_red(suite: Suite) -> None:
    frozen: list[float] = []

    def freeze(suite: Suite, _server: str, volume: str) -> None:
        suite.admin.harm_volume(volume, "slow", bandwidth=1)
        began = time.monotonic()
        time.sleep(2)
        frozen.append(time.monotonic() - began)
        suite.admin.harm_volume(volume, "slow")
        frozen.append(time.monotonic() - began)

    ended = harmed(suite, scenario(suite), freeze)
    assert ended.code == 1, ended.output
    assert "max stall" in ended.output
    assert "is over its limit 1s by" in ended.output
    assert frozen[0] - 0.2 < checks(ended)["max_stall"]["value"] < frozen[1] + 0.6
    assert checks(ended)["achieved"]["value"] > 0.8
    assert suite.left() == []


@pytest.mark.root_only("loop devices")
def test_a_slow_disk_is_red_and_says_by_how_much(suite: Suite) -> None:
    def slow() -> None:
        (volume,) = volumes(suite)
        suite.admin.harm_volume(volume.id, "slow", iops=40)

    path = scenario(suite, duration="4s", sla="{achieved: 95%}")
    ended = interfered(suite, path, "filling disks: 100%", slow)
    assert ended.code == 1, ended.output
    assert "achieved rate" in ended.output
    assert "is under its limit 95% by" in ended.output


@pytest.mark.root_only("loop devices")
@pytest.mark.nightly
def test_a_rate_that_is_not_kept_breaks_its_latency(suite: Suite) -> None:
    """No limit says how much of the load has to be made; each I/O that is made takes 25 ms."""

    def slow() -> None:
        (volume,) = volumes(suite)
        suite.admin.harm_volume(volume.id, "slow", iops=40)

    path = scenario(suite, duration="4s", sla="{read_latency: {p50: 300ms}}")
    Path(path).write_text(Path(path).read_text().replace("iodepth: 4", "iodepth: 1"))
    ended = interfered(suite, path, "filling disks: 100%", slow)
    assert ended.code == 1, ended.output
    assert checks(ended)["read latency p50"]["outcome"] == "fail"


@pytest.mark.root_only("loop devices")
@pytest.mark.nightly  # fio alone shows it in test_fio_volume.py
def test_a_disk_that_is_slow_in_fsync_alone_is_red(suite: Suite) -> None:
    make_faulty_type(suite)

    def slow() -> None:
        (volume,) = volumes(suite)
        suite.admin.harm_volume(volume.id, "late", fsync=60)

    path = scenario(
        suite,
        mode="write",
        rate="rate_iops: 10, extra: {fsync: 1}",
        duration="4s",
        sla="{write_latency: {p50: 50ms}}",
    )
    text = Path(path).read_text().replace("iodepth: 4", "iodepth: 1")
    Path(path).write_text(text.replace("{size: 1GiB}", "{size: 1GiB, type: faulty}"))
    ended = interfered(suite, path, "filling disks: 100%", slow)
    assert ended.code == 1, ended.output
    assert checks(ended)["write latency p50"]["outcome"] == "fail"
    assert checks(ended)["max_stall"]["outcome"] == "pass"


VERIFIED = """\
name: disk
kind: storage
topology: {volume: {size: 1GiB, type: faulty}, file_size: 4MiB, flavor: {ram: 128MiB}}
load:
  profiles:
    - {name: before, mode: randwrite, iodepth: 4, rate_iops: 300}
    - {name: since, mode: randwrite, iodepth: 4, rate_iops: 300}
  ramp: 2s
  duration: 3s
  verify: true
sla: {achieved: 30%}
"""


@pytest.mark.root_only("loop devices")
def test_a_volume_is_green_until_it_lies(suite: Suite) -> None:
    """From the second point on it loses and changes writes, and acknowledges them all."""
    make_faulty_type(suite)
    path = suite.folder / "verified.yaml"
    path.write_text(VERIFIED)

    def lie() -> None:
        (volume,) = volumes(suite)
        suite.admin.harm_volume(volume.id, "lie", lost=0.05, changed=0.05)

    ended = interfered(suite, str(path), "disk-clients-1-since", lie)
    assert ended.code == 1, ended.output
    before, since = ended.record["points"]
    assert before["verdict"]["outcome"] == "pass", ended.output
    found = {check["name"]: check for check in since["verdict"]["checks"]}
    assert {name for name, check in found.items() if check["outcome"] == "fail"} == {"verify"}
    told = " ".join(ended.output.split())
    assert "share of what was written that was lost or changed" in told
    assert "of what was written was lost or changed." in told
    assert "blocks that were read back are not what was written last" in found["verify"]["detail"]
    kept = since["measurement"]["servers"][0]["verified"]
    assert kept["read"] == kept["written"] > 100
    assert kept["wrong"] + kept["old"] > 10


@pytest.mark.nightly
def test_past_a_stop_limit_nothing_runs_and_the_record_says_why(suite: Suite) -> None:
    path = scenario(suite, rate="numjobs: 1", duration="2s", sla="{read_service_time: {p50: 1us}}")
    text = Path(path).read_text().replace("{volume:", "{servers: 2, volume:")
    Path(path).write_text(text.replace("  ramp:", "  clients: {stop_at_failure: true}\n  ramp:"))
    ended = suite.run("--kb-scenario", path)
    assert ended.code == 1, ended.output
    statuses = {point["point"]["clients"]: point["status"] for point in ended.record["points"]}
    assert statuses == {1: "judged", 2: "past_stop_limit"}
    assert "left out, since disk-clients-1-randread has broken the SLA" in ended.output


OWN_TEST = """
def test_the_disk_of_my_database(kb_storage):
    wal = {"name": "wal", "mode": "write", "block_size": "8KiB", "rate_iops": 50}
    measured = kb_storage.run(wal, duration="2s")
    assert measured.achieved > 0.9
    assert measured.write.response.percentile(50) < 0.5
    assert kb_storage.run("randread", duration="2s").read.ios > 120
"""


@pytest.mark.nightly
def test_a_test_of_one_s_own_measures_what_it_likes(suite: Suite) -> None:
    tests = suite.folder / "test_own.py"
    tests.write_text(OWN_TEST)
    ended = suite.run("--kb-scenario", scenario(suite), tests=tests)
    assert ended.code == 0, ended.output
    assert [point["point"]["id"] for point in ended.record["points"]] == [
        "disk-own-1-clients-1-wal",
        "disk-own-2-clients-1-randread",
    ]
