"""How many agents one controller can follow: a real Redis, simulated agents, the real Fleet.

    python benchmarks/control_plane.py [--agents 10000] [--seconds 10] [--ssh]

Every simulated agent says hello, enrolls, gets ready, and reports one second a second, one block a
ten seconds and `done`, with messages as large as real ones. They share a few processes and
connections, so that what is measured is the controller (and Redis), not them. `--ssh` goes through
a real sshd on 127.0.0.1, as a run does.

Prints the controller's share of one CPU while all agents report.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import resource
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from kb_tests.agent import protocol
from kb_tests.agent.resp import Connection, encode
from kb_tests.cloud.progress import silent
from kb_tests.cloud.topology import Topology
from kb_tests.fleet import boot
from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.secrets import Secrets
from kb_tests.fleet.tunnel import Tunnel
from tests.functional.fleet.plane import HOST, RUN, Plane, user

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
PROCESSES = 2


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
        gauges |= {"saturated": False, "workers": 1}
        links = ("asked", "open", "least", "reopened", "refused", "unavailable")
        gauges |= {"connections": dict.fromkeys(links, 100)}
        gauges |= {"clock_change": {"seconds": 0.0, "error": 0.001, "elapsed": float(seconds)}}
        self.report(self.names, "done", id=command_id, counts=COUNTS, **gauges)


def simulate(names: list[str], port: int, password: str, seconds: int) -> None:
    """One process of agents."""
    Simulated(names, port, password).run(seconds)


def cpu() -> float:
    """CPU seconds of this process."""
    return sum(os.times()[:2])


def measure(plane: Plane, topology: Topology, seconds: int, ssh: bool) -> None:
    tunnel = Tunnel(topology.access, plane.secrets)

    def dial(deadline: float) -> object:
        return tunnel.dial(deadline) if ssh else socket.create_connection((HOST, plane.redis_port))

    agents = len(topology.clients)
    begin, used = time.monotonic(), cpu()
    with Fleet.connected(topology, dial, plane.secrets, silent, begin + 120) as made:
        opened, opened_cpu = time.monotonic() - begin, cpu() - used
        begin, used = time.monotonic(), cpu()
        reports = made.run({"kind": "load", "http": {}}, agents, seconds)
        took, took_cpu = time.monotonic() - begin, cpu() - used
    tunnel.close()
    problems = {report.problem for report in reports} - {""}
    messages = sum(len(report.seconds) + len(report.blocks) + 2 for report in reports)
    print(f"agents                     {agents}")
    print(f"way                        {'SSH tunnel' if ssh else 'TCP'}")
    print(f"hello and enroll           {opened:8.1f} s, {opened_cpu:.1f} s CPU of the controller")
    print(f"run of {seconds:3d} s               {took:8.1f} s, {took_cpu:.1f} s CPU of the controller")
    print(f"reports                    {messages:8d}, {took_cpu / messages * 1e6:.0f} us CPU each")
    print(f"CPU share at this pace     {took_cpu / messages * agents:8.2f}  (one report a second from each)")
    print(f"controller's memory        {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10:8d} MiB")
    print(f"reports not whole          {sum(report.problem != '' for report in reports):8d} {problems or ''}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--ssh", action="store_true")
    options = parser.parse_args()
    boot.SSH_USER = user()
    with Plane(Secrets.generate()) as plane:
        plane.start_redis("1gb")
        plane.start_sshd()
        topology = dataclasses.replace(plane.topology(options.agents), servers=())
        names = [server.name for server in topology.clients]
        workers = [
            multiprocessing.Process(
                target=simulate,
                args=(
                    names[i::PROCESSES],
                    plane.redis_port,
                    plane.secrets.agent_password,
                    options.seconds,
                ),
            )
            for i in range(PROCESSES)
        ]
        for worker in workers:
            worker.start()
        try:
            measure(plane, topology, options.seconds, options.ssh)
        finally:
            for worker in workers:
                worker.kill()
                worker.join()


if __name__ == "__main__":
    main()
