"""What a server's kernel counts, read from files as kernels write them, while nobody waits."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from kb_tests.agent import main, protocol, signs
from kb_tests.agent.clock import Reading
from kb_tests.agent.identity import Identity
from kb_tests.agent.queues import Queues
from kb_tests.agent.signs import Reader, Watch

BOOT = "8ec6425e-2f9b-4b53-ad9d-abeca297b6ed\n"
SNMP = (
    "Ip: Forwarding\nIp: 2\nTcp: RtoMin OutSegs RetransSegs InErrs\nTcp: 200 900 {again} 0\nUdp: In\nUdp: 1\n"
)
NETSTAT = "TcpExt: SyncookiesSent ListenDrops TCPReqQFullDrop\nTcpExt: 0 {lost} 1\nIpExt: In\nIpExt: 3\n"
DEVICES = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls
    lo: 1 1 0 900 0 0 0 0 1 1 0 900 0 0 0 0
  eth0: 5 5 0 {dropped} 0 0 0 0 5 5 0 2 0 0 0 0
"""


class Full(Queues):
    def dropped(self) -> int:
        return 6


class Nobody(Queues):
    def dropped(self) -> int:
        raise ValueError("there is no end of queues")


class Kernel:
    """A folder as /proc, of two CPUs of 100 ticks a second."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.values = {"busy": 0, "steal": 0, "again": 0, "lost": 0, "dropped": 0, "soft": 0, "stalled": 0}
        self.write()

    def write(self, **values: int) -> None:
        self.values |= values
        now = self.values
        files = {
            "sys/kernel/random/boot_id": BOOT,
            "stat": f"cpu  {now['busy']} 0 0 5 6 0 0 {now['steal']} 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n",
            "net/softnet_stat": f"00000010 {now['soft']:08x} 00000000\n00000010 00000001 00000000\n",
            "pressure/memory": f"some avg10=0.00 avg60=0.00 total={now['stalled']}\nfull total=9\n",
            "net/snmp": SNMP.format(**now),
            "net/netstat": NETSTAT.format(**now),
            "net/dev": DEVICES.format(**now),
        }
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)

    def reader(self, contained: bool = False) -> Reader:
        reader = Reader(str(self.root), cpus=2, tick=100, queues=Nobody())
        assert reader.contained  # its namespace is no file here
        return reader if contained else _machine(reader)


def _machine(reader: Reader) -> Reader:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reader, "_inode", lambda _self, _path: signs.FIRST_PID_NAMESPACE)
        return Reader(reader._root, cpus=2, tick=100, queues=Full())


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


def test_all_figures_are_read_by_their_names(kernel: Kernel) -> None:
    kernel.write(busy=300, steal=50, again=7, lost=4, dropped=3, soft=2, stalled=1_500_000)
    assert kernel.reader().read() == {
        "cpu": 1.5,
        "steal": 0.25,
        "softnet_dropped": 3,
        "memory_wait": 1.5,
        "retransmitted": 7,
        "listen_dropped": 5,
        "dropped": 5,
        "queue_dropped": 6,
    }


def test_a_container_tells_of_its_network_alone(kernel: Kernel) -> None:
    found = kernel.reader(contained=True).read()
    assert set(found) == set(protocol.SIGNS_OF_NETWORK) - {"queue_dropped"}, "nobody answers"


@pytest.mark.parametrize(
    "text", ["", "cpu\n", "Tcp: RetransSegs\nTcp:\n", "Tcp: Other\nTcp: 1\n", "\0\xff" * 99]
)
def test_files_that_are_not_as_known_are_left_out(kernel: Kernel, text: str) -> None:
    for name in ("stat", "net/softnet_stat", "pressure/memory", "net/snmp", "net/netstat", "net/dev"):
        (kernel.root / name).write_text(text)
    found = kernel.reader().read()
    assert set(found) <= {"softnet_dropped", "dropped", "queue_dropped"}, found
    assert not any(number for name, number in found.items() if name != "queue_dropped")


def test_a_window_is_summed_and_its_worst_second_kept(kernel: Kernel) -> None:
    watch = Watch("a", 2.0, 4.0)
    assert (watch.due, watch.look(1.0)) == (None, None)
    watch.start(100.0, kernel.reader)
    told = None
    steps = [(102.0, 0, 0), (103.0, 20, 1), (104.02, 120, 1), (105.0, 130, 5), (106.0, 140, 6)]
    for now, steal, again in steps:
        assert watch.due == pytest.approx(now, abs=0.03)
        kernel.write(steal=steal, again=again)
        told = watch.look(now)
    assert told is not None
    assert (told["id"], told["boot"], told["contained"], told["seconds"]) == ("a", BOOT.strip(), False, 4.0)
    assert told["figures"]["steal"] == [0.7, pytest.approx(0.5 / 1.02, abs=1e-3), 1.0]
    assert told["figures"]["retransmitted"] == [6, pytest.approx(4 / 0.98, abs=1e-3), pytest.approx(2.02)]
    assert told["figures"]["cpu"] == [0.0, 0.0, 0.0]
    assert watch.due is None


def test_a_total_that_shrinks_is_none(kernel: Kernel) -> None:
    watch = Watch("a", 0.0, 2.0)
    watch.start(0.0, kernel.reader)
    for now, again, steal in ((0.0, 100, 0), (1.0, 50, 5), (2.0, 200, 9)):
        kernel.write(again=again, steal=steal)
        told = watch.look(now)
    assert told is not None
    assert "retransmitted" not in told["figures"]
    assert told["figures"]["steal"][0] == 0.045


def test_a_load_that_ends_early_tells_what_was_seen(kernel: Kernel) -> None:
    watch = Watch("a", 0.0, 60.0)
    watch.start(0.0, kernel.reader)
    assert watch.look(0.0) is None
    told = watch.look(0.4, end=True)
    assert told is not None
    assert told["seconds"] == 0.4


class Told(list[tuple[str, dict[str, Any]]]):
    """A control server whose clock is 1,000 s ahead, and what it is told."""

    reading = Reading(1000.0, 0.0, 0.0)

    def report(self, kind: str, body: dict[str, Any]) -> None:
        self.append((kind, body))


@pytest.mark.parametrize(
    ("first", "late", "seconds"),
    [(65.0, 0.0, 30.0), (65.0, 0.3, 30.3), (67.0, 2.0, 30.0), (99.0, 0.0, 0.0)],
    ids=["in time", "late at the end", "late all along", "after all is over"],
)
def test_an_agent_reads_the_window_of_the_load_it_is_told(
    first: float, late: float, seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins with the window and ends with it; an agent that comes to it late says how long it counted."""
    config = {"run": "c0ffee00", "host": "192.0.2.9", "port": 1, "user": "u", "password": "p"}
    config |= {"role": "client", "folder": str(tmp_path), "listen": "80"}
    monkeypatch.setattr(main, "_versions", lambda _role: {})
    monkeypatch.setattr(os, "urandom", bytes)
    agent = main.Agent(main.Config(json.dumps(config).encode()), Identity("a", ""))
    told: Any = Told()
    server: Any = object()
    agent._control, agent._nginx = told, server  # a server: it is loaded, and makes no load
    now = 50.0
    monkeypatch.setattr(time, "monotonic", lambda: now)

    options = {"warm_up": 5.0, "duration": 30.0}
    agent._obey(protocol.encode({"kind": "load", "id": "c1", "clients": 1, "http": options}))
    agent._look()
    agent._obey(protocol.encode({"kind": "start", "id": "c1", "start_at": 1060.0}))
    assert agent._watch is not None
    assert agent._watch.due == 65.0
    now = first
    agent._look()
    while agent._watch is not None and agent._watch.due is not None:
        now = max(now, agent._watch.due + late)
        agent._look()
    ((kind, body),) = told
    assert (kind, body["id"]) == ("signs", "c1")
    assert body["seconds"] == pytest.approx(seconds)
    assert body["figures"]


def test_readings_that_cost_much_come_seldom(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100))
    monkeypatch.setattr(time, "thread_time", lambda: next(clock) * 0.02)
    watch = Watch("a", 0.0, 60.0)
    watch.start(0.0, kernel.reader)
    watch.look(0.0)
    assert watch.due == pytest.approx(0.02 / signs.MOST)


@pytest.mark.parametrize(
    ("options", "due"),
    [
        ({"warm_up": 5.0, "duration": 30}, 5.0),
        ({"ramp": 3.0, "duration": 30.0}, 3.0),
        ({"duration": 1}, 0.0),
        ({}, None),
        ({"duration": "1"}, None),
        ({"duration": -1}, None),
        ({"duration": True, "ramp": 1}, None),
    ],
)
def test_the_window_is_where_the_options_have_it(
    options: dict[str, object], due: float | None, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "urandom", bytes)
    watch = signs.watch("a", options)
    if watch is not None:
        watch.start(0.0, kernel.reader)
    assert (watch and watch.due) == due


@pytest.mark.parametrize("before", [0.0, 0.03, 5.0])
def test_servers_do_not_all_read_at_once(before: float, kernel: Kernel) -> None:
    """Nor does a window of theirs begin before its load, or is another's length."""
    options = {"warm_up": before, "duration": 10.0}
    watches = [watch for _ in range(100) if (watch := signs.watch("a", options))]
    readings: list[list[float]] = []
    for watch in watches:
        watch.start(100.0, kernel.reader)
        readings.append([])
        told = None
        while watch.due is not None:
            readings[-1].append(now := watch.due)
            told = watch.look(now)
        assert told is not None
        assert told["seconds"] == pytest.approx(10.0, abs=0.011)
        assert max(100.0, 100.0 + before - 0.1) <= readings[-1][0] <= 100.0 + before
    for moment in range(101, 110):
        near = [any(abs(at - moment - before) < 0.05 for at in one) for one in readings]
        assert sum(near) < 40


def test_what_a_first_reading_costs_is_paid_before_the_window(kernel: Kernel) -> None:
    made: list[Reader] = []

    def make() -> Reader:
        made.append(kernel.reader())
        return made[-1]

    watch = Watch("a", 5.0, 10.0)
    watch.start(100.0, make)
    files = dict(made[0]._files)
    assert files
    watch.look(105.0)
    assert (len(made), made[0]._files) == (1, files)


def test_this_machine_has_figures_and_files_are_closed() -> None:
    opened = Path("/proc/self/fd")
    before = len([*opened.iterdir()])
    reader = Reader()
    found = reader.read()
    assert found
    assert reader.boot
    reader.close()
    assert len([*opened.iterdir()]) == before
    assert set(found) <= {*protocol.SIGNS_OF_MACHINE, *protocol.SIGNS_OF_NETWORK}
