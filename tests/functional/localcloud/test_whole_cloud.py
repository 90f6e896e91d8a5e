"""API and namespaces together: what a client outside sees of servers, of faults, and of a killed cloud."""

from __future__ import annotations

import base64
import errno
import json
import os
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient
from kb_tests.localcloud.netns.forwarder import local_port
from tests.functional.localcloud.conftest import connect
from tests.waiting import eventually

pytestmark = [
    pytest.mark.filterwarnings("ignore::openstack.warnings.OpenStackDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::openstack.warnings._RemovedInSDKWarning"),
]

MIB = 1 << 20
WRITTEN_AT_ONCE = 4096

# Answers with the host's name; with as many zeros as it is asked for; or with how writing blocks to the
# volume went.
USER_DATA = f"""#!/usr/bin/env python3
import http.server, json, mmap, os, socket, time

def write(count):
    block = mmap.mmap(-1, {WRITTEN_AT_ONCE})
    device = os.open("/dev/vdb", os.O_WRONLY | os.O_DIRECT)
    number, started = 0, time.monotonic()
    try:
        for each in range(count):
            os.pwrite(device, block, each * {MIB})
    except OSError as error:
        number = error.errno
    os.close(device)
    return json.dumps([number, time.monotonic() - started]).encode()

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        path = self.path[1:]
        if path.startswith("write/"):
            body = write(int(path[6:]))
        elif path:
            body = bytes(int(path))
        else:
            body = socket.gethostname().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

print("serving", flush=True)
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""


@dataclass
class Web:
    """A server behind a router, with a floating address that lets SSH and port 8080 in."""

    id: str
    address: str

    def get(self, path: str = "", timeout: float = 5.0) -> bytes | None:
        """What the server answers, if it does."""
        try:
            with urllib.request.urlopen(f"http://{self.address}:8080/{path}", timeout=timeout) as response:
                body: bytes = response.read()
                return body
        except OSError:
            return None

    def write(self, blocks: int) -> tuple[int, float]:
        """The error number (0: none) and the seconds of writing that many blocks to its volume."""
        number, seconds = json.loads(self.get(f"write/{blocks}") or b"")
        return int(number), float(seconds)


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


def stage(admin: Any) -> Web:
    """The server, once it answers."""
    public = admin.network.find_network("public")
    network = admin.network.create_network(name="n")
    subnet = admin.network.create_subnet(network_id=network.id, cidr="10.6.0.0/24", ip_version=4)
    router = admin.network.create_router(name="r", external_gateway_info={"network_id": public.id})
    admin.network.add_interface_to_router(router, subnet_id=subnet.id)
    group = admin.network.create_security_group(name="web")
    for port in (22, 8080):
        let_in(admin, group.id, port)
    image, flavor = admin.image.find_image("kb-node"), admin.compute.find_flavor("kb.tiny")
    server = admin.compute.create_server(
        name="web",
        image_id=image.id,
        flavor_id=flavor.id,
        networks=[{"uuid": network.id}],
        security_groups=[{"name": "web"}],
        user_data=base64.b64encode(USER_DATA.encode()).decode(),
    )
    eventually(lambda: admin.compute.get_server(server.id).status == "ACTIVE")
    port = next(admin.network.ports(device_id=server.id))
    floating = admin.network.create_ip(floating_network_id=public.id, port_id=port.id)
    web = Web(server.id, floating.floating_ip_address)
    eventually(web.get)
    return web


def let_in(admin: Any, group: str, port: int) -> None:
    admin.network.create_security_group_rule(
        security_group_id=group,
        direction="ingress",
        protocol="tcp",
        port_range_min=port,
        port_range_max=port,
        remote_ip_prefix="0.0.0.0/0",
    )


def test_a_server_answers_until_its_group_forbids(admin: Any, web: Web) -> None:
    assert web.get() == b"web"
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
    faults.harm_server(web.id, harm, seconds=1)
    started = time.monotonic()
    assert web.get(timeout=0.3) is None
    assert eventually(web.get) == b"web"
    assert time.monotonic() - started >= 0.9


def test_a_link_has_a_rate_and_a_loss(web: Web, faults: AdminClient) -> None:
    faults.harm_server(web.id, "link", rate=8_000_000)
    started = time.monotonic()
    assert len(web.get(str(MIB)) or b"") == MIB
    assert time.monotonic() - started > 0.8, "a mebibyte at a megabyte a second"
    faults.harm_server(web.id, "link", loss=1)
    assert web.get(timeout=0.3) is None
    faults.harm_server(web.id, "link")
    assert eventually(web.get) == b"web"


@pytest.mark.root_only("loop devices")
def test_a_volume_is_slow_and_full(admin: Any, web: Web, faults: AdminClient) -> None:
    volume = admin.block_storage.create_volume(name="data", size=1)
    admin.block_storage.wait_for_status(volume, "available", interval=0.05, wait=30)
    admin.compute.create_volume_attachment(web.id, volume_id=volume.id)
    admin.block_storage.wait_for_status(volume, "in-use", interval=0.05, wait=10)
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
        with socket.create_connection((web.address, local_port(22)), timeout=5) as ssh:
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


def mounts() -> list[str]:
    return Path("/proc/self/mounts").read_text().splitlines()


def test_a_killed_cloud_leaves_nothing(state: Path) -> None:
    before = mounts()
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
    assert mounts() == before
