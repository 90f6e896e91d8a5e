"""Bad links and scarce CPUs of servers, as plain HTTP from outside shows them."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient
from tests.functional.localcloud.conftest import connect, openstack_client
from tests.functional.localcloud.whole import MIB, Web, stage
from tests.waiting import PATIENCE, eventually, least

pytestmark = [
    pytest.mark.filterwarnings("ignore::openstack.warnings.OpenStackDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::openstack.warnings._RemovedInSDKWarning"),
]


TRIES = 5
"""How often two times are compared before they count as those of the cloud, and not of a busy machine."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control.Running]:
    state = tmp_path_factory.mktemp("cloud")
    yield control.up(state, driver="netns", parent_pid=os.getpid())
    control.down(state)


@pytest.fixture(scope="module")
def web(cloud: control.Running) -> Iterator[Web]:
    admin = connect(cloud)
    yield stage(admin)
    admin.close()


@pytest.fixture
def faults(cloud: control.Running) -> Iterator[AdminClient]:
    client = AdminClient(cloud)
    yield client
    client.clear_faults()


def fetched(web: Web) -> float:
    """The seconds that it takes to fetch a mebibyte."""
    started = time.monotonic()
    assert len(web.get(str(MIB), timeout=PATIENCE) or b"") == MIB
    return time.monotonic() - started


@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_link_is_slow_in_one_direction(web: Web, faults: AdminClient, direction: str) -> None:
    ways = {"in": lambda: web.put(MIB), "out": lambda: fetched(web)}
    faults.harm_server("web", "link", rate=8_000_000, direction=direction)
    slow, other = ways.pop(direction), ways.popitem()[1]
    assert 0.8 < least(slow, below=3) < 3, "a mebibyte at a megabyte a second"
    assert least(other, below=0.8) < 0.8
    faults.harm_server("web", "link")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", ["router", "port", "leg"])
def test_what_an_operator_sets_down_carries_nothing_until_it_is_up_again(
    web: Web,
    cloud: control.Running,
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """By the openstack command, as seen from outside; not even what was connected already goes on."""
    openstack = openstack_client(cloud, monkeypatch, capfd)
    owner = {"port": f"--server {web.id}", "leg": "--router r --device-owner network:router_interface"}
    kind, name = "router", "r"
    if what != "router":
        kind, name = "port", openstack(f"port list {owner[what]}")[0]["ID"]
    connection = http.client.HTTPConnection(web.address, 8080, timeout=PATIENCE)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"web"
    openstack(f"{kind} set --disable {name}")
    eventually(lambda: web.get(timeout=0.5) is None)
    connection.sock.settimeout(0.5)
    connection.send(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises((OSError, http.client.HTTPException)):
        http.client.HTTPResponse(connection.sock).begin()
    assert openstack(f"{kind} show {name}")["admin_state_up"] is False
    openstack(f"{kind} set --enable {name}")
    assert eventually(web.get) == b"web"


@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_network_that_is_cut_in_one_direction_comes_back(
    web: Web, faults: AdminClient, direction: str
) -> None:
    started = time.monotonic()
    faults.harm_server("web", "cut", seconds=1, direction=direction)
    assert eventually(web.get) == b"web"
    assert time.monotonic() - started > 0.99


@pytest.mark.parametrize(("direction", "crossings"), [("in", 1), ("out", 1), ("both", 2)])
def test_what_passes_a_delayed_link_takes_so_much_longer(
    web: Web, faults: AdminClient, direction: str, crossings: int
) -> None:
    added = 0.02 * crossings
    for _ in range(TRIES):
        plain = web.median()
        faults.harm_server("web", "delay", milliseconds=20, direction=direction)
        delayed = web.median()
        faults.harm_server("web", "delay", milliseconds=0)
        assert delayed >= added
        if added <= delayed - plain < added + 0.015:
            break
    else:
        pytest.fail(f"{plain} s without and {delayed} s with a delay")
    assert least(web.median, below=0.015) < 0.015


def test_a_small_delay_lengthens_the_median_by_a_part_of_it(web: Web, faults: AdminClient) -> None:
    """What a CPU quota cannot: there is no request that takes many times as long as the others."""
    found = []
    for _ in range(TRIES):
        faults.harm_server("web", "delay", milliseconds=10)
        before = web.median()
        faults.harm_server("web", "delay", milliseconds=13.5)
        found.append(web.median() / before)
        if 1.1 < found[-1] < 1.5:
            return
    pytest.fail(f"times as long: {found}")


def test_a_delayed_link_has_a_rate_too_and_keeps_its_rules(web: Web, faults: AdminClient) -> None:
    faults.harm_server("web", "link", rate=8_000_000, direction="out")
    faults.harm_server("web", "delay", milliseconds=5)
    assert 0.8 < least(lambda: fetched(web), below=3) < 3
    assert least(lambda: web.put(MIB), below=0.8) < 0.8
    with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
        web.connect(9)
    faults.clear_faults()
    assert least(lambda: web.put(MIB), below=0.8) < 0.8
    assert fetched(web) > 0


@pytest.mark.root_only("control groups")
def test_a_server_has_a_share_of_its_cpu(web: Web, faults: AdminClient) -> None:
    got = {}
    for share in (0.2, 1):
        faults.harm_server("web", "cpu", share=share)
        got[share] = float(web.get("burn/1", timeout=PATIENCE) or b"nan")
    assert got[0.2] < 0.3
    assert got[1] > 0.3, "on a machine as busy as that"


def command(cloud: control.Running, *arguments: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "kb_tests.localcloud", *arguments, "--state", str(cloud.clouds_yaml.parent)]
    return subprocess.run(call, capture_output=True, text=True, check=False)


def test_a_person_finds_servers_harms_them_by_name_and_sees_it(cloud: control.Running, web: Web) -> None:
    servers = command(cloud, "servers").stdout.splitlines()
    assert servers[0].split()[:4] == ["NAME", "ID", "STATUS", "HOST"]
    assert servers[1].split()[:6] == ["web", web.id, "ACTIVE", "kb-host-1", "nova", "admin"]
    assert web.address in servers[1]
    done = command(cloud, "fault", "server", "web", "link", "--rate", "8Mbit", "--direction", "out")
    assert (done.returncode, done.stdout) == (0, "link: web\n"), done.stderr
    assert command(cloud, "fault", "server", "--host", "kb-host-1", "delay", "1.5").stdout == "delay: web\n"
    shown = command(cloud, "fault", "list").stdout
    assert [line.split("  ")[0] for line in shown.splitlines()] == ["NAME", "web", "web", "web"]
    assert "link out 8 Mbit/s" in shown
    assert "delay in 1.5 ms" in shown
    assert "link out 8 Mbit/s" in command(cloud, "servers").stdout
    assert command(cloud, "fault", "server", "web", "clear").returncode == 0
    assert command(cloud, "fault", "list").stdout == "no fault is set\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody", "crash"], "There is no server nobody: there is web."),
        (["--host", "nowhere", "crash"], "There is no host nowhere: there are kb-host-1, kb-host-2."),
        (["web", "melt"], "a KIND is needed, one of crash, freeze"),
        (["web"], "a KIND is needed"),
        (["web", "delay"], "delay takes milliseconds, not nothing"),
        (["web", "delay", "soon"], "soon is no number of milliseconds"),
        (["web", "link", "--rate", "fast"], "--rate: invalid bits value: 'fast'"),
        (["web", "cpu", "--share", "0"], "cpu needs a share of 0.01 to 1."),
    ],
)
def test_a_wrong_fault_is_said_in_one_sentence(
    cloud: control.Running, web: Web, words: list[str], said: str
) -> None:
    done = command(cloud, "fault", "server", *words)
    assert done.returncode in (1, 2)
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert eventually(web.get) == b"web"
