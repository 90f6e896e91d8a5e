"""API and namespaces together: what a client outside sees of servers, of faults, and of a killed cloud."""

from __future__ import annotations

import errno
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openstack import exceptions

from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient
from kb_tests.localcloud.control import LocalCloudError
from kb_tests.localcloud.netns.forwarder import local_port
from tests.functional.localcloud.conftest import connect
from tests.functional.localcloud.whole import MIB, Web, let_in, stage
from tests.waiting import PATIENCE, eventually

pytestmark = [
    pytest.mark.filterwarnings("ignore::openstack.warnings.OpenStackDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::openstack.warnings._RemovedInSDKWarning"),
]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control.Running]:
    state = tmp_path_factory.mktemp("cloud")
    yield control.up(state, driver="netns", parent_pid=os.getpid())
    control.down(state)


@pytest.fixture(scope="module")
def admin(cloud: control.Running) -> Iterator[Any]:
    connection = connect(cloud)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def web(admin: Any) -> Web:
    return stage(admin)


@pytest.fixture
def faults(cloud: control.Running) -> AdminClient:
    return AdminClient(cloud)


def test_a_server_answers_until_its_group_forbids(admin: Any, web: Web) -> None:
    assert eventually(web.get) == b"web"
    group = admin.network.find_security_group("web")
    (rule,) = (rule for rule in group.security_group_rules if rule["port_range_max"] == 8080)
    admin.network.delete_security_group_rule(rule["id"])
    eventually(lambda: web.get() is None)
    let_in(admin, group.id, 8080)
    eventually(web.get)


@pytest.mark.parametrize("harm", ["freeze", "cut"])
def test_a_server_that_is_frozen_or_without_network_answers_after_it(
    web: Web, faults: AdminClient, harm: str
) -> None:
    """And not before."""
    started = time.monotonic()
    faults.harm_server(web.id, harm, seconds=1)
    assert eventually(web.get) == b"web"
    assert time.monotonic() - started > 0.99


def test_a_link_has_a_rate_and_a_loss(web: Web, faults: AdminClient) -> None:
    faults.harm_server(web.id, "link", rate=8_000_000)
    started = time.monotonic()
    assert len(web.get(str(MIB), timeout=PATIENCE) or b"") == MIB
    assert time.monotonic() - started > 0.8, "a mebibyte at a megabyte a second"
    faults.harm_server(web.id, "link", loss=1)
    assert web.get(timeout=0.3) is None
    faults.harm_server(web.id, "link")
    assert eventually(web.get) == b"web"


def test_a_paused_server_knows_nothing_of_the_time_for_which_it_stood_still(
    web: Web, faults: AdminClient
) -> None:
    before = web.behind()
    longest = 0.0
    for paused in (1, 2):
        started = time.monotonic()
        faults.harm_server("web", "pause", seconds=1)
        assert eventually(web.get) == b"web"
        took = time.monotonic() - started
        assert took > 0.99
        longest += took
        lost = [now - then for now, then in zip(web.behind(), before, strict=True)]
        assert all(paused - 0.2 < seconds < longest + 0.2 for seconds in lost), (lost, longest)
    faults.harm_server("web", "freeze", seconds=1)
    assert eventually(web.get) == b"web"
    since = [now - then for now, then in zip(web.behind(), before, strict=True)]
    assert max(since) < min(lost) + 0.4, "its clock went on"
    assert faults.harms() == []


@pytest.mark.root_only("loop devices")
def test_a_volume_is_slow_and_full(admin: Any, web: Web, faults: AdminClient) -> None:
    volume = admin.block_storage.create_volume(name="data", size=1)
    admin.block_storage.wait_for_status(volume, "available", interval=0.05, wait=PATIENCE)
    admin.compute.create_volume_attachment(web.id, volume_id=volume.id)
    admin.block_storage.wait_for_status(volume, "in-use", interval=0.05, wait=PATIENCE)
    assert web.write(20)[0] == 0
    faults.harm_volume(volume.id, "slow", iops=20)
    number, seconds = web.write(20)
    assert (number, seconds > 0.7) == (0, True), "20 writes at 20 a second, the first few at once"
    faults.harm_volume(volume.id, "slow")
    faults.harm_volume(volume.id, "full", size=10 * MIB)
    assert web.write(10)[0] == 0
    assert web.write(20)[0] == errno.ENOSPC
    faults.harm_volume(volume.id, "full")
    assert web.write(20)[0] == 0
    admin.compute.delete_volume_attachment(web.id, volume.id)
    eventually(lambda: admin.block_storage.get_volume(volume.id).status == "available")


@pytest.mark.root_only("loop devices")
def test_a_volume_of_a_faulty_type_is_late_lies_and_fails(admin: Any, web: Web, faults: AdminClient) -> None:
    kind = admin.block_storage.create_type(name="faulty", extra_specs={"kb:faulty": "true"})
    volume = admin.block_storage.create_volume(name="bad", size=1, volume_type=kind.id)
    admin.block_storage.wait_for_status(volume, "available", interval=0.05, wait=PATIENCE)
    admin.compute.create_volume_attachment(web.id, volume_id=volume.id)
    admin.block_storage.wait_for_status(volume, "in-use", interval=0.05, wait=PATIENCE)
    assert web.write(50)[0] == 0
    assert web.kept(50) == 50
    faults.harm_volume("bad", "late", fsync=50)
    assert web.write(20, "flush")[1] > 1
    faults.harm_volume("bad", "late", milliseconds=50)
    number, seconds = web.write(20)
    assert (number, seconds > 1) == (0, True)
    faults.end_harms(volume="bad")
    faults.harm_volume("bad", "corrupt", every=4096)
    assert web.kept(50) == 0, "every block lies there changed"
    faults.harm_volume("bad", "lie", lost=1)
    assert web.write(50)[0] == 0, "it says"
    assert web.kept(50) == 0
    faults.harm_volume("bad", "lie", changed=0.5)
    assert web.write(50)[0] == 0
    assert 5 < web.kept(50) < 45
    faults.harm_volume("bad", "fail", share=1)
    assert web.write(1)[0] == errno.EIO
    assert {harm["kind"] for harm in faults.harms()} == {"lie", "fail"}
    faults.clear_faults()
    assert web.write(50)[0] == 0
    assert web.kept(50) == 50
    admin.compute.delete_volume_attachment(web.id, volume.id)
    eventually(lambda: admin.block_storage.get_volume(volume.id).status == "available")


def test_an_ordinary_volume_cannot_lie(admin: Any, web: Web, faults: AdminClient) -> None:
    volume = admin.block_storage.create_volume(name="good", size=1)
    admin.block_storage.wait_for_status(volume, "available", interval=0.05, wait=PATIENCE)
    admin.compute.create_volume_attachment(web.id, volume_id=volume.id)
    admin.block_storage.wait_for_status(volume, "in-use", interval=0.05, wait=PATIENCE)
    with pytest.raises(LocalCloudError, match="whose type has the property kb:faulty=true"):
        faults.harm_volume("good", "lie", lost=1)
    assert faults.harms() == []
    admin.compute.delete_volume_attachment(web.id, volume.id)
    eventually(lambda: admin.block_storage.get_volume(volume.id).status == "available")


def test_a_port_that_the_machine_itself_uses_is_a_conflict_that_leaves_nothing(admin: Any, web: Web) -> None:
    group = admin.network.create_security_group(name="taken")
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        let_in(admin, group.id, port)
        server = admin.compute.create_server(
            name="other",
            image_id=admin.image.find_image("kb-node").id,
            flavor_id=admin.compute.find_flavor("kb.tiny").id,
            networks=[{"uuid": admin.network.find_network("n").id}],
            security_groups=[{"name": "taken"}],
        )
        eventually(lambda: admin.compute.get_server(server.id).status == "ACTIVE")
        own = next(admin.network.ports(device_id=server.id))
        public = admin.network.find_network("public")
        before = {each.id for each in admin.network.ips()}
        ports = {each.id for each in admin.network.ports()}
        with pytest.raises(
            exceptions.ConflictException, match=f"cannot listen on port {port}: Address already"
        ):
            admin.network.create_ip(floating_network_id=public.id, port_id=own.id)
        assert {each.id for each in admin.network.ips()} == before
        assert {each.id for each in admin.network.ports()} == ports
        floating = admin.network.create_ip(floating_network_id=public.id)
        with pytest.raises(exceptions.ConflictException, match="cannot listen"):
            admin.network.update_ip(floating, port_id=own.id)
        assert admin.network.get_ip(floating.id).port_id is None
    admin.network.update_ip(floating, port_id=own.id)
    assert admin.network.get_ip(floating.id).status == "ACTIVE"
    # Nobody listens in the server, and nobody else answers: a reset, be it while the connection is made.
    with (
        pytest.raises(ConnectionResetError),
        socket.create_connection((floating.floating_ip_address, port), timeout=PATIENCE) as connection,
    ):
        connection.recv(1)
    admin.network.delete_ip(floating)
    admin.compute.delete_server(server)
    eventually(lambda: server.id not in {each.id for each in admin.compute.servers()})
    admin.network.delete_security_group(group)


def test_a_rule_for_a_port_that_is_taken_breaks_no_other(admin: Any, web: Web) -> None:
    group = admin.network.find_security_group("web")
    (floating,) = (each for each in admin.network.ips() if each.floating_ip_address == web.address)
    with socket.create_server(("0.0.0.0", 0)) as taken:
        rule = let_in(admin, group.id, taken.getsockname()[1])
        eventually(lambda: admin.network.get_ip(floating.id).status == "ERROR")
        assert eventually(web.get) == b"web"
        admin.network.delete_security_group_rule(rule)
        eventually(lambda: admin.network.get_ip(floating.id).status == "ACTIVE")
    assert eventually(web.get) == b"web"


def test_a_crash_shows_and_a_hard_reboot_starts_it_again(admin: Any, web: Web, faults: AdminClient) -> None:
    faults.harm_server(web.id, "crash")
    eventually(lambda: admin.compute.get_server(web.id).status == "SHUTOFF")
    assert web.get() is None
    for boots in (2, 3):
        admin.compute.reboot_server(web.id, "HARD")
        eventually(lambda: admin.compute.get_server(web.id).status == "ACTIVE")
        console = admin.compute.get_server_console_output(web.id)["output"]
        assert console.count("web is up") == boots
        assert console.count("serving") == 1, "user_data belongs to the first boot"
        with socket.create_connection((web.address, local_port(22)), timeout=PATIENCE) as ssh:
            assert ssh.recv(8) == b"SSH-2.0-"


def descendants(pid: int) -> set[int]:
    """The processes below one, as this namespace sees them."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found |= {child} | descendants(child)
    return found


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie, which only its parent can end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def mounts(folder: Path) -> list[str]:
    """Those that have to do with a cloud of this folder; others' come and go."""
    return [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(folder) in line]


def test_a_killed_cloud_leaves_nothing(state: Path) -> None:
    cloud = control.up(state, driver="netns", parent_pid=os.getpid())
    admin = connect(cloud)
    web = stage(admin)
    admin.close()
    below = descendants(cloud.pid)
    (launcher,) = [pid for pid in below if Path(f"/proc/{pid}/comm").read_text() == "unshare\n"]
    assert len(below) >= 5, "watcher, launcher, helper, server, its program"
    for pid in (cloud.pid, launcher):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(cloud.pid, 0)
    eventually(lambda: not any(map(alive, below)))
    assert web.get() is None
    assert mounts(state) == []
