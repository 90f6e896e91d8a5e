"""Storage points as a user runs them: green when all is well, red or invalid for the right reason."""

from __future__ import annotations

import os
import subprocess
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kb_tests.cloud.connect import connect
from tests.functional.session.suite import Ended, Suite

SCENARIO = """\
name: disk
kind: storage
topology: {{volume: {{size: 1GiB}}, file_size: 16MiB, flavor: {{ram: 128MiB}}}}
load:
  profiles:
    - {{name: {mode}, mode: {mode}, iodepth: 4, {rate}}}
  ramp: 1s
  duration: {duration}
sla: {sla}
"""
Harm = Callable[[Suite, str, str], None]


def scenario(
    suite: Suite,
    mode: str = "randread",
    rate: str = "rate_iops: 100",
    duration: str = "7s",
    sla: str = "{achieved: 80%, read_latency: {p50: 500ms}}",
) -> str:
    path = suite.folder / "disk.yaml"
    path.write_text(SCENARIO.format(mode=mode, rate=rate, duration=duration, sla=sla))
    return str(path)


def harmed(suite: Suite, path: str, harm: Harm) -> Ended:
    """A session; as soon as its load runs, `harm` gets the ids of its server and its volume."""

    def loaded() -> None:
        time.sleep(2)
        (volume,) = [one for one in volumes(suite) if one.attachments]
        harm(suite, volume.attachments[0]["server_id"], volume.id)

    return interfered(suite, path, "IOPS", loaded)


def interfered(suite: Suite, path: str, sign: str, interfere: Callable[[], None]) -> Ended:
    """A session; as soon as it has printed `sign`, something happens to it."""
    arguments = ("--kb-cloud", suite.running.cloud, "--kb-scenario", path)
    with subprocess.Popen(
        suite.command(*arguments),
        cwd=suite.folder,
        env=suite.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
    ) as process:
        assert process.stdout is not None
        output = ""
        done = False
        while printed := process.stdout.read(4096):
            output += printed.decode()
            if not done and sign in output:
                done = True
                interfere()
    return Ended(process.returncode, output, suite.take_records())


def volumes(suite: Suite) -> list[Any]:
    with warnings.catch_warnings(action="ignore"):
        storage: Any = connect(suite.running.cloud, suite.running.clouds_yaml).connection.block_storage
        return list(storage.volumes(details=True, all_projects=True))


def checks(ended: Ended) -> dict[str, Any]:
    (point,) = ended.record["points"]
    return {check["name"]: check for check in point["verdict"]["checks"]}


def test_a_quiet_disk_is_green_and_leaves_nothing(suite: Suite) -> None:
    path = scenario(suite, mode="randrw", rate="rwmixread: 70, rate_iops: 200", duration="5s")
    if os.geteuid() == 0:  # an ordinary user's servers mount no file systems
        Path(path).write_text(Path(path).read_text().replace("{volume:", "{file_system: xfs, volume:"))
    ended = suite.run("--kb-scenario", path)
    assert ended.code == 0, ended.output
    (point,) = ended.record["points"]
    measured = point["measurement"]
    assert measured["iops"]["read"] == pytest.approx(140, rel=0.02)
    assert measured["iops"]["write"] == pytest.approx(60, rel=0.02)
    topology = ended.record["scenarios"][0]["topology"]
    assert topology["tools"]["fio"]
    assert topology["filling"]["bytes"] == 16 << 20
    assert topology["filling"]["seconds"] > 0
    assert "filling disks: 100% of 16MiB" in ended.output
    assert suite.left() == []
    assert volumes(suite) == []


def test_a_disk_frozen_for_two_seconds_is_red(suite: Suite) -> None:
    def freeze(suite: Suite, _server: str, volume: str) -> None:
        suite.admin.harm_volume(volume, "slow", bandwidth=1)
        time.sleep(2)
        suite.admin.harm_volume(volume, "slow")

    ended = harmed(suite, scenario(suite), freeze)
    assert ended.code == 1, ended.output
    assert "max stall" in ended.output
    assert "is over its limit 1s by" in ended.output
    assert checks(ended)["max_stall"]["value"] == pytest.approx(2.1, abs=0.3)
    assert checks(ended)["achieved"]["value"] > 0.9
    assert suite.left() == []


def test_a_slow_disk_is_red_and_says_by_how_much(suite: Suite) -> None:
    ended = harmed(
        suite,
        scenario(suite, sla="{achieved: 95%}"),
        lambda suite, _, volume: suite.admin.harm_volume(volume, "slow", iops=40),
    )
    assert ended.code == 1, ended.output
    assert "achieved rate" in ended.output
    assert "is under its limit 95% by" in ended.output


def test_a_full_disk_is_red(suite: Suite) -> None:
    ended = harmed(
        suite,
        scenario(suite, mode="randwrite", duration="6s", sla="{errors: 1%}"),
        lambda suite, _, volume: suite.admin.harm_volume(volume, "full", size=1 << 20),
    )
    assert ended.code == 1, ended.output
    assert "error share" in ended.output
    assert "No space left on device" in checks(ended)["errors"]["detail"]
    assert checks(ended)["max_stall"]["value"] > 2


def test_a_server_that_dies_makes_the_point_invalid(suite: Suite) -> None:
    ended = harmed(
        suite,
        scenario(suite, duration="4s"),
        lambda suite, server, _: suite.admin.harm_server(server, "crash"),
    )
    assert ended.code == 11, ended.output
    assert "1 of 1 servers are missing" in ended.output
    assert suite.left() == []


def test_a_volume_that_never_attaches_is_said_in_one_sentence(suite: Suite) -> None:
    suite.admin.add_fault("status", service="nova", method="POST", path="os-volume_attachments", status=403)
    try:
        ended = suite.run("--kb-scenario", scenario(suite))
    finally:
        suite.admin.clear_faults()
    assert ended.code == 11, ended.output
    assert "Traceback" not in ended.output
    assert "volume" in ended.record["problems"][0]
    assert suite.left() == []
    assert volumes(suite) == []


def test_an_image_without_fio_is_said_in_one_sentence(suite: Suite) -> None:
    def remove() -> None:
        """From the server's own layer over the image."""
        run_id = next((suite.folder / "reports").glob("*.json")).stem
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "root/etc/hostname").read_text().strip() == f"kb-{run_id}-storage-1":
                    (process / "root/usr/bin/fio").unlink()
                    return
        raise AssertionError("the server is not there")

    ended = interfered(suite, scenario(suite), "attachments", remove)
    assert ended.code == 11, ended.output
    assert "Traceback" not in ended.output
    (problem,) = ended.record["problems"]
    assert problem.endswith("-storage-1 has failed: fio is missing in the image.")
    assert suite.left() == []
    assert volumes(suite) == []


def test_http_and_storage_stand_in_one_record(suite: Suite, tmp_path: Path) -> None:
    quick = scenario(suite, duration="2s", sla="{staging: 1h}")
    ended = suite.run("--kb-scenario", suite.scenario(), "--kb-scenario", quick)
    assert [one["kind"] for one in ended.record["scenarios"]] == ["http", "storage"]
    assert len(ended.record["points"]) == 2
    assert suite.stagings() == 2


def test_past_a_stop_limit_nothing_runs_and_the_record_says_why(suite: Suite) -> None:
    path = scenario(suite, rate="numjobs: 1", duration="2s", sla="{read_latency: {p50: 1us}}")
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


def test_a_test_of_one_s_own_measures_what_it_likes(suite: Suite) -> None:
    tests = suite.folder / "test_own.py"
    tests.write_text(OWN_TEST)
    ended = suite.run("--kb-scenario", scenario(suite), tests=tests)
    assert ended.code == 0, ended.output
    assert [point["point"]["id"] for point in ended.record["points"]] == [
        "disk-own-1-clients-1-wal",
        "disk-own-2-clients-1-randread",
    ]
