"""A session that lives as long as its lock is held, and says what a test lets it say."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from kb_tests.events import lines
from kb_tests.events.model import (
    CheckSeen,
    Filed,
    LookEnded,
    Phase,
    PointSeen,
    PointsSelected,
    PointStarted,
    ProbeSeen,
    Second,
    SelectedPoint,
    ServersSeen,
    SessionStarted,
    StagedServer,
    StagedServers,
)

CLOUD = "west-1"
SCENARIO = "http-east-west"
POINTS = tuple(f"{SCENARIO}-clients-4-rate-{rate}" for rate in (500, 1000, 2000, 4000))
SEARCH = f"{SCENARIO}-clients-4-capacity"
HOSTS = ("c01", "c02", "c03", "c04", "c05", "c06")


class Told:
    """It was begun in a shell; `say` appends to its file, `end` lets go of its lock."""

    def __init__(self, folder: Path, sid: str, run: str) -> None:
        self.sid, self._n, self._run = sid, 0, run
        own = folder / sid
        own.mkdir(parents=True, mode=0o700)
        info = {"sid": sid, "pid": os.getpid(), "started": time.time(), "clouds": [CLOUD]}
        (own / "session.json").write_text(json.dumps(info | {"scenarios": [SCENARIO], "version": "0.1.0"}))
        self._lock = os.open(own / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._file = own / "main.ndjson"
        self._file.touch()

    def say(self, *events: Filed) -> None:
        with self._file.open("ab") as file:
            for event in events:
                file.write(lines.encode(self._n, time.time(), event))
                self._n += 1

    def end(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def begin(self, points: tuple[str, ...] = POINTS) -> None:
        chosen = [
            SelectedPoint(cloud=CLOUD, id=one, scenario=SCENARIO, kind="http", clients=4) for one in points
        ]
        self.say(
            SessionStarted(
                process="main", pid=os.getpid(), version="0.1.0", clouds=(CLOUD,), scenarios=(SCENARIO,)
            ),
            PointsSelected(points=tuple(chosen), runs={CLOUD: self._run}),
        )

    def stages(self) -> None:
        """Half of it is there."""
        names = tuple(f"kb-{self._run}-server-{n}" for n in range(8))
        self.say(
            Phase(cloud=CLOUD, phase="resources", done=12, total=12),
            Phase(cloud=CLOUD, phase="servers", done=4, total=8),
            ServersSeen(cloud=CLOUD, state="building", names=names),
            ServersSeen(cloud=CLOUD, state="booting", names=names[:6]),
            ServersSeen(cloud=CLOUD, state="ready", names=names[:4]),
        )

    def staged(self) -> None:
        servers = [
            StagedServer(
                name=f"kb-{self._run}-{role}-{n}",
                role=role,
                address=f"10.{1 + (role == 'server')}.0.{n + 10}",
                host=HOSTS[n % len(HOSTS)],
                zone="nova",
            )
            for role in ("server", "client")
            for n in range(6)
        ]
        self.say(StagedServers(cloud=CLOUD, scenario=SCENARIO, seconds=41.0, servers=tuple(servers)))

    def runs(self, point: int, seconds: int = 12, *, slow: bool = False) -> None:
        """So many seconds of a point; where it is slow, one host answers late and one agent is silent."""
        rate = 4 * int(POINTS[point].rpartition("-")[2])
        limits = {"latency p50": 0.01, "latency p99": 0.05, "errors": 0.001}
        self.say(
            PointStarted(
                cloud=CLOUD, point=POINTS[point], look=1, looks=3, duration=30, warm_up=5, offered=rate,
                unit="requests/s", agents=6, limits=limits,
            )
        )  # fmt: skip
        for index in range(-2, seconds):
            late = rate // 5 if slow else rate // 200
            buckets = (50, rate - late - 3), (54, late // 2), (70 if slow else 58, late - late // 2)
            self.say(
                Second(
                    cloud=CLOUD, point=POINTS[point], index=index, agents=5 if slow else 6, expected=6,
                    missing=(f"kb-{self._run}-client-3",) if slow else (), due=rate, completed=rate - 3,
                    failed=3, bytes=rate * 1024, buckets=buckets,
                    hosts=tuple((host, rate // 6, 0, 71 if slow and host == "c05" else 57) for host in HOSTS),
                    lag=0.0004, cpu=0.4,
                )
            )  # fmt: skip

    def tries(self, rates: Sequence[int], *, ends: bool = True) -> None:
        """Loads of a search, six seconds each; the last one goes on unless it `ends`."""
        for number, rate in enumerate(rates, 1):
            one = f"{SEARCH}-{number}-rate-{rate}"
            self.say(
                PointStarted(
                    cloud=CLOUD, point=one, look=1, looks=1, duration=6, warm_up=1, offered=4 * rate,
                    unit="requests/s", agents=4, limits={"latency p99": 0.05}, search=SEARCH,
                )
            )  # fmt: skip
            for index in range(6):
                self.say(
                    Second(
                        cloud=CLOUD, point=one, index=index, agents=4, expected=4, due=4 * rate,
                        completed=4 * rate, failed=0, bytes=rate, buckets=((50, 3 * rate), (54, rate)),
                    )
                )  # fmt: skip
            if ends or rate != rates[-1]:
                self.say(ProbeSeen(cloud=CLOUD, point=one, search=SEARCH, outcome="pass"))

    def judges(self, point: int, outcome: str = "pass") -> None:
        value = {"pass": 0.03, "fail": 0.4, "inconclusive": 0.049}.get(outcome, 0.03)
        seen = CheckSeen(
            name="latency p99", outcome=outcome, value=value, limit=0.05, unit="s", low=value * 0.9,
            high=value * 1.2, at_most=True,
        )  # fmt: skip
        self.say(
            LookEnded(cloud=CLOUD, point=POINTS[point], look=1, looks=3, outcome=outcome, checks=(seen,)),
            PointSeen(cloud=CLOUD, point=POINTS[point], status="judged", outcome=outcome, reason=""),
        )
