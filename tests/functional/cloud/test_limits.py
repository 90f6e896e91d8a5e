"""Quotas and groups as current releases have them: what a run needs is there before its servers are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kb_tests import cli
from kb_tests.cloud.connect import connect
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.layout import plan
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.staging import stage
from kb_tests.cloud.teardown import tear_down
from kb_tests.errors import CapacityError
from tests.functional.cloud.operator import Operator
from tests.functional.cloud.staged import BOOT, scenario


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[Any, ...]]:
    """Stages what a scenario asks for as somebody, tells what the cloud then has, and removes it."""

    def run(
        clouds_yaml: Path,
        look: Callable[[Any], Any] = lambda _: None,
        topology: dict[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        cloud = connect("kb-local" if clouds_yaml.name == "clouds.yaml" else clouds_yaml.stem, clouds_yaml)
        journal = Journal.start(cloud.name, clouds_yaml=clouds_yaml, folder=tmp_path / "runs")
        chosen = StageOptions(image="kb-node", **options)
        try:
            stage(cloud, plan(scenario(**(topology or {}))), BOOT, journal, chosen)
            return look(journal.run_id)
        finally:
            tear_down(cloud, journal)
            journal.release()
            cloud.close()

    return run


def doctor(
    clouds_yaml: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, what: str, topology: str
) -> list[str]:
    """The lines that doctor has about something."""
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds_yaml))
    name = "kb-local" if clouds_yaml.name == "clouds.yaml" else clouds_yaml.stem
    file = clouds_yaml.with_name("small.scenario.yaml")
    file.write_text(
        f"name: small\nkind: http\ntopology: {topology}\nload: {{rate: [1]}}\nsla: {{errors: 1%}}\n"
    )
    capsys.readouterr()
    cli.main(["doctor", "--cloud", name, "--scenario", str(file)])
    table = capsys.readouterr().out.replace(f"\n{'':<25}->", " ->")
    return [" ".join(line.split()) for line in table.splitlines() if line.startswith(f"{what} ")]


# Servers count as large as the flavor that they get


LARGE = {"flavor": {"vcpus": 1, "ram": "1100MiB"}}
"""Of the local cloud's flavors only kb.medium will do, which has 2 vCPU."""


def test_what_a_member_is_short_of_goes_by_the_flavor_that_was_chosen(
    operator: Operator,
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clouds_yaml = operator.user("small-quota", "member")
    project = operator.cloud.identity.find_project("small-quota", ignore_missing=False)
    operator.cloud.connection.compute.update_quota_set(project.id, cores=5)
    topology = "{flavor: {vcpus: 1, ram: 1100MiB}}"
    assert doctor(clouds_yaml, monkeypatch, capsys, "quotas", topology) == [
        "quotas FAULT Scenario small needs 6 vCPU; 5 are free. "
        "-> Raise the quota, free some, or make the scenario smaller."
    ]
    (flavor,) = doctor(clouds_yaml, monkeypatch, capsys, "flavor", topology)
    assert flavor.startswith("flavor good kb.medium (2 vCPU, 2048 MiB of RAM, 0 GiB of disk; id ")
    with pytest.raises(CapacityError, match="6 vCPU where 5 are free"):
        run(clouds_yaml, topology=LARGE)
    operator.cloud.connection.compute.update_quota_set(project.id, cores=6)
    run(clouds_yaml, topology=LARGE)


def test_a_runs_own_projects_have_room_for_the_flavor_that_was_named(
    operator: Operator, run: Callable[..., Any]
) -> None:
    def quota(run_id: str) -> list[tuple[int, int]]:
        projects = [each for each in operator.cloud.identity.projects() if run_id in each.name]
        sets = [operator.cloud.connection.compute.get_quota_set(each.id) for each in projects]
        return sorted((each.cores, each.ram) for each in sets)

    assert run(operator.running.clouds_yaml, quota, flavor="kb.medium") == [(2, 2048), (4, 4096)]
