"""Agents that make no load: they say what real ones do, as much of it, and share a connection or two."""

from __future__ import annotations

import json
import time

from kb_tests.agent import protocol
from kb_tests.agent.resp import Connection, encode
from kb_tests.fleet import boot
from simulated.plane import HOST, RUN

COUNTS = {
    "due": 1000,
    "sent": 1000,
    "completed": 1000,
    "unsent": 0,
    "inflight": 0,
    "bytes": 1 << 25,
    "errors": {},
}
BUCKETS = [[n, 17] for n in range(20, 44)]
HISTOGRAM = "HISTFAAA" + "A" * 2400


class Simulated:
    """Some agents that share two connections."""

    def __init__(self, names: list[str], port: int, password: str) -> None:
        self.names = names
        self.seq = dict.fromkeys(names, 0)
        self.link = Connection(HOST, port, boot.AGENT, password, 60)
        self.commands = Connection(HOST, port, boot.AGENT, password, 60)
        self.streams = {protocol.commands_key(RUN): "0-0"}
        self.streams.update((protocol.agent_key(RUN, name), "0-0") for name in names)

    def report(self, names: list[str], kind: str, **body: object) -> None:
        """The same report from each, pipelined."""
        key, rest = protocol.reports_key(RUN), protocol.encode({"kind": kind, **body})[1:]
        for begin in range(0, len(names), 500):
            batch = names[begin : begin + 500]
            sent = []
            for name in batch:
                self.seq[name] += 1
                message = b'{"agent":"%s","seq":%d,%s' % (name.encode(), self.seq[name], rest)
                sent.append(encode("XADD", key, "*", protocol.FIELD, message))
            self.link.write(b"".join(sent))
            answers = 0
            while answers < len(batch):
                answers += len(self.link.replies())

    def read(self) -> list[tuple[str, dict[str, object]]]:
        """Commands, with the stream they came by."""
        keys = list(self.streams)
        answer = self.commands.call("XREAD", "BLOCK", 1000, "STREAMS", *keys, *self.streams.values())
        found: list[tuple[str, dict[str, object]]] = []
        for stream, entries in answer or ():
            for entry, fields in entries:
                self.streams[stream.decode()] = entry.decode()
                found.append((stream.decode(), json.loads(fields[1])))
        return found

    def run(self, seconds: int) -> None:
        """Serve one load, then end."""
        machine = {"host": "h", "versions": {}, "cpus": 1, "mtu": 1500}
        hello = {"role": "client", "uuid": "", "instance": "0" * 16, **machine}
        ready = {"offset": 0.0, "clock_error": 0.001}
        while True:
            enrolled: dict[str, str] = {}
            for stream, command in self.read():
                if command["kind"] == "hello":
                    self.report(self.names, "hello", **hello)
                elif command["kind"] == "enroll":
                    enrolled[stream.rpartition(":")[2]] = str(command["id"])
                elif command["kind"] == "load":
                    self.report(self.names, "ready", id=command["id"], **ready)
                elif command["kind"] == "start":
                    self.load(str(command["id"]), seconds)
                    return
            for command_id in set(enrolled.values()):
                names = [name for name in enrolled if enrolled[name] == command_id]
                self.report(names, "ready", id=command_id, **ready)

    def load(self, command_id: str, seconds: int) -> None:
        """Report as generators do, spread over each second."""
        begin = time.monotonic() + 1
        slices = [self.names[part::20] for part in range(20)]
        for index in range(seconds):
            for part, names in enumerate(slices):
                time.sleep(max(0.0, begin + index + part / 20 - time.monotonic()))
                self.report(
                    names, "second", id=command_id, index=index, counts=COUNTS, open=100, buckets=BUCKETS
                )
        block = {"begin": 0.0, "seconds": float(seconds), "response": HISTOGRAM, "service": HISTOGRAM}
        self.report(self.names, "block", id=command_id, index=0, counts=COUNTS, **block)
        gauges: dict[str, object] = {"skew": 0.0, "lag_p99": 0.0, "lag_max": 0.0, "cpu": 0.1}
        gauges |= {"saturated": False, "tls": "", "workers": 1}
        links = ("asked", "open", "least", "reopened", "refused", "unavailable")
        gauges |= {"connections": dict.fromkeys(links, 100)}
        gauges |= {"clock_change": {"seconds": 0.0, "error": 0.001, "elapsed": float(seconds)}}
        self.report(self.names, "done", id=command_id, counts=COUNTS, **gauges)
