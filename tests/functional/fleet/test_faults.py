"""A data plane that misbehaves: never a whole report that is not whole, never an endless wait."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from kb_tests.cloud.progress import silent
from kb_tests.errors import AgentsMissingError, TunnelError
from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.http.messages import HttpReport
from kb_tests.fleet.patience import Patience
from kb_tests.fleet.secrets import Secrets
from kb_tests.fleet.tunnel import Tunnel
from kb_tests.load import http
from kb_tests.scenario.http import HttpPoint
from simulated.plane import HOST, RUN, Plane
from tests.functional.fleet.patient import PATIENT
from tests.functional.fleet.test_whole_path import POINT
from tests.waiting import PATIENCE, eventually

SILENT = dataclasses.replace(PATIENT, late=10.0)
"""For an agent that falls silent: so long it is waited for, and so late others may be on a busy machine."""

GONE = dataclasses.replace(PATIENT, reconnect=2.0)
"""For a control server that never comes back."""

CLIENT = f"kb-{RUN}-client-0"


@contextmanager
def opened(plane: Plane, clients: int = 2, patience: Patience = PATIENT) -> Iterator[Fleet]:
    topology = plane.topology(clients)
    for server in topology.agents:
        plane.start_agent(server)
    with Fleet.open(topology, plane.secrets, silent, time.monotonic() + PATIENCE, patience=patience) as made:
        yield made


def run(
    plane: Plane, made: Fleet, fault: Callable[[], None], point: HttpPoint = POINT
) -> tuple[HttpReport, ...]:
    """One point, with a fault in its middle: as soon as an agent has told of its warm-up."""
    faults: list[threading.Thread] = []

    def once(_: object) -> None:
        if not faults:
            faults.append(threading.Thread(target=fault))
            faults[0].start()

    try:
        return tuple(http.run(point, made, once, port=plane.http_port))
    finally:
        for thread in faults:
            thread.join()
        assert faults, "it was over before the fault"


def test_agents_that_are_killed_or_frozen_fall_silent_and_the_other_does_not(control_plane: Plane) -> None:
    """And the frozen one can be used again."""
    point = dataclasses.replace(POINT, clients=3, timeout=1)
    with opened(control_plane, clients=3, patience=SILENT) as made:
        group = control_plane.processes[CLIENT].pid

        def harm() -> None:
            os.killpg(group, signal.SIGSTOP)
            control_plane.kill(f"kb-{RUN}-client-2")

        frozen, good, killed = run(control_plane, made, harm, point)
        told = [report.problem[: len("it fell silent")] for report in (frozen, good, killed)]
        assert told == ["it fell silent", "", "it fell silent"]
        os.killpg(group, signal.SIGCONT)
        assert [report.problem for report in http.run(POINT, made, port=control_plane.http_port)] == ["", ""]


def test_the_tunnel_is_made_again_and_nothing_is_lost(control_plane: Plane) -> None:
    def cut() -> None:
        control_plane.kill("sshd")
        time.sleep(1)
        control_plane.start_sshd()

    with opened(control_plane) as made:
        reports = run(control_plane, made, cut)
    assert [report.problem for report in reports] == ["", ""]


def test_redis_gone_for_good_is_an_error_within_bounds(control_plane: Plane) -> None:
    begin = time.monotonic()
    said = "cannot be reached|does not answer"
    with opened(control_plane, patience=GONE) as made, pytest.raises(TunnelError, match=said):
        run(control_plane, made, lambda: control_plane.kill("redis"))
    assert time.monotonic() - begin < PATIENCE


def test_redis_started_again_never_makes_a_whole_report_of_a_part(control_plane: Plane) -> None:
    def restart() -> None:
        control_plane.kill("redis")
        control_plane.start_redis()

    with opened(control_plane) as made:
        reports = run(control_plane, made, restart)
        for report in reports:
            whole = report.done is not None and sum(block.counts.due for block in report.blocks) == 400
            assert report.problem or whole
        again = http.run(POINT, made, port=control_plane.http_port)
    assert [report.problem for report in again] == ["", ""]


def test_redis_out_of_memory_delays_reports_and_loses_none(control_plane: Plane) -> None:
    control_plane.kill("redis")
    control_plane.start_redis(maxmemory="4mb")

    full = threading.Event()

    def flood() -> None:
        password = control_plane.secrets.agent_password
        with redis.Redis(HOST, control_plane.redis_port, username="agent", password=password) as agent:
            try:
                for _ in range(64):
                    agent.xadd(f"kb:{RUN}:reports", {"m": b"x" * 200_000})
            except redis.exceptions.OutOfMemoryError:
                full.set()

    with opened(control_plane) as made:
        reports = run(control_plane, made, flood)
    assert full.is_set()
    assert [report.problem for report in reports] == ["", ""]


def test_ctrl_c_stops_the_load(control_plane: Plane) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with opened(control_plane, clients=1) as made:
        point = dataclasses.replace(POINT, clients=1, duration=30.0)
        with pytest.raises(KeyboardInterrupt):
            http.run(point, made, interrupt, port=control_plane.http_port)
        pid = control_plane.processes[CLIENT].pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        eventually(lambda: not children.read_text().strip(), what="workers go on")


@pytest.mark.nightly  # as tests/unit/fleet/test_fleet.py shows it, but for the time that it takes
def test_an_agent_that_never_comes_is_named(control_plane: Plane) -> None:
    topology = control_plane.topology(2)
    with opened(control_plane, clients=1):
        pass
    with (
        pytest.raises(AgentsMissingError, match=f"No sign of the agent of kb-{RUN}-client-1. .*console log"),
        Fleet.open(topology, control_plane.secrets, silent, time.monotonic() + 30, patience=PATIENT),
    ):
        pass


def test_agents_wait_for_a_redis_that_comes_late(control_plane: Plane) -> None:
    control_plane.kill("redis")
    topology = control_plane.topology(1)
    for server in topology.agents:
        control_plane.start_agent(server)
    time.sleep(1)  # in vain, for as long as they have been there
    control_plane.start_redis()
    with Fleet.open(
        topology, control_plane.secrets, silent, time.monotonic() + PATIENCE, patience=PATIENT
    ) as made:
        assert len(made.hellos) == 2


def test_a_second_controller_finds_the_same_agents(control_plane: Plane) -> None:
    with opened(control_plane):
        pass
    with Fleet.open(
        control_plane.topology(2),
        control_plane.secrets,
        silent,
        time.monotonic() + PATIENCE,
        patience=PATIENT,
    ) as made:
        assert [report.problem for report in http.run(POINT, made, port=control_plane.http_port)] == ["", ""]


def test_a_wrong_host_key_is_waited_for_and_then_refused(control_plane: Plane) -> None:
    control_plane.kill("sshd")
    control_plane.start_sshd(dataclasses.replace(control_plane.secrets, host=Secrets.generate().host))
    tunnel = Tunnel(control_plane.topology().access, control_plane.secrets)
    begin = time.monotonic()
    with pytest.raises(TunnelError, match="host key that is not the one"):
        tunnel.dial(begin + 2)
    assert time.monotonic() - begin > 1.5
    control_plane.kill("sshd")
    control_plane.start_sshd()
    tunnel.dial(time.monotonic() + PATIENCE).close()
    tunnel.close()


def test_a_key_of_another_run_is_refused(control_plane: Plane) -> None:
    secrets = dataclasses.replace(control_plane.secrets, client=Secrets.generate().client)
    with pytest.raises(TunnelError, match="refuses the key"):
        Tunnel(control_plane.topology().access, secrets).dial(time.monotonic() + 1)


def test_the_tunnel_leads_nowhere_but_to_redis(control_plane: Plane) -> None:
    access = dataclasses.replace(control_plane.topology().access, redis_port=control_plane.ssh_port)
    with pytest.raises(TunnelError, match="cannot be reached through the proxy"):
        Tunnel(access, control_plane.secrets).dial(time.monotonic() + 1)


def test_a_proxy_command_is_another_way_in(control_plane: Plane) -> None:
    topology = control_plane.topology(1, proxy_command="socat STDIO TCP:%h:%p")
    for server in topology.agents:
        control_plane.start_agent(server)
    with Fleet.open(
        topology, control_plane.secrets, silent, time.monotonic() + PATIENCE, patience=PATIENT
    ) as made:
        assert len(made.hellos) == 2


def test_a_proxy_command_that_fails_says_so(control_plane: Plane) -> None:
    command = "sh -c 'echo no way to %h, \x1b[2Jsorry >&2; exit 3'"
    access = control_plane.topology(1, proxy_command=command).access
    with pytest.raises(TunnelError, match=r"ended with 3, it said: no way to 127\.0\.0\.1, \[2Jsorry\."):
        Tunnel(access, control_plane.secrets).dial(time.monotonic() + 1)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/proc/none/nc %h %p", "No such file or directory: '/proc/none/nc'"),
        ("sh -c 'nowhere-nc %h %p'", "ended with 127, it said: .*nowhere-nc"),
        ("sh -c 'echo exec of nc failed: No such file or directory >&2; exit 255'", "it said: exec of nc"),
        ("/etc", "Permission denied"),
        ("nc '%h", "No closing quotation"),
    ],
)
def test_a_proxy_command_that_cannot_run_is_not_tried_again(
    control_plane: Plane, command: str, said: str
) -> None:
    began = time.monotonic()
    access = control_plane.topology(1, proxy_command=command).access
    with pytest.raises(TunnelError, match=said):
        Tunnel(access, control_plane.secrets).dial(began + PATIENCE)
    assert time.monotonic() - began < PATIENCE / 2


def test_a_proxy_command_that_only_warns_is_tried_again(control_plane: Plane, tmp_path: Path) -> None:
    script = (
        f"echo identity: No such file or directory >&2; [ -e {tmp_path}/2nd ] || "
        f"{{ touch {tmp_path}/2nd; echo Connection refused >&2; exit 255; }}; exec socat STDIO TCP:%h:%p"
    )
    access = control_plane.topology(1, proxy_command=f"sh -c '{script}'").access
    tunnel = Tunnel(access, control_plane.secrets)
    tunnel.dial(time.monotonic() + PATIENCE).close()
    tunnel.close()


def test_a_proxy_command_that_talks_much_does_not_hang(control_plane: Plane) -> None:
    command = "sh -c 'yes chatter | head -c 300000 >&2; exec socat STDIO TCP:%h:%p'"
    tunnel = Tunnel(control_plane.topology(1, proxy_command=command).access, control_plane.secrets)
    tunnel.dial(time.monotonic() + PATIENCE).close()
    tunnel.close()
