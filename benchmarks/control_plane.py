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
import multiprocessing
import os
import resource
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from kb_tests.cloud.progress import silent
from kb_tests.cloud.topology import Topology
from kb_tests.fleet import boot
from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.http.collect import HttpGathering
from kb_tests.fleet.secrets import Secrets
from kb_tests.fleet.tunnel import Tunnel
from simulated.agents import Simulated
from simulated.plane import HOST, Plane, user

PROCESSES = 2


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
        reports = made.run({"kind": "load", "http": {}}, agents, seconds, HttpGathering)
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
