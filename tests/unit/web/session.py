"""Event files of sessions, as sessions write them."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

from kb_tests.events import lines
from kb_tests.events.model import (
    Filed,
    Phase,
    PointSeen,
    PointsSelected,
    PointStarted,
    Second,
    SelectedPoint,
    SessionEnded,
    SessionStarted,
    StagedServers,
    Teardown,
)

POINT = "http-east-west-clients-4-rate-1000"
RUN = "1f2e3d4c"
WHEN = 1795867386.0


def hooked(text: str) -> str:
    """A scenario's text with a command that is run during each of its points."""
    once = re.sub(r"^ *max_duration: .*\n", "", text, flags=re.MULTILINE)
    longer = re.sub(r"^( *duration: ).*$", r"\g<1>30s", once, flags=re.MULTILINE)
    return longer + 'hooks: [{at: 6s, run: ["true"]}]\n'


def second(index: int, count: int = 10) -> Second:
    return Second(
        cloud="west-1",
        point=POINT,
        index=index,
        agents=4,
        expected=4,
        due=count,
        completed=count,
        failed=0,
        bytes=0,
        buckets=((40, count),),
    )


def story() -> list[Filed]:
    """One point, looked at twice."""
    look = {"cloud": "west-1", "point": POINT, "looks": 2, "warm_up": 5, "offered": 4000, "unit": "requests"}
    return [
        SessionStarted(
            process="main", pid=os.getpid(), version="0.1.0", clouds=("west-1",), scenarios=("x",)
        ),
        PointsSelected(
            points=(SelectedPoint(cloud="west-1", id=POINT, scenario="x", kind="http", clients=4),),
            runs={"west-1": RUN},
        ),
        Phase(cloud="west-1", phase="resources", done=1, total=2),
        StagedServers(cloud="west-1", scenario="x"),
        PointStarted.model_validate(look | {"look": 1, "duration": 2, "agents": 4}),
        second(0, 3),
        PointStarted.model_validate(look | {"look": 2, "duration": 2, "agents": 4}),
        second(0),
        second(1),
        PointSeen(cloud="west-1", point=POINT, status="judged", outcome="pass"),
        Teardown(cloud="west-1", done=1, total=1),
        SessionEnded(exit_code=0),
    ]


def write_session(folder: Path, sid: str, events: list[Filed] | None = None, **info: object) -> Path:
    own = folder / sid
    own.mkdir(parents=True, mode=0o700)
    known = {"sid": sid, "pid": os.getpid(), "started": time.time(), "clouds": ["west-1"]}
    (own / "session.json").write_text(json.dumps(known | info))
    (own / "lock").touch()
    told = story() if events is None else events
    text = b"".join(lines.encode(n, WHEN + n, event) for n, event in enumerate(told))
    (own / "main.ndjson").write_bytes(text)
    return own
