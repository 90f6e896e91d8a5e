"""Staging and teardown on a cloud that behaves: what is made, and that all of it goes."""

from __future__ import annotations

import os
import signal
import threading
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from openstack.identity.v3._proxy import Proxy as IdentityProxy

from kb_tests.cloud.cleanup import clean, find_runs
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.kinds import KINDS
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.staging import stage
from kb_tests.cloud.teardown import tear_down
from kb_tests.cloud.topology import Role
from kb_tests.cloud.workloads import plan
from kb_tests.errors import CapacityError, StagingError
from kb_tests.localcloud import control
from tests.functional.cloud.conftest import everything
from tests.functional.cloud.staged import BOOT, PUBLIC_KEY, scenario, stage_small

pytestmark = pytest.mark.usefixtures("nothing_left")

MADE_BY_A_STEP = 2
"""Resources at most that one step of staging makes: a project, and the user in it."""


def test_topology_is_as_planned(cloud: Cloud, journal: Journal) -> None:
    layout = plan(scenario(tenants=2, routers_per_tenant=2, networks_per_router=2, servers_per_network=3))
    before = cloud.requests
    topology = stage(cloud, layout, BOOT, journal, StageOptions(image="kb-node", public_key=PUBLIC_KEY))

    assert topology.region == "RegionOne"
    assert len(topology.servers) == len(topology.clients) == layout.clients.servers == 24
    assert topology.proxy.address == topology.access.redis_host == layout.proxy_address
    assert [client.peer for client in topology.clients] == [server.address for server in topology.servers]
    assert len({server.address for server in (*topology.agents, topology.proxy)}) == 49
    by_network = {network.name: ip_network(network.cidr) for network in layout.networks}
    assert all(ip_address(server.address) in by_network[server.network] for server in topology.servers)
    first_of_each = topology.servers[: len(by_network)]
    assert {server.network for server in first_of_each} == set(by_network)
    assert len({server.project_id for server in topology.servers}) == 2
    assert topology.clients[0].project_id not in {server.project_id for server in topology.servers}
    assert topology.staging.requests == cloud.requests - before

    network = cloud.connection.network
    (subnet,) = network.subnets(name=f"kb-{journal.run_id}-client")
    routes = {(route["destination"], route["nexthop"]) for route in subnet.host_routes}
    assert routes == set(layout.host_routes)
    names = {group.id: group.name for group in network.security_groups(description=str(journal.mark))}
    groups_of = {port.device_id: port.security_group_ids for port in network.ports()}
    for server in topology.servers:
        assert [names[group] for group in groups_of[server.id]] == [f"kb-{journal.run_id}-{server.network}"]
    legs = [port for port in network.ports() if port.name.startswith(f"kb-{journal.run_id}-leg-")]
    assert {port.device_owner for port in legs} == {"network:router_interface"}

    tear_down(cloud, journal)
    assert journal.closed


def test_every_resource_carries_the_mark(cloud: Cloud, journal: Journal) -> None:
    before = everything(cloud)
    stage_small(cloud, journal)
    marked = {name: {found.id for found in kind.find(cloud, journal.mark)} for name, kind in KINDS.items()}
    after = everything(cloud)
    new = {name: after[name] - before[name] for name in after if name != "quota"}
    unmarked = {name: ids - marked[name] for name, ids in new.items() if ids - marked[name]}
    # Ports of servers, routers and DHCP, and default security groups, are made by OpenStack itself.
    assert set(unmarked) <= {"port", "security_group"}
    assert {name for name, ids in marked.items() if ids} == journal.kinds()

    clean(cloud, run_id=journal.run_id, force=True, folder=journal.path.parents[1])


def test_only_what_is_needed_is_open(cloud: Cloud, journal: Journal) -> None:
    topology = stage_small(cloud, journal)
    network = cloud.connection.network
    groups = {
        group.name.removeprefix(f"kb-{journal.run_id}-"): {
            (rule.port_range_min, rule.remote_ip_prefix)
            for rule in network.security_group_rules(security_group_id=group.id, direction="ingress")
        }
        for group in network.security_groups(description=str(journal.mark))
    }
    layout = plan(scenario())
    inside = set(layout.run_subnets)
    assert groups == {
        "proxy": {(22, "0.0.0.0/0"), *((6379, cidr) for cidr in inside)},
        "client": {(22, layout.clients.cidr)},
        "server-1-1-1": {(80, layout.clients.cidr), (22, layout.clients.cidr)},
    }
    used = {
        port.device_id: port.security_group_ids
        for port in network.ports()
        if port.device_owner.startswith("compute:")
    }
    names = {group.id: group.name for group in network.security_groups(description=str(journal.mark))}
    for server in (*topology.agents, topology.proxy):
        (group,) = used[server.id]
        assert names[group].startswith(f"kb-{journal.run_id}-{server.role}")
    tear_down(cloud, journal)


def test_without_projects_of_its_own(cloud: Cloud, journal: Journal) -> None:
    topology = stage_small(cloud, journal, own_projects=False)
    assert {server.project_id for server in topology.agents} == {cloud.project_id}
    assert not {"project", "user", "flavor"} & journal.kinds()
    tear_down(cloud, journal)


def test_without_floating_ip(cloud: Cloud, journal: Journal) -> None:
    command = "ssh -W %h:%p bastion"
    topology = stage_small(cloud, journal, floating_ip=False, proxy_command=command, ssh_port=2222)
    assert (topology.access.host, topology.access.port) == (topology.proxy.address, 2222)
    assert topology.access.proxy_command == command
    assert "floating_ip" not in journal.kinds()
    rules = cloud.connection.network.security_group_rules(direction="ingress", protocol="tcp")
    assert 2222 not in {rule.port_range_min for rule in rules}, "in the proxy, SSH keeps its port"
    tear_down(cloud, journal)


def test_what_the_image_says_of_itself_reaches_every_report(
    cloud: Cloud, journal: Journal, local: control.Running
) -> None:
    assert local.notes
    assert stage_small(cloud, journal).notes == local.notes
    tear_down(cloud, journal)


def test_what_outlives_its_project_goes(cloud: Cloud, journal: Journal) -> None:
    stage_small(cloud, journal)
    network = cloud.connection.network
    (project,) = cloud.identity.projects(name=f"kb-{journal.run_id}-clients")
    delete_project = IdentityProxy.delete_project

    def then_late_calls_arrive(*args: object, **kwargs: object) -> None:
        delete_project(*args, **kwargs)  # type: ignore[arg-type]
        network.update_quota(project.id, networks=7)
        assert list(network.security_groups(project_id=project.id))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IdentityProxy, "delete_project", then_late_calls_arrive)
        tear_down(cloud, journal)


def test_teardown_twice(cloud: Cloud, journal: Journal) -> None:
    stage_small(cloud, journal)
    assert tear_down(cloud, journal)
    again = Journal.open(journal.path)
    assert tear_down(cloud, again) == ()


@pytest.mark.parametrize("after", [0, 5, 20])
def test_abort_creates_nothing_more(cloud: Cloud, journal: Journal, after: int) -> None:
    abort = threading.Event()
    intents: list[int] = []

    def progress(phase: str, done: int, total: int) -> None:
        if done >= after and not abort.is_set():
            abort.set()
            intents.append(len(journal.entries()))

    if after == 0:
        abort.set()
    with pytest.raises(StagingError, match=r"(?i)stopped"):
        stage_small(cloud, journal, progress, abort=abort)
    under_way = StageOptions(image="").concurrency * MADE_BY_A_STEP
    assert len(journal.entries()) <= (intents or [0])[0] + (under_way if after else 0)
    assert (journal.run_id in find_runs(cloud, journal.path.parents[1]).runs) == bool(journal.entries())
    tear_down(cloud, journal)


def test_interrupt_ends_staging(cloud: Cloud, journal: Journal) -> None:
    """The one step under way is finished; those that stand in line behind it never begin."""
    at_interrupt: list[int] = []

    def progress(phase: str, done: int, total: int) -> None:
        if not at_interrupt:
            at_interrupt.append(len(journal.entries()))
            os.kill(os.getpid(), signal.SIGINT)

    options = StageOptions(image="kb-node", public_key=PUBLIC_KEY, concurrency=1)
    with pytest.raises(KeyboardInterrupt):
        stage(cloud, plan(scenario(tenants=6)), BOOT, journal, options, progress)
    assert at_interrupt[0] <= len(journal.entries()) <= at_interrupt[0] + MADE_BY_A_STEP
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("kb-stage")]
    tear_down(cloud, journal)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"image": "nowhere"}, r"has no image 'nowhere'"),
        ({"external_network": "nowhere"}, r"no external network 'nowhere': it has "),
        ({"flavor": "nowhere"}, r"has no flavor 'nowhere'; it has "),
        ({"max_servers": 2}, r"needs 3 servers, the proxy included; 2 are allowed"),
    ],
)
def test_preflight_says_what_lacks(
    cloud: Cloud, journal: Journal, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(CapacityError, match=sentence):
        stage_small(cloud, journal, **options)
    assert journal.entries() == ()


def test_quota_is_checked_where_it_is_not_ours_to_set(cloud: Cloud, journal: Journal) -> None:
    compute = cloud.connection.compute
    compute.update_quota_set(cloud.project_id, instances=2, cores=1)
    try:
        with pytest.raises(CapacityError, match=r"3 servers where 2 are free; 3 vCPU where 1 are free"):
            stage_small(cloud, journal, own_projects=False)
    finally:
        compute.revert_quota_set(cloud.project_id)
    assert journal.entries() == ()


def test_user_data_too_big(cloud: Cloud, journal: Journal) -> None:
    boot = dict.fromkeys(Role, "x" * 50_000)
    with pytest.raises(CapacityError, match="66668 bytes in base64; Nova takes 65535"):
        stage(cloud, plan(scenario()), boot, journal, StageOptions(image="kb-node"))
