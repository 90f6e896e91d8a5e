"""A server is powered off and on, or rebooted, or its router goes down: how long it was off is told.

The truth is what a poller in the generator's network sees, over connections of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from kb_tests.cloud.connect import connect
from kb_tests.events import sessions
from kb_tests.events.model import Marker
from kb_tests.events.reader import Follower
from kb_tests.localcloud.control import Running
from kb_tests.scenario.shipped import shipped
from tests.campaign.outside import entering
from tests.functional.session import inside
from tests.functional.session.live import Live
from tests.functional.session.suite import Ended, Suite
from tests.waiting import eventually

HERE = Path(__file__).parent

SCENARIO = """\
name: monitored
kind: http
topology: {flavor: {ram: 128MiB}}
load: {page_size: 4KiB, connections: 20, rate: [100], duration: 14s, warm_up: 1s, timeout: 1s}
sla:
  recovery: {within: 4s, p99: 500ms}
hooks:
  - name: power cycle
    at: 5s
    run: HOOK
"""


def power(seconds: float) -> str:
    """The command that has the server off for so many seconds."""
    return json.dumps([sys.executable, str(HERE / "power_cycle.py"), "{server}", str(seconds)])


def scenario_with(hook: str) -> str:
    """Of a session with this hook; `openstack` takes its time on a busy machine."""
    if hook == REBOOT:
        return monitor_with(hook)
    if hook == ROUTER:
        return SCENARIO.replace("14s", "50s").replace("4s", "40s").replace("HOOK", hook)
    return SCENARIO.replace("HOOK", hook)


def monitor_with(hook: str) -> str:
    """The shipped http-monitor for a minute, with this hook."""
    (monitor,) = (path for path in shipped() if path.stem == "http-monitor")
    data = yaml.safe_load(monitor.read_text())
    data["name"] = "monitored"
    data["topology"]["flavor"]["ram"] = "128MiB"
    data["load"] |= {"duration": "45s", "timeout": "1s"}
    data["sla"] = {"recovery": {"within": "25s", "p99": "500ms"}}
    data["hooks"] = [{"name": "power cycle", "at": "5s", "run": json.loads(hook), "timeout": "40s"}]
    return yaml.safe_dump(data)


REBOOT = json.dumps(["openstack", "server", "reboot", "--hard", "{server}"])
ROUTER = json.dumps(
    [
        "sh",
        "-ec",
        "openstack router set --disable $1; sleep 2; openstack router set --enable $1; echo was off for 2 s",
        "sh",
        "{server.router}",
    ]
)
MORE = {f"{seconds:g} s": power(seconds) for seconds in (0.2, 0.9, 1.2, 1.9, 2.4)}
MORE |= {"router": ROUTER, "http-monitor rebooted": REBOOT}
WAYS = [
    pytest.param(power(1.5), id="1.5 s"),
    *(pytest.param(hook, id=name, marks=pytest.mark.nightly) for name, hook in MORE.items()),
]


class Seen(NamedTuple):
    """A session that has ended, its hook's command, when that began, and what the poller saw: Unix time, and
    whether a page came.
    """

    ended: Ended
    command: str
    hook: float
    polls: list[tuple[float, bool]]


@pytest.fixture(scope="module", params=WAYS)
def seen(running: Running, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Seen:
    """Of a session during which this was done."""
    folder = tmp_path_factory.mktemp("recovery")
    (folder / "monitored.yaml").write_text(scenario_with(request.param))
    log = folder / "polls"
    live = Live(Suite(running, folder, bearing=True), "monitored.yaml")
    poller = None
    try:
        live.wait_for_text("agents 4/4" if request.param == REBOOT else "agents 2/2")
        command = [*entering(inside.agent(live.cloud).pid), sys.executable, str(HERE / "poller.py")]
        with log.open("w") as out:
            poller = subprocess.Popen([*command, address(running), "/1"], stdout=out)
        ended = live.end()
    finally:
        if poller is not None:
            poller.kill()
            poller.wait()
        live.kill()
    follower = Follower(sessions.every(folder / "state" / "kb" / "sessions")[0])
    events = [read.line for read in follower.poll()]
    (hook,) = (
        line.t for line in events if isinstance(line.event, Marker) and line.event.text.endswith(" begins")
    )
    lines = [line.split() for line in log.read_text().splitlines()]
    return Seen(
        ended, request.param, hook, [(float(line[0]), line[1] == "1") for line in lines if len(line) == 2]
    )


def address(running: Running) -> str:
    """That of the first HTTP server."""
    with warnings.catch_warnings(action="ignore"):
        cloud: Any = connect(running.cloud, running.clouds_yaml).connection
        servers = eventually(
            lambda: [one for one in cloud.compute.servers(all_projects=True) if "-server-" in one.name]
        )
        ((one,),) = min(servers, key=lambda server: str(server.name)).addresses.values()
        return str(one["addr"])


def test_how_long_it_was_off_is_told_within_a_second(
    seen: Seen, record_testsuite_property: Callable[[str, object], None]
) -> None:
    point = seen.ended.record["points"][0]
    (found,) = point["recovery"]
    failed = [t for t, came in seen.polls if not came and seen.hook < t < seen.hook + found["watched"]]
    assert failed, seen.ended.output
    back = min(t for t, came in seen.polls if came and t > max(failed))
    assert found["seconds"] is not None, seen.ended.output
    late = seen.hook + found["seconds"] - back
    record_testsuite_property("told and seen", f"{found['seconds']:.2f} {back - seen.hook:.2f}")
    if found["first"] is None:  # over before any request met it: nothing was off for the load
        assert seen.command == REBOOT, found
        assert back - min(failed) < 0.5
        return
    assert -1.0 <= late <= 1.0, (found, back - seen.hook)
    assert found["first"] - found["at"] == pytest.approx(min(failed) - seen.hook, abs=1.0)


def test_the_point_is_judged_by_it_and_says_what_was_done(seen: Seen) -> None:
    point = seen.ended.record["points"][0]
    assert seen.ended.code == 0, seen.ended.output
    assert point["verdict"]["outcome"] == "pass"
    assert [(hook["name"], hook["exit_code"]) for hook in point["hooks"]] == [("power cycle", 0)]
    assert "was off for" in point["hooks"][0]["output"] or seen.command == REBOOT
    assert "After hook 'power cycle' at 5." in seen.ended.output
