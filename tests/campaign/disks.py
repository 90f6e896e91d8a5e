"""Sessions of one storage point on a volume that begins to do wrong under its load."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from openstack.connection import Connection

from kb_tests.localcloud.control import LocalCloudError
from tests.campaign.fault import FAILED, PASSED, UNDECIDED, Act, Fault, of
from tests.campaign.plane import tell
from tests.campaign.session import Disk, Session

READS = Disk("randread", "achieved: 80%, read_latency: {p50: 300ms}")
STRICT = Disk("randread", "read_latency: {p98: 300ms}")
WRITES = Disk("randwrite", "errors: 1%")
SYNCED = Disk("write", "write_latency: {p90: 300ms}", extra="fsync: 1", depth=1, rate=20)
VERIFIED = Disk("randwrite", "achieved: 30%", verify=True, size="4MiB")

IO = ("io",)


def make_type(connection: Connection) -> None:
    """The volume type "faulty", whose volumes can do more wrong than others."""
    storage: Any = connection.block_storage
    storage.create_type(name="faulty", extra_specs={"kb:faulty": "true"})


def _on(disk: Disk) -> Callable[[Session, random.Random], None]:
    def prepare(session: Session, rng: random.Random) -> None:
        session.disk = disk

    return prepare


def _volume(kind: str, seconds: float = 0.0, **values: float) -> Act:
    """Harm the session's volume, for `seconds` or for good."""

    def act(session: Session, rng: random.Random) -> bool:
        volume = session.server_of("storage").get("os-extended-volumes:volumes_attached")
        if not volume:
            return False
        session.admin.harm_volume(volume[0]["id"], kind, **values)
        if seconds:
            timer = threading.Timer(seconds, _heal, (session, volume[0]["id"], kind))
            timer.daemon = True
            timer.start()
        return True

    return act


def _heal(session: Session, volume: str, kind: str) -> None:
    with suppress(LocalCloudError):  # it is gone
        session.admin.harm_volume(volume, kind)


def _fio(number: signal.Signals) -> Act:
    def act(session: Session, rng: random.Random) -> bool:
        return tell(session.plane.fio(), number)

    return act


def _agent(number: signal.Signals) -> Act:
    def act(session: Session, rng: random.Random) -> bool:
        return tell(session.plane.agents("storage"), number)

    return act


def _server(kind: str) -> Act:
    def act(session: Session, rng: random.Random) -> bool:
        server = session.server_of("storage")
        return bool(server) and bool(session.admin.harm_server(server["id"], kind))

    return act


def _red(
    name: str, disk: Disk, act: Act, codes: frozenset[int] = of(FAILED), moments: tuple[str, ...] = IO
) -> Fault:
    """A class that must be red; by default as the cloud's fault."""
    return Fault(f"disk: {name}", codes, moments, act, _on(disk), spoils=True)


FAULTS = (
    Fault("disk: none", of(PASSED), prepare=_on(READS)),
    Fault("disk: none, synced", of(PASSED), prepare=_on(SYNCED)),
    Fault("disk: none, verified", of(PASSED), prepare=_on(VERIFIED)),
    _red("few I/Os a second", STRICT, _volume("slow", iops=30)),
    _red("late in each I/O", STRICT, _volume("late", milliseconds=400)),
    _red("stuck for two seconds", READS, _volume("slow", seconds=2.0, bandwidth=1), UNDECIDED),
    _red("stuck for ten seconds", READS, _volume("slow", seconds=10.0, bandwidth=1), UNDECIDED),
    _red("answers after eight seconds", READS, _volume("late", milliseconds=8_000), UNDECIDED),
    _red("late at the window's end", STRICT, _volume("late", milliseconds=3000), moments=("end of io",)),
    _red("slow in fsync alone", SYNCED, _volume("late", fsync=400)),
    _red("loses writes", VERIFIED, _volume("lie", lost=0.3)),
    _red("changes writes", VERIFIED, _volume("lie", changed=0.3)),
    _red("rots", VERIFIED, _volume("corrupt", every=16_384)),
    _red("fails one in three", WRITES, _volume("fail", share=0.33)),
    _red("full", WRITES, _volume("full", size=1 << 20)),
    _red("fio killed", READS, _fio(signal.SIGKILL), UNDECIDED),
    _red("fio stopped", READS, _fio(signal.SIGSTOP), UNDECIDED),
    _red("agent killed", READS, _agent(signal.SIGKILL), UNDECIDED),
    _red("server dies", READS, _server("crash"), UNDECIDED),
    _red("server freezes", READS, _server("freeze"), UNDECIDED),
)
