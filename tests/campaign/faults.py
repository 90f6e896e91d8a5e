"""All classes of faults, but for those of volumes: see `disks`."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.campaign import answers, disks, impostor, outside
from tests.campaign.fault import (
    ANY,
    FAILED,
    INTERRUPTED,
    INVALID,
    KILLED,
    LEAKED,
    LOAD,
    PASSED,
    UNDECIDED,
    USAGE,
    Act,
    Fault,
    of,
)
from tests.campaign.plane import tell
from tests.campaign.session import Session


def _signal(number: signal.Signals, *, group: bool = False, again: float = 0.0) -> Act:
    def act(session: Session, rng: random.Random) -> bool:
        session.tell(number, group=group)
        if again:
            time.sleep(rng.uniform(0.1, again))
            if session.process.poll() is None:
                session.tell(number, group=group)
        return True

    return act


def _kill_all(session: Session, rng: random.Random) -> bool:
    """As an out-of-memory killer or a reboot: nobody is left to clean up."""
    reapers = session.reapers()
    session.tell(signal.SIGSTOP, group=True)
    tell(reapers, signal.SIGKILL)
    session.tell(signal.SIGKILL, group=True)
    return True


def _kill_worker(session: Session, rng: random.Random) -> bool:
    return tell(session.workers(), signal.SIGKILL)


def _kill_reaper(session: Session, rng: random.Random) -> bool:
    return tell(session.reapers(), signal.SIGKILL)


def _second_point(session: Session, rng: random.Random) -> None:
    session.rates = [50, 100]


def _unreachable_limit(session: Session, rng: random.Random) -> None:
    session.rates = [5000, 6000]
    session.page, session.connections = "4MiB", 1
    session.sla = "achieved: 50%"
    session.arguments.append("-x")


def _set_clock(session: Session, rng: random.Random) -> bool:
    session.tell(rng.choice([signal.SIGUSR1, signal.SIGUSR2]))
    return True


# The cloud's API


def _call_fault(kind: str, **values: int) -> Callable[[Session, random.Random], None]:
    def prepare(session: Session, rng: random.Random) -> None:
        service = rng.choice(["keystone", "nova", "neutron", "neutron", "glance", None])
        method = rng.choice(["POST", "GET", "DELETE", "PUT", None])
        chosen = {"service": service, "method": method, "nth": rng.randint(1, 12 if service else 60)}
        session.admin.add_fault(kind, **{k: v for k, v in chosen.items() if v}, **values)

    return prepare


def _every_call(kind: str, **values: object) -> Callable[[Session, random.Random], None]:
    """Every sixth at most: removing a project takes five calls, and would be begun anew for ever."""

    def prepare(session: Session, rng: random.Random) -> None:
        session.admin.add_fault(kind, **({"every": rng.randint(6, 12)} | values))

    return prepare


def _set(kind: str, **values: object) -> Callable[[Session, random.Random], None]:
    def prepare(session: Session, rng: random.Random) -> None:
        session.admin.add_fault(kind, **values)

    return prepare


def _set_now(kind: str, **values: object) -> Act:
    def act(session: Session, rng: random.Random) -> bool:
        session.admin.add_fault(kind, **values)
        return True

    return act


def _with(*arguments: str, cloud: str = "") -> Callable[[Session, random.Random], None]:
    def prepare(session: Session, rng: random.Random) -> None:
        session.arguments += arguments
        session.cloud = cloud or session.cloud

    return prepare


# The data plane


def _agent(role: str, number: signal.Signals, then: float = 0.0) -> Act:
    def act(session: Session, rng: random.Random) -> bool:
        pids = session.plane.agents(role)
        if role == "client":
            pids += session.plane.workers()
        return _tell(pids, number, then)

    return act


def _processes(word: str, number: signal.Signals, then: float = 0.0) -> Act:
    def act(session: Session, rng: random.Random) -> bool:
        return _tell(session.plane.named(word), number, then)

    return act


def _tell(pids: list[int], number: signal.Signals, then: float) -> bool:
    if then:
        timer = threading.Timer(then, tell, (pids, signal.SIGCONT))
        timer.daemon = True
        timer.start()
    return tell(pids, number)


def _workers(session: Session, rng: random.Random) -> bool:
    return _tell(session.plane.workers(), signal.SIGSTOP, 1.2)


def _answers(kind: str) -> Act:
    def act(session: Session, rng: random.Random) -> bool:
        return answers.change(session.plane.named("nginx"), kind, session.page)

    return act


def _impostor(kind: str) -> Act:
    def act(session: Session, rng: random.Random) -> bool:
        return answers.take_over(session, kind)

    return act


def _few_errors(session: Session, rng: random.Random) -> None:
    session.sla = "errors: 1%"


def _for_impostors(session: Session, rng: random.Random) -> None:
    session.sla = "errors: 1%"
    session.page, session.connections = impostor.PAGE, 10


def _cut_ssh(session: Session, rng: random.Random) -> bool:
    return tell(session.plane.ssh_sessions(), signal.SIGKILL)


def _harm(role: str, kind: str, **values: float) -> Act:
    def act(session: Session, rng: random.Random) -> bool:
        server = session.server_of(role)
        return bool(server) and bool(session.admin.harm_server(server["id"], kind, **values))

    return act


_HOSTILE = Path(__file__).with_name("hostile.py")


def _hostile(what: str) -> Act:
    """A compromised generator speaks to Redis with the password that all agents have."""

    def act(session: Session, rng: random.Random) -> bool:
        pids = session.plane.agents("client")
        if not pids:
            return False
        config = f"/proc/{pids[0]}/root/var/lib/kb-agent/config.json"
        command = [*outside.entering(pids[0]), sys.executable, "-P", str(_HOSTILE), config, what]
        done = subprocess.run([*command, str(rng.random())], timeout=60, check=False, capture_output=True)
        return done.returncode == 0

    return act


# The controller's own disk: only root can give it a small one


def _full(where: str) -> Act:
    def act(session: Session, rng: random.Random) -> bool:
        if not (folder := session.folder / where).is_dir():
            return False
        with suppress(OSError), (folder / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"\0" * 1024)
        session.fillers.append(folder / "filler")
        return True

    return act


def _small_disk(where: str) -> Callable[[Session, random.Random], None]:
    def prepare(session: Session, rng: random.Random) -> None:
        folder = session.folder / where
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "kb-campaign", str(folder)], check=True)

        def undo() -> None:
            subprocess.run(["umount", str(folder)], check=True)

        session.cleanups.append(undo)

    return prepare


_FORBIDDEN = _set("status", status=403, service="keystone", method="POST", path="/projects$")


ENDS = (
    Fault("none", of(PASSED)),
    Fault("none, xdist", of(PASSED), workers=True),
    Fault("-x", of(FAILED), prepare=_unreachable_limit),
    Fault("SIGINT", of(INTERRUPTED), ANY, _signal(signal.SIGINT)),
    Fault(
        "SIGINT to the group, xdist", of(INTERRUPTED), ANY, _signal(signal.SIGINT, group=True), workers=True
    ),
    Fault("SIGINT, xdist", of(INTERRUPTED), ANY, _signal(signal.SIGINT), workers=True),
    Fault("SIGINT twice", of(INTERRUPTED, LEAKED), ANY, _signal(signal.SIGINT, again=2.0)),
    Fault(
        "SIGINT twice to the group, xdist",
        of(INTERRUPTED, LEAKED),
        ANY,
        _signal(signal.SIGINT, group=True, again=2.0),
        workers=True,
    ),
    Fault("SIGTERM", of(INTERRUPTED), ANY, _signal(signal.SIGTERM)),
    Fault("SIGTERM, xdist", of(INTERRUPTED), ANY, _signal(signal.SIGTERM), workers=True),
    Fault(
        "SIGTERM to the group, xdist",
        of(INTERRUPTED),
        ANY,
        _signal(signal.SIGTERM, group=True),
        workers=True,
    ),
    Fault("SIGHUP", of(INTERRUPTED), ANY, _signal(signal.SIGHUP, group=True)),
    Fault("SIGKILL", of(KILLED), ANY, _signal(signal.SIGKILL)),
    Fault("SIGKILL, second point", of(KILLED), ("second",), _signal(signal.SIGKILL), prepare=_second_point),
    Fault("SIGKILL of the group, xdist", of(KILLED), ANY, _signal(signal.SIGKILL, group=True), workers=True),
    Fault("SIGKILL of pytest, xdist", of(KILLED), ANY, _signal(signal.SIGKILL), workers=True),
    Fault(
        "SIGKILL of a worker",
        of(INVALID, FAILED),
        ("staging", "servers", "load"),
        _kill_worker,
        workers=True,
    ),
    Fault("SIGKILL of all, reaper too", of(KILLED), ANY, _kill_all, cleanup=True),
    Fault("SIGKILL of the reaper", of(PASSED), ("servers", "load"), _kill_reaper),
    Fault("clock set", of(PASSED), ANY[1:], _set_clock, prepare=_with("-p", "tests.campaign.jumping")),
)

CLOUD = (
    Fault("a call: 429, Retry-After", of(PASSED), prepare=_call_fault("status", status=429, retry_after=1)),
    Fault("a call: 500", of(PASSED, INVALID), prepare=_call_fault("status", status=500)),
    Fault("a call: 503", of(PASSED, INVALID), prepare=_call_fault("status", status=503)),
    Fault("a call: 409", of(PASSED, INVALID), prepare=_call_fault("status", status=409)),
    Fault("a call: 401", of(PASSED, INVALID), prepare=_call_fault("status", status=401)),
    Fault("a call: dropped", of(PASSED, INVALID), prepare=_call_fault("drop")),
    Fault("a call: answer lost", of(PASSED, INVALID), prepare=_call_fault("lost-answer")),
    Fault("a call: hangs", of(PASSED, INVALID), prepare=_call_fault("hang", seconds=8)),
    Fault("every k-th call: 503", of(PASSED, INVALID), prepare=_every_call("status", status=503)),
    Fault(
        "every k-th call: token refused",
        of(PASSED, INVALID),
        prepare=_every_call("status", status=401, path="^/(?!v3/auth/tokens)"),
    ),
    Fault("every k-th call: dropped", of(PASSED, INVALID), prepare=_every_call("drop")),
    Fault("every call: slow", of(PASSED), prepare=_every_call("latency", every=1, seconds=0.15)),
    Fault(
        "API down for good", of(PASSED, INVALID, LEAKED), ANY, _set_now("status", status=503), cleanup=True
    ),
    Fault("a boot in ERROR", of(PASSED), prepare=_set("boot-error", nth=2)),
    Fault("all boots in ERROR", of(INVALID), prepare=_set("boot-error"), told="ERROR"),
    Fault("a boot that never ends", of(INVALID), prepare=_set("boot-never", nth=1), told="not ready"),
    Fault("a slow boot", of(PASSED), prepare=_set("boot-delay", seconds=3.0)),
    Fault("failing deletions", of(PASSED), prepare=_set("delete-error")),
    Fault("quota too small", of(USAGE), prepare=_with(cloud="small"), told="servers", stages_nothing=True),
    Fault(
        "no floating IP", of(USAGE), prepare=_with(cloud="floatless"), told="floating", stages_nothing=True
    ),
    Fault("no image", of(USAGE), prepare=_with("--kb-image=nothing"), told="nothing", stages_nothing=True),
    Fault("no flavor", of(USAGE), prepare=_with("--kb-flavor=none"), told="flavor", stages_nothing=True),
    Fault("wrong rights", of(INVALID), prepare=_FORBIDDEN, told="403"),
    Fault("wrong password", of(USAGE), prepare=_with(cloud="wrong"), told="credentials", stages_nothing=True),
)

PLANE = (
    Fault("generator's agent killed", UNDECIDED, LOAD, _agent("client", signal.SIGKILL), spoils=True),
    Fault("generator's agent frozen", UNDECIDED, LOAD, _agent("client", signal.SIGSTOP), spoils=True),
    Fault("generator without CPU", UNDECIDED, LOAD, _workers, spoils=True),
    Fault("server's agent killed", UNDECIDED | {PASSED}, LOAD, _agent("server", signal.SIGKILL)),
    Fault("server's agent frozen", UNDECIDED | {PASSED}, LOAD, _agent("server", signal.SIGSTOP)),
    Fault("nginx killed", UNDECIDED, LOAD, _processes("nginx", signal.SIGKILL), spoils=True),
    Fault("nginx stopped", UNDECIDED, LOAD, _processes("nginx", signal.SIGSTOP), spoils=True),
    *(
        Fault(f"answers: {kind}", UNDECIDED, LOAD, _answers(kind), _few_errors, spoils=True)
        for kind in answers.KINDS
    ),
    *(
        Fault(f"web server: {kind}", UNDECIDED, LOAD, _impostor(kind), _for_impostors, spoils=True)
        for kind in impostor.KINDS
    ),
    Fault("server dies", UNDECIDED, LOAD, _harm("server", "crash"), spoils=True),
    Fault("generator dies", UNDECIDED, LOAD, _harm("client", "crash"), spoils=True),
    Fault("proxy dies", UNDECIDED, LOAD, _harm("proxy", "crash"), spoils=True),
    Fault("server freezes", UNDECIDED, LOAD, _harm("server", "freeze"), spoils=True),
    Fault("server cut off", UNDECIDED, LOAD, _harm("server", "cut", seconds=30.0), spoils=True),
    Fault("generator cut off", UNDECIDED, LOAD, _harm("client", "cut", seconds=30.0), spoils=True),
    Fault("proxy cut off for a moment", UNDECIDED | {PASSED}, LOAD, _harm("proxy", "cut", seconds=2.0)),
    Fault("half of the packets lost", UNDECIDED, LOAD, _harm("server", "link", loss=0.5), spoils=True),
    Fault("Redis killed", UNDECIDED | {PASSED}, LOAD, _processes("redis-server", signal.SIGKILL)),
    Fault("Redis stopped for good", UNDECIDED, LOAD, _processes("redis-server", signal.SIGSTOP), spoils=True),
    Fault(
        "Redis stopped for a moment",
        UNDECIDED | {PASSED},
        LOAD,
        _processes("redis-server", signal.SIGSTOP, 2.0),
    ),
    Fault("SSH session cut", of(PASSED), LOAD, _cut_ssh),
    Fault("sshd killed", UNDECIDED | {PASSED}, LOAD, _processes("sshd:", signal.SIGKILL)),
    Fault("garbage in the reports", UNDECIDED | {PASSED}, LOAD, _hostile("garbage")),
    Fault("reports twice and altered", UNDECIDED | {PASSED}, LOAD, _hostile("altered")),
    Fault("reports without end", UNDECIDED | {PASSED}, LOAD, _hostile("flood")),
)

DISK = (
    Fault("record's disk full", of(INVALID), ("staging", "load"), _full("reports"), _small_disk("reports")),
    Fault(
        "journal's disk full",
        of(PASSED, INVALID, LEAKED),
        ("staging", "servers", "load", "teardown"),
        _full("state"),
        _small_disk("state"),
        cleanup=True,
    ),
)

FAULTS = (*ENDS, *CLOUD, *PLANE, *((*DISK, *disks.FAULTS) if os.geteuid() == 0 else ()))
