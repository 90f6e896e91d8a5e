"""API and namespaces together: a server answers on its floating IP, a killed cloud leaves nothing."""

from __future__ import annotations

import base64
import os
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.localcloud import control
from tests.functional.localcloud.conftest import connect

pytestmark = [
    pytest.mark.filterwarnings("ignore::openstack.warnings.OpenStackDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::openstack.warnings._RemovedInSDKWarning"),
]

USER_DATA = b"""#!/bin/sh
mkdir /srv/www && cd /srv/www && hostname > index.html && exec python3 -m http.server 8080
"""


@pytest.fixture
def cloud(state: Path) -> Iterator[control.Running]:
    yield control.up(state, parent_pid=os.getpid())
    control.down(state)


def wait(what: Callable[[], Any], seconds: float = 10.0) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.05)


def stage(admin: Any) -> tuple[Any, str]:
    """One server behind a router: the server and its floating address."""
    public = admin.network.find_network("public")
    network = admin.network.create_network(name="n")
    subnet = admin.network.create_subnet(network_id=network.id, cidr="10.6.0.0/24", ip_version=4)
    router = admin.network.create_router(name="r", external_gateway_info={"network_id": public.id})
    admin.network.add_interface_to_router(router, subnet_id=subnet.id)
    group = admin.network.create_security_group(name="web")
    admin.network.create_security_group_rule(
        security_group_id=group.id,
        direction="ingress",
        protocol="tcp",
        port_range_min=8080,
        port_range_max=8080,
        remote_ip_prefix="0.0.0.0/0",
    )
    image, flavor = admin.image.find_image("kb-node"), admin.compute.find_flavor("kb.tiny")
    server = admin.compute.create_server(
        name="web",
        image_id=image.id,
        flavor_id=flavor.id,
        networks=[{"uuid": network.id}],
        security_groups=[{"name": "web"}],
        user_data=base64.b64encode(USER_DATA).decode(),
    )
    wait(lambda: admin.compute.get_server(server.id).status == "ACTIVE")
    port = next(admin.network.ports(device_id=server.id))
    floating = admin.network.create_ip(floating_network_id=public.id, port_id=port.id)
    return server, floating.floating_ip_address


def read(address: str) -> bytes | None:
    try:
        with urllib.request.urlopen(f"http://{address}:8080/", timeout=2) as response:
            body: bytes = response.read()
            return body
    except OSError:
        return None


def descendants(pid: int) -> set[int]:
    """The processes below one, as this namespace sees them."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    found = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found - {pid}
        found |= more


def mounts() -> list[str]:
    return Path("/proc/self/mounts").read_text().splitlines()


def test_a_server_answers_until_its_group_forbids(cloud: control.Running) -> None:
    admin = connect(cloud)
    server, address = stage(admin)
    assert wait(lambda: read(address)) == b"web\n"
    console = admin.compute.get_server_console_output(server.id)["output"]
    assert "web" in console
    group = admin.network.find_security_group("web")
    (rule,) = (rule for rule in group.security_group_rules if rule["direction"] == "ingress")
    admin.network.delete_security_group_rule(rule["id"])
    wait(lambda: read(address) is None)
    admin.close()


@pytest.mark.parametrize("whole_tree", [False, True])
def test_a_killed_cloud_leaves_nothing(cloud: control.Running, whole_tree: bool) -> None:
    before = mounts()
    admin = connect(cloud)
    _, address = stage(admin)
    assert wait(lambda: read(address))
    admin.close()
    below = descendants(cloud.pid)
    assert len(below) >= 2, "helper and server"
    os.kill(cloud.pid, signal.SIGKILL)
    if whole_tree:
        os.kill(min(below), signal.SIGKILL)
    os.waitpid(cloud.pid, 0)
    wait(lambda: not [pid for pid in below if Path(f"/proc/{pid}").exists()], 2.0)
    assert read(address) is None
    assert mounts() == before
