"""Set-ups that cannot work are named before anything is staged, each with what to do about it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb_tests import cli
from kb_tests.cloud.connect import Cloud
from kb_tests.localcloud import control
from tests.functional.cloud.conftest import everything
from tests.functional.cloud.member import member

TOPOLOGY = """\
name: small
kind: {kind}
topology: {topology}
"""
HTTP = "load: {rate: [1]}\nsla: {errors: 1%}\n"
DISKS = "load: {profiles: [{name: read, mode: randread, rate_iops: 9}]}\nsla: {achieved: 80%}\n"


class Doctor:
    """Runs `kb doctor` and reads its table."""

    def __init__(self, cloud: Cloud, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._cloud = cloud
        self._folder = folder
        self._capsys = capsys

    def ask(self, *options: str, topology: str = "{}", kind: str = "http") -> tuple[int, str]:
        """The exit code, and the table with remedies joined to what they are for."""
        scenario = self._folder / "small.yaml"
        load = HTTP if kind == "http" else DISKS
        scenario.write_text(TOPOLOGY.format(kind=kind, topology=topology) + load)
        before = everything(self._cloud)
        code = cli.main(["doctor", "--cloud", self._cloud.name, "--scenario", str(scenario), *options])
        assert everything(self._cloud) == before
        return code, self._capsys.readouterr().out.replace(f"\n{'':<25}->", " ->")

    def fault(self, *options: str, topology: str = "{}", kind: str = "http") -> str:
        """The only fault."""
        code, table = self.ask(*options, topology=topology, kind=kind)
        (fault,) = [line for line in table.splitlines() if " FAULT " in line]
        assert code == 1
        assert table.endswith("\n1 fault is in the way.\n")
        return " ".join(fault.split())


@pytest.fixture
def doctor(
    cloud: Cloud,
    local: control.Running,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Doctor:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(local.clouds_yaml))
    monkeypatch.chdir(tmp_path)  # doctor tries whether reports/ can be written
    return Doctor(cloud, tmp_path, capsys)


@pytest.fixture
def as_member(cloud: Cloud, doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with member(cloud, tmp_path) as clouds_yaml:
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds_yaml))
        yield json.loads(clouds_yaml.read_text())["clouds"][cloud.name]["auth"]["project_id"]


def test_a_good_cloud(doctor: Doctor) -> None:
    code, table = doctor.ask()
    assert code == 0
    assert "FAULT" not in table
    assert table.endswith("\nNothing is in the way.\n")
    for what in ("sign-in", "identity", "compute", "network", "clock", "rights", "image", "quotas"):
        assert f"\n{what} " in f"\n{table}"


def test_what_the_image_says_of_itself(doctor: Doctor, local: control.Running) -> None:
    _, table = doctor.ask()
    assert local.notes[0] in table
    assert [line.split()[:2] for line in table.splitlines()].count(["image", "note"]) == 1


def test_a_member_is_told_what_follows(doctor: Doctor, as_member: str) -> None:
    code, table = doctor.ask(topology="{flavor: {ram: 64MiB}}")
    assert code == 0
    assert f"rights            note   no admin: all is staged in project {as_member}" in table


def test_no_external_network(doctor: Doctor, cloud: Cloud) -> None:
    network = cloud.connection.network
    public = network.find_network("public", ignore_missing=False)
    network.update_network(public, is_router_external=False)
    try:
        assert doctor.fault() == (
            "external network FAULT Cloud 'kb-local' has no external network for the proxy's floating IP. "
            "-> Its operator makes one (`openstack network create --external`) and shares it."
        )
    finally:
        network.update_network(public, is_router_external=True)


def test_a_quota_too_small(doctor: Doctor, cloud: Cloud, as_member: str) -> None:
    cloud.connection.compute.update_quota_set(as_member, instances=2)
    assert doctor.fault(topology="{flavor: {ram: 64MiB}}") == (
        "quotas FAULT Scenario small needs 3 servers; 2 are free. "
        "-> Raise the quota, free some, or make the scenario smaller."
    )


def test_no_image(doctor: Doctor) -> None:
    assert doctor.fault("--image", "nowhere") == (
        "image FAULT Cloud 'kb-local' has no image 'nowhere'; it has kb-node. "
        "-> `kb image upload` puts one there; --kb-image names another one."
    )


def test_no_admin(doctor: Doctor, as_member: str) -> None:
    assert doctor.fault(topology="{tenants: 2, flavor: {ram: 64MiB}}") == (
        "rights FAULT Scenario small has 2 tenants, each a project of its own; on cloud 'kb-local' "
        "all would share the project signed in to. -> Use an admin's credentials, or one tenant with as many "
        "routers."
    )


def test_the_wrong_region(
    doctor: Doctor, local: control.Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clouds = json.loads(local.clouds_yaml.read_text())
    clouds["clouds"][local.cloud]["region_name"] = "Elsewhere"
    (tmp_path / "clouds.yaml").write_text(json.dumps(clouds))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    assert doctor.fault() == (
        "sign-in FAULT Cloud 'kb-local' offers no compute and no network and no image service in region "
        "'Elsewhere'. Its catalog has RegionOne. -> Check region_name and interface in clouds.yaml."
    )


def test_no_such_volume_type(doctor: Doctor) -> None:
    fault = doctor.fault(topology="{servers: 1, volume: {size: 1GiB, type: fast}}", kind="storage")
    assert fault.startswith("volumes FAULT Cloud 'kb-local' has no volume type 'fast'; it has ")


def test_one_fault_does_not_hide_the_next(doctor: Doctor) -> None:
    code, table = doctor.ask("--image", "nowhere", "--external-network", "nowhere")
    assert code == 1
    assert table.count(" FAULT ") == 2


def test_a_cloud_that_is_down_gets_one_fault_and_no_line_of_a_librarys_log(tmp_path: Path) -> None:
    auth = {"auth_url": "http://127.0.0.1:9/v3", "username": "u", "password": "p", "project_name": "p"}
    clouds_yaml = tmp_path / "clouds.yaml"
    clouds_yaml.write_text(json.dumps({"clouds": {"gone": {"auth": auth}}}))
    ended = subprocess.run(
        [sys.executable, "-c", "from kb_tests.cli import main; exit(main())", "doctor", "--cloud", "gone"],
        env=os.environ | {"OS_CLIENT_CONFIG_FILE": str(clouds_yaml)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == ""
    assert ended.stdout.startswith("sign-in           FAULT  Cloud 'gone' cannot be reached: ")
