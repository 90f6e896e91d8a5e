"""A control channel with simulated agents behind it, and a clock that never waits."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from kb_tests.cloud.topology import Access, Role, Server, StagingFacts, Topology
from kb_tests.fleet.channel import Reading

RUN = "c0ffee00"
CONNECTIONS = ("asked", "open", "least", "reopened", "refused", "unavailable")
COUNTS = {"due": 0, "sent": 0, "completed": 0, "unsent": 0, "inflight": 0, "bytes": 0, "errors": {}}


def server(role: Role, number: int, peer: str = "") -> Server:
    """A staged server."""
    return Server(
        id=f"uuid-{role}-{number}",
        name=f"kb-{RUN}-{role}-{number}",
        role=role,
        address=f"10.0.{role is Role.CLIENT:d}.{number + 10}",
        network="net",
        project_id="project",
        host=f"host-{number}",
        peer=peer,
    )


def topology(pairs: int) -> Topology:
    """As many HTTP servers as generators."""
    servers = tuple(server(Role.SERVER, number) for number in range(pairs))
    return Topology(
        run_id=RUN,
        scenario="test",
        cloud="none",
        proxy=server(Role.PROXY, 0),
        servers=servers,
        clients=tuple(server(Role.CLIENT, i, one.address) for i, one in enumerate(servers)),
        access=Access("127.0.0.1", 22, "10.0.1.5", 6379),
        staging=StagingFacts(0.0, 0),
    )


class FakeAgent:
    """Answers commands as a healthy agent does; `script` gets each answer first, and may change,
    drop or add to it.
    """

    def __init__(self, who: Server, script: Callable[[FakeAgent, dict[str, Any]], list[Any]]) -> None:
        self.who = who
        self.seq = 0
        self.instance = "0123456789abcdef"
        self.index = -1
        self.loaded = ""
        self.commands: list[dict[str, Any]] = []
        self._script = script

    def say(self, kind: str, **body: Any) -> list[bytes]:
        """The next report, as the script leaves it."""
        message = {"v": 1, "kind": kind, "agent": self.who.name, "seq": 0, **body}
        sent = []
        for item in self._script(self, message):
            if isinstance(item, bytes):
                sent.append(item)
                continue
            if item["seq"] == 0:
                self.seq += 1
                item = item | {"seq": self.seq}
            sent.append(json.dumps(item).encode())
        return sent

    def obey(self, command: dict[str, Any]) -> list[bytes]:
        """Everything the agent reports because of one command, at once."""
        self.commands.append(command)
        ready = {"offset": 1e9, "clock_error": 0.001}
        match command["kind"]:
            case "hello":
                return self.hello()
            case "enroll":
                self.index = command["index"]
                return self.say("ready", id=command["id"], **ready)
            case "serve" if self.who.role is Role.SERVER:
                return self.say("ready", id=command["id"], **ready)
            case "disk" if self.who.role is Role.STORAGE:
                return self.disk(command["id"], command["target"]["size"]) + self.say(
                    "ready", id=command["id"], **ready
                )
            case "load" if 0 <= self.index < command["clients"]:
                self.loaded = command["id"]
                return self.say("ready", id=command["id"], **ready)
            case "start" if command["id"] == self.loaded:
                return self.load(command["id"])
            case "abort":
                self.loaded = ""
        return []

    def hello(self) -> list[bytes]:
        """Who it is."""
        return self.say(
            "hello",
            role=str(self.who.role),
            uuid=self.who.id,
            instance=self.instance,
            host="host",
            versions={"python": "3.11"},
            cpus=1,
            mtu=1450,
        )

    def disk(self, command_id: str, size: int) -> list[bytes]:
        """Filled in two seconds."""
        half = self.say("filling", id=command_id, bytes=size // 2, seconds=1.0)
        return half + self.say("disk", id=command_id, path="/dev/vdb", bytes=size, seconds=2.0)

    def load(self, command_id: str) -> list[bytes]:
        """Two seconds, two blocks, done."""
        body = {"id": command_id, "counts": COUNTS}
        found: list[bytes] = []
        for index in range(2):
            found += self.say("second", index=index, open=0, buckets=[[4, 1]], **body)
            histograms = {"response": "AAAA", "service": "AAAA"}
            found += self.say("block", index=index, begin=float(index), seconds=1.0, **histograms, **body)
        gauges: dict[str, Any] = {
            "skew": 0.0,
            "lag_p99": 0.0,
            "lag_max": 0.0,
            "cpu": 0.1,
            "saturated": False,
            "tls": "",
            "workers": 1,
        }
        gauges |= {"connections": dict.fromkeys(CONNECTIONS, 0)}
        gauges |= {"clock_change": {"seconds": 0.0, "error": 0.001, "elapsed": 3.0}}
        return found + self.say("done", **gauges, **body)


def healthy(_: FakeAgent, message: dict[str, Any]) -> list[Any]:
    """The script of an agent that does as it should."""
    return [message]


class FakeChannel:
    """Stands for ControlChannel; time passes by what is waited."""

    def __init__(self, who: Topology, scripts: Mapping[str, Any] | None = None) -> None:
        scripts = scripts or {}
        self.agents = {one.name: FakeAgent(one, scripts.get(one.name, healthy)) for one in who.agents}
        self.sent: list[dict[str, Any]] = []
        self.queue: deque[bytes] = deque()
        self.now = 1000.0
        self.skew = 0.0
        self.broken: BaseException | None = None

    def monotonic(self) -> float:
        """For time.monotonic."""
        return self.now

    def close(self) -> None:
        """Nothing to close."""

    def time(self, deadline: float | None = None) -> float:
        """The Redis clock."""
        return 1e9 + self.now

    def reading(self) -> Reading:
        """The same, as `ControlChannel` reads it."""
        return Reading(1e9 + self.skew, 0.001, self.now)

    def send(self, message: dict[str, Any], deadline: float | None = None) -> None:
        """To all agents; they answer at once."""
        if self.broken is not None:
            raise self.broken
        self.sent.append(message)
        for agent in self.agents.values():
            self.queue += agent.obey(message)

    def send_each(self, messages: Mapping[str, dict[str, Any]]) -> None:
        """To each its own."""
        for name, message in messages.items():
            self.queue += self.agents[name].obey(message)

    def reports(self, timeout: float) -> list[bytes]:
        """What has been said."""
        if self.broken is not None:
            raise self.broken
        found = list(self.queue)
        self.queue.clear()
        if not found:
            self.now += timeout
        return found
