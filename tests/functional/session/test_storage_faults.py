"""Storage points whose servers, volumes or image fail: red or invalid by one clear sentence."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest

from tests.functional.session.suite import Suite
from tests.functional.storage.sessions import checks, harmed, interfered, scenario, volumes


@pytest.mark.root_only("loop devices")
def test_a_full_disk_is_red(suite: Suite) -> None:
    ended = harmed(
        suite,
        scenario(suite, mode="randwrite", duration="6s", sla="{errors: 1%}"),
        lambda suite, _, volume: suite.admin.harm_volume(volume, "full", size=1 << 20),
    )
    assert ended.code == 1, ended.output
    assert "error rate" in ended.output
    assert "No space left on device" in checks(ended)["errors"]["detail"]
    assert checks(ended)["max_stall"]["value"] > 2


@pytest.mark.nightly
def test_a_server_that_dies_makes_the_point_invalid(suite: Suite) -> None:
    ended = harmed(
        suite,
        scenario(suite, duration="4s"),
        lambda suite, server, _: suite.admin.harm_server(server, "crash"),
    )
    assert ended.code == 11, ended.output
    assert "1 of 1 servers are missing" in ended.output
    [down] = ended.record["points"][0]["down"]
    assert re.fullmatch(r"Server kb-\w+-storage-1 is SHUTOFF since [\d:]+ UTC \(host .+\)\.", down)
    assert ended.output.count(down) >= 2  # of the point, and of all in the first sentence
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


@pytest.mark.root_only("a server's own /usr")
@pytest.mark.nightly  # the engine says it in test_fio_engine.py
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
