"""One local cloud that outlives the runs on it, one run after the other, each with its fault."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openstack.connection import Connection

from kb_tests.cloud import journal
from kb_tests.cloud.connect import connect
from kb_tests.cloud.contents import read
from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient
from kb_tests.localcloud.control import LocalCloudError
from tests.campaign import disks, outside, tenants, verdicts
from tests.campaign.fault import Fault
from tests.campaign.session import Session

REAPER = 60.0
"""Seconds in which a detached reaper has to be done."""

SETTLED = 60.0
"""Seconds in which the kernel gives up a network namespace: connections that were cut hold it a while."""


@dataclass(frozen=True)
class Ran:
    """A run that is over: what was wrong with it, leaks and verdicts apart."""

    index: int
    fault: Fault
    moment: str
    code: int | None
    acted: bool
    seconds: float
    leaks: tuple[str, ...]
    wrong: tuple[str, ...]


class Lane:
    """A cloud of its own in `folder`, until `close`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._state = folder / "cloud"
        self.running = control.up(self._state, parent_pid=os.getpid())
        self.admin = AdminClient(self.running)
        self._connection: Connection = connect(self.running.cloud, self.running.clouds_yaml).connection
        disks.make_type(self._connection)
        clouds = tenants.make(self._connection, json.loads(self.running.clouds_yaml.read_text()))
        (folder / "clouds.yaml").write_text(json.dumps(clouds))

    def close(self) -> None:
        """End the cloud."""
        self._connection.close()
        control.down(self._state)

    def run(self, index: int, fault: Fault, rng: random.Random) -> Ran:
        """One session with this fault. What it leaves is removed, so that the next one finds nothing."""
        folder = self.folder / f"run-{index}"
        folder.mkdir()
        session = Session(self.running, self.admin, folder, f"{os.getpid()}-{index}")
        try:
            ran = self._run(session, index, fault, rng)
        finally:
            for undo in session.cleanups:
                undo()
        if not (ran.leaks or ran.wrong):
            shutil.rmtree(folder)
        return ran

    def _run(self, session: Session, index: int, fault: Fault, rng: random.Random) -> Ran:
        began = time.monotonic()
        before = self._things(session)
        if fault.workers:
            session.arguments += ["-n", "1"]
        if fault.prepare:
            fault.prepare(session, rng)
        moment = rng.choice(fault.moments) if fault.moments else ""
        session.start()
        reached = bool(moment) and session.reached(moment, rng)
        acted = False
        wrong: list[str] = []
        try:
            acted = reached and fault.act is not None and fault.act(session, rng)
        except (LocalCloudError, OSError) as error:
            wrong.append(f"the harm could not be done: {error}")
        session.acted_at = time.time()
        code = session.end()
        leaks = self._left(session, fault, code, before)
        wrong += verdicts.complaints(session, fault, moment, acted, code)
        return Ran(
            index=index,
            fault=fault,
            moment=moment,
            code=code,
            acted=acted or not fault.moments,
            seconds=time.monotonic() - began,
            leaks=tuple(leaks),
            wrong=tuple(wrong),
        )

    def _left(self, session: Session, fault: Fault, code: int | None, before: outside.Things) -> list[str]:
        """What the session left, after its reaper had its time, and `kb cleanup` where that is due."""
        deadline = time.monotonic() + REAPER
        self.admin.clear_faults()
        while there := outside.marked(session.mark):
            watching = [pid for pid, argv in there.items() if _watches(argv)]
            if len(watching) == len(there) or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        # It has removed all there was, and looks for minutes for what may yet come: this cloud ends before.
        for pid in watching if there else ():
            del there[pid]
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        leaks = [f"process {pid} {' '.join(argv)}" for pid, argv in there.items()]
        if not leaks and not fault.cleanup and code != 12:
            leaks += self._since(session, before)
        for filler in session.fillers:
            filler.unlink(missing_ok=True)
        if leaks or fault.cleanup or code == 12:
            cleaned, said = session.cleanup()
            if cleaned != 0:
                leaks.append(f"kb cleanup exits {cleaned}: {said.strip()[-300:]}")
        if fault.cleanup or code == 12:
            leaks += self._since(session, before)
        for path in journal.journals(session.folder / "state" / "kb" / "runs"):
            if not all(part.closed or part.unsettled for part in read(path).parts):
                leaks.append(f"journal of run {path.parent.name} is open")
        files = (
            path for path in (session.folder / "tmp").iterdir() if not path.name.startswith("pytest-of-")
        )
        return leaks + [f"file {path}" for path in files]

    def _since(self, session: Session, before: outside.Things) -> list[str]:
        """What is there and was not before, or no longer; some of it may take a moment."""

        def changed() -> outside.Things:
            return self._things(session) ^ before

        difference = _settled(changed)
        return [
            f"{kind} {name}{'' if (kind, name) not in before else ' is gone'}"
            for kind, name in sorted(difference)
        ]

    def _things(self, session: Session) -> outside.Things:
        users = frozenset(verdicts.users(session))
        return outside.on_cloud(self._connection, users) | outside.on_machine(self.running.pid, self._state)


def _watches(argv: list[str]) -> bool:
    """Whether a process is a reaper with nothing left to remove, that waits for what may yet take effect."""
    if "kb_tests.cloud.reaper" not in argv or not Path(argv[-1]).is_file():
        return False
    parts = read(Path(argv[-1])).parts
    return any(part.unsettled for part in parts) and all(part.closed or part.unsettled for part in parts)


def _settled(changed: Callable[[], outside.Things]) -> outside.Things:
    deadline = time.monotonic() + SETTLED
    while (difference := changed()) and time.monotonic() < deadline:
        time.sleep(0.3)
    return difference
