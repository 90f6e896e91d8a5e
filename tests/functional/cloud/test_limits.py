"""Quotas and groups as current releases have them: what a run needs is there before its servers are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests import cli
from kb_tests.cloud.connect import connect
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.staging import stage
from kb_tests.cloud.teardown import tear_down
from kb_tests.cloud.workloads import plan
from kb_tests.errors import CapacityError, StagingError
from tests.functional.cloud.conftest import everything
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


# Nova's limits are Keystone's


@pytest.fixture
def unified(settings: Callable[..., None]) -> None:
    settings(quota="unified")


MANY = {"servers_per_network": 11}
"""More than the 10 servers that Nova registers."""


@pytest.mark.usefixtures("unified")
def test_room_is_made_in_keystone_and_goes_with_the_projects(
    operator: Operator,
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    identity = operator.cloud.identity
    own = operator.running.clouds_yaml
    (line,) = doctor(own, monkeypatch, capsys, "quotas", "{servers_per_network: 11}")
    assert line.startswith("quotas good 23 servers")
    assert line.endswith("for scenario small: set by the run, in Keystone where that limits Nova")

    def limits(_: str) -> list[tuple[str, int]]:
        return sorted((each.resource_name, each.resource_limit) for each in identity.limits())

    assert run(own, limits, topology=MANY) == [
        ("class:MEMORY_MB", 11 * 64),
        ("class:MEMORY_MB", 12 * 64),
        ("class:VCPU", 11),
        ("class:VCPU", 12),
        ("servers", 11),
        ("servers", 12),
    ]
    assert limits("") == []


@pytest.mark.usefixtures("unified")
def test_an_answer_that_is_lost_makes_no_limit_twice(operator: Operator, run: Callable[..., Any]) -> None:
    operator.client.add_fault("lost-answer", service="keystone", method="POST", path="/limits$", times=1)
    try:
        run(operator.running.clouds_yaml, topology=MANY)
    finally:
        operator.client.clear_faults()


@pytest.mark.usefixtures("unified")
def test_limits_that_may_not_be_made_are_said_before_anything_is(
    operator: Operator,
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    operator.client.add_fault("status", service="keystone", method="POST", path="/limits$", status=403)
    own = operator.running.clouds_yaml
    sentence = (
        "Cloud 'kb-local' limits servers in Keystone, where its user may change nothing: a project of the "
        "run needs 12 servers where 10 are registered. Have its operator raise the limits that Nova has "
        "registered in Keystone (`openstack registered limit set`), or stage in an existing project that has "
        "room."
    )
    try:
        (line,) = doctor(own, monkeypatch, capsys, "quotas", "{servers_per_network: 11}")
        assert line == f"quotas FAULT {sentence.replace(' Have its', ' -> Have its')}"
        before = everything(operator.cloud)
        with pytest.raises(CapacityError) as refused:
            run(own, topology=MANY)
        assert str(refused.value) == sentence
        assert everything(operator.cloud) == before
        run(own)  # what is registered is enough for two servers
    finally:
        operator.client.clear_faults()


def test_a_quota_that_stays_as_it_was_is_one_sentence(operator: Operator, run: Callable[..., Any]) -> None:
    """Whoever limits it: the answer to the change says so."""
    body = '{"quota_set": {"instances": 1, "cores": 20, "ram": 51200}}'
    operator.client.add_fault("status", service="nova", path="/os-quota-sets/", status=200, body=body)
    kept = "Nova of cloud 'kb-local' accepted a change of quotas and keeps instances at 1, where 2 were asked"
    try:
        with pytest.raises(StagingError, match=kept):
            run(operator.running.clouds_yaml)
    finally:
        operator.client.clear_faults()


def test_a_member_is_told_without_details_of_neutrons_quota(
    operator: Operator,
    settings: Callable[..., None],
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings(quota_details="off")
    clouds_yaml = operator.user("no-details", "member")
    (line,) = doctor(clouds_yaml, monkeypatch, capsys, "quotas", "{flavor: {ram: 64MiB}}")
    assert line.startswith("quotas good 3 servers")
    run(clouds_yaml)
    project = operator.cloud.identity.find_project("no-details", ignore_missing=False)
    operator.cloud.connection.network.update_quota(project.id, routers=1)
    assert doctor(clouds_yaml, monkeypatch, capsys, "quotas", "{flavor: {ram: 64MiB}}") == [
        "quotas FAULT Scenario small needs 2 routers; 1 are free. "
        "-> Raise the quota, free some, or make the scenario smaller."
    ]


# Rules that new groups have, or lack


@pytest.fixture
def templates(operator: Operator) -> Iterator[Any]:
    """Neutron, whose templates are afterwards as they were."""
    network = operator.cloud.connection.network
    before = list(network.default_security_group_rules())
    yield network
    kept = {each.id for each in before}
    there = {each.id for each in network.default_security_group_rules()}
    for added in there - kept:
        network.delete_default_security_group_rule(added)
    for each in before:
        if each.id not in there:
            network.create_default_security_group_rule(
                direction=each.direction,
                ethertype=each.ether_type,
                used_in_default_sg=each.used_in_default_sg,
            )


SSH = {"direction": "ingress", "ethertype": "IPv4", "port_range_min": 22, "port_range_max": 22}


@pytest.mark.parametrize(
    "template",
    [
        SSH | {"protocol": "tcp", "remote_ip_prefix": "0.0.0.0/0"},
        SSH | {"protocol": "tcp"},
        SSH | {"protocol": "6"},
        {"direction": "ingress", "ethertype": "IPv4"},
        {"direction": "egress", "ethertype": "IPv4", "protocol": "udp"},
    ],
)
@pytest.mark.parametrize("lost", [False, True], ids=["answered", "lost"])
def test_what_a_new_group_has_already_is_left_out(
    operator: Operator, templates: Any, run: Callable[..., Any], template: dict[str, Any], lost: bool
) -> None:
    templates.create_default_security_group_rule(**template)
    if lost:
        operator.client.add_fault(
            "lost-answer", service="neutron", method="POST", path="/security-group-rules$", nth=1
        )
    try:
        run(operator.running.clouds_yaml, lambda run_id: None)
    finally:
        operator.client.clear_faults()


def test_egress_is_made_where_new_groups_have_none(
    operator: Operator, templates: Any, run: Callable[..., Any]
) -> None:
    for each in list(templates.default_security_group_rules()):
        if each.direction == "egress":
            templates.delete_default_security_group_rule(each)

    def out(run_id: str) -> dict[str, list[tuple[str, Any]]]:
        groups = [each for each in templates.security_groups() if each.name.startswith(f"kb-{run_id}-")]
        return {
            each.name.removeprefix(f"kb-{run_id}-"): [
                (rule["ethertype"], rule["protocol"])
                for rule in each.security_group_rules
                if rule["direction"] == "egress"
            ]
            for each in groups
        }

    everything_out = [("IPv4", None)]
    assert run(operator.running.clouds_yaml, out) == {
        "proxy": everything_out,
        "client": everything_out,
        "server-1-1-1": everything_out,
    }
