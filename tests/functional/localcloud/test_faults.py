"""Each kind of fault, as a client outside sees it."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from kb_tests.localcloud.client import AdminClient
from kb_tests.localcloud.control import LocalCloudError, Running
from tests.waiting import PATIENCE, eventually

pytestmark = [
    pytest.mark.filterwarnings("ignore::openstack.warnings.OpenStackDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::openstack.warnings._RemovedInSDKWarning"),
]


@pytest.fixture
def faults(null_cloud: Running) -> Iterator[AdminClient]:
    client = AdminClient(null_cloud)
    yield client
    client.clear_faults()


@pytest.fixture
def token(admin: Any) -> str:
    return str(admin.session.get_token())


@pytest.fixture
def network(admin: Any) -> Iterator[str]:
    network = admin.network.create_network(name="faulty")
    admin.network.create_subnet(network_id=network.id, cidr="10.5.0.0/24", ip_version=4)
    yield network.id
    for server in admin.compute.servers():
        admin.compute.delete_server(server, force=True)
    eventually(lambda: not list(admin.compute.servers()))
    admin.network.delete_network(network)


def ask(
    running: Running, token: str, method: str, path: str, timeout: float = PATIENCE
) -> http.client.HTTPResponse:
    """One call, without a client that tries again."""
    connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=timeout)
    try:
        connection.request(method, path, '{"network": {"name": "lost"}}', {"X-Auth-Token": token})
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


def ask_for_text(running: Running, token: str, path: str) -> tuple[http.client.HTTPResponse, str]:
    """One call, and the answer's body."""
    connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"X-Auth-Token": token})
        response = connection.getresponse()
        return response, response.read().decode()
    finally:
        connection.close()


def boot(admin: Any, network: str, name: str) -> Any:
    image, flavor = admin.image.find_image("kb-node"), admin.compute.find_flavor("kb.tiny")
    return admin.compute.create_server(
        name=name, image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network}]
    )


NETWORKS = "/networking/v2.0/networks"


def test_the_nth_call_gets_a_status(null_cloud: Running, faults: AdminClient, token: str) -> None:
    faults.add_fault("status", service="neutron", path="/networks$", nth=2, status=503)
    seen = [ask(null_cloud, token, "GET", NETWORKS).status for _ in range(4)]
    assert seen == [200, 503, 200, 200]


def test_every_third_call_is_to_be_tried_again_later(
    null_cloud: Running, faults: AdminClient, token: str
) -> None:
    faults.add_fault("status", service="nova", method="GET", every=3, status=429, retry_after=7, times=1)
    answers = [ask(null_cloud, token, "GET", "/compute/v2.1/servers") for _ in range(6)]
    assert [answer.status for answer in answers] == [200, 200, 429, 200, 200, 200]
    assert answers[2].headers["Retry-After"] == "7"
    (fault,) = faults.faults()
    assert (fault["matched"], fault["acted"]) == (6, 1)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, None, "application/json"),
        (503, "<html>Bad gateway</html>", "text/html"),
        (200, "<html>Welcome</html>", "text/html"),
        (200, "{}", "application/json"),
        (200, '{"networks": "many"}', "application/json"),
        (200, "", "text/html"),
    ],
)
def test_a_list_is_refused_down_or_something_else(
    null_cloud: Running, faults: AdminClient, token: str, status: int, body: str | None, kind: str
) -> None:
    given = {} if body is None else {"body": body}
    faults.add_fault("status", service="neutron", method="GET", path="/networks$", status=status, **given)
    answer, text = ask_for_text(null_cloud, token, NETWORKS)
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (status, kind)
    assert text == body or (body is None and "on request" in text)
    assert ask(null_cloud, token, "GET", "/networking/v2.0/ports").status == 200
    with pytest.raises(LocalCloudError, match="status must be 400 to 599, not 200"):
        faults.add_fault("status", status=200)


def test_a_call_is_slow(null_cloud: Running, faults: AdminClient, token: str) -> None:
    faults.add_fault("latency", service="glance", seconds=0.3)
    before = time.monotonic()
    assert ask(null_cloud, token, "GET", "/image/v2/images").status == 200
    assert time.monotonic() - before >= 0.3


def test_a_call_hangs(null_cloud: Running, faults: AdminClient, token: str) -> None:
    faults.add_fault("hang", service="cinder", seconds=5)
    with pytest.raises(TimeoutError):
        ask(null_cloud, token, "GET", "/volume/v3/x/volumes", timeout=0.3)


def test_a_dropped_call_is_not_done(null_cloud: Running, faults: AdminClient, token: str, admin: Any) -> None:
    faults.add_fault("drop", method="POST", path="/networks$")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(null_cloud, token, "POST", NETWORKS)
    assert list(admin.network.networks(name="lost")) == []


def test_a_lost_answer_is_of_a_call_that_was_done(
    null_cloud: Running, faults: AdminClient, token: str, admin: Any
) -> None:
    faults.add_fault("lost-answer", method="POST", path="/networks$")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(null_cloud, token, "POST", NETWORKS)
    (lost,) = admin.network.networks(name="lost")
    admin.network.delete_network(lost)


def test_boots_are_slow_or_fail_or_never_end(admin: Any, faults: AdminClient, network: str) -> None:
    faults.add_fault("boot-delay", server="^slow", seconds=0.6)
    faults.add_fault("boot-error", server="^bad")
    faults.add_fault("boot-never", server="^stuck")
    started = time.monotonic()
    slow, bad, stuck, good = (boot(admin, network, name) for name in ("slow", "bad", "stuck", "good"))

    def status(server: Any) -> str:
        return str(admin.compute.get_server(server.id).status)

    eventually(lambda: status(good) == "ACTIVE")
    eventually(lambda: status(slow) == "ACTIVE")
    assert time.monotonic() - started >= 0.6
    eventually(lambda: status(bad) == "ERROR")
    assert "fault on request" in admin.compute.get_server(bad.id).fault["message"]
    assert status(stuck) == "BUILD"
    admin.compute.delete_server(stuck)
    eventually(lambda: stuck.id not in {server.id for server in admin.compute.servers()})


def test_a_deletion_fails_the_first_time(admin: Any, faults: AdminClient, network: str) -> None:
    server = boot(admin, network, "sticky")
    eventually(lambda: admin.compute.get_server(server.id).status == "ACTIVE")
    faults.add_fault("delete-error", server="sticky")
    admin.compute.delete_server(server)
    eventually(lambda: admin.compute.get_server(server.id).status == "ERROR")
    admin.compute.delete_server(server)
    eventually(lambda: not list(admin.compute.servers()))


def test_a_server_crashes(admin: Any, faults: AdminClient, network: str) -> None:
    server = boot(admin, network, "mortal")
    eventually(lambda: admin.compute.get_server(server.id).status == "ACTIVE")
    faults.harm_server(server.id, "freeze", seconds=0.1)
    faults.harm_server(server.id, "link", rate=1_000_000, loss=0.1)
    faults.harm_server(server.id, "cut", seconds=0.1)
    faults.harm_server(server.id, "crash")
    eventually(lambda: admin.compute.get_server(server.id).status == "SHUTOFF")
    with pytest.raises(LocalCloudError, match="does not run"):
        faults.harm_server(server.id, "crash")


def test_a_wrong_fault_is_refused_with_what_is_right(faults: AdminClient) -> None:
    with pytest.raises(LocalCloudError, match="one of status, latency, hang"):
        faults.add_fault("nonsense")
    with pytest.raises(LocalCloudError, match="A fault has no colour"):
        faults.add_fault("drop", colour="red")
    with pytest.raises(LocalCloudError, match="no regular expression"):
        faults.add_fault("drop", path="(")
    with pytest.raises(LocalCloudError, match="above 0"):
        faults.add_fault("drop", nth=0)


def test_faults_spare_whoever_sets_them(null_cloud: Running, faults: AdminClient) -> None:
    faults.add_fault("status", status=500)
    AdminClient(null_cloud).clear_faults()
    assert faults.faults() == []
