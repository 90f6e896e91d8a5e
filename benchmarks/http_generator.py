"""What the HTTP generator costs and holds, beside wrk: `python benchmarks/http_generator.py`.

Starts an nginx of its own on 127.0.0.1 with one worker on CPU 0; the generators run on CPU 1, in turns. Runs
the agent as it is shipped, with all its accounting on. Takes about two minutes; --quick a quarter of that. On
a busy machine believe the CPU per request, not the latencies.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import re
import resource
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kb_tests.agent.page import Page
from kb_tests.cloud.topology import Role
from kb_tests.fleet import bundle, certificate

CONFIG = """
worker_processes 1;
worker_cpu_affinity 01;
worker_rlimit_nofile 20000;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 16000; multi_accept on; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    open_file_cache max=100 inactive=1h;
    client_body_temp_path {folder}/temp;
    ssl_certificate {folder}/tls.pem;
    ssl_certificate_key {folder}/tls.pem;
    ssl_protocols TLSv1.3;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        listen 127.0.0.2:{port} ssl backlog=4096;
        root {folder}/pages;
    }}
}}
"""
PAGES = {"1 KiB": 1 << 10, "32 KiB": 32 << 10}
LIMITS = {"1 KiB": 1.5, "32 KiB": 1.1}


class Run(NamedTuple):
    """One run of a generator: CPU seconds of all its processes, and what it did."""

    cpu: float
    requests: int
    seconds: float

    @property
    def cost(self) -> float:
        """Microseconds of CPU per request."""
        return self.cpu / self.requests * 1e6


@contextlib.contextmanager
def nginx() -> Iterator[int]:
    """The server; yields its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "pages").mkdir()
        for size in PAGES.values():
            (folder / "pages" / str(size)).write_bytes(b"".join(Page(size).pieces()))
        (folder / "tls.pem").write_text(certificate.make())
        (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, port=port))
        server = subprocess.Popen(["nginx", "-p", name, "-c", str(folder / "nginx.conf")])
        try:
            for _ in range(100):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.05)
            yield port
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(10)


def wrk(program: str, port: int, page: int, connections: int, seconds: float) -> Run:
    """wrk, a closed loop of one thread."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [program, "-t1", f"-c{connections}", f"-d{seconds:.0f}s", f"http://127.0.0.1:{port}/{page}"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"(\d+) requests in ([\d.]+)(m?s)", text)
    assert found, text
    return Run(_cpu_since(before), int(found[1]), float(found[2]))


def ours(agent: Any, port: int, page: int, **options: Any) -> tuple[Run, Any, dict[str, Any], float]:
    """Our generator with one worker: the run (drain included), the load, its `done` body with `inside`, the
    requests completed in the measured window, and the ramp in seconds.
    """
    http = {"path": f"/{page}", "port": port, "keep_alive": True, "warm_up": 0, "timeout": 5, "block": 10}
    http |= {"tls": False, "size": page} | options
    address = "127.0.0.2" if http["tls"] else "127.0.0.1"
    before, own = resource.getrusage(resource.RUSAGE_CHILDREN), time.process_time()
    inside = 0
    begin = time.monotonic()
    load = agent.HttpLoad(address, http, 1)
    try:
        load.prepare(begin + 20)
        ramp = time.monotonic() - begin
        load.start(time.monotonic() + 0.05)
        while True:
            select.select([load], [], [], 60)
            for kind, body in load.events():
                assert kind != "failed", body
                if kind == "second" and 0 <= body["index"] < options["duration"]:
                    inside += body["counts"]["completed"]
                if kind == "done":
                    assert not body["counts"]["errors"], body
                    cpu = _cpu_since(before) + time.process_time() - own
                    run = Run(cpu, body["counts"]["completed"], options["duration"])
                    return run, load, body | {"inside": inside}, ramp
    finally:
        load.abort()


def _cpu_since(before: resource.struct_rusage) -> float:
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(agent: Any, port: int, rounds: int, seconds: float) -> None:
    """CPU per request at the highest rate, in turns. An open loop that has time to sleep wakes up for each
    request and for each response, which costs more; that line has no limit.
    """
    tools = {name: path for name in ("wrk", "wrk2") if (path := shutil.which(name))}
    print(f"CPU per request at the highest rate, 1,000 connections, {rounds} rounds of {seconds:g} s")
    for name, page in PAGES.items():
        costs: dict[str, list[float]] = {}
        rates: dict[str, list[float]] = {}
        for _ in range(rounds):
            done = {tool: wrk(path, port, page, 1000, seconds) for tool, path in tools.items()}
            done["closed loop"] = ours(agent, port, page, rate=0, connections=1000, duration=seconds)[0]
            highest = done["closed loop"].requests / seconds
            for name_of, share in (("open loop", 1.2), ("... at 60 %", 0.6)):
                rate = share * highest
                done[name_of] = ours(agent, port, page, rate=rate, connections=1000, duration=seconds)[0]
            for tool, run in done.items():
                costs.setdefault(tool, []).append(run.cost)
                rates.setdefault(tool, []).append(run.requests / run.seconds)
        for tool, values in costs.items():
            line = f"  {name:>6}  {tool:12} {statistics.median(values):6.1f} us"
            line += f" ({min(values):.1f} to {max(values):.1f}) at {statistics.median(rates[tool]):8,.0f}/s"
            if "wrk" in costs and tool != "wrk":
                ratios = [value / other for value, other in zip(values, costs["wrk"], strict=True)]
                line += f"   {statistics.median(ratios):.2f} x wrk"
                line += f" (limit {LIMITS[name]})" if "60" not in tool else ""
            print(line)


def hold(agent: Any, port: int, seconds: float) -> None:
    """Constant rates: what was achieved, at which latency and CPU."""
    print("Constant rate, 32 KiB")
    for rate, connections in ((1000, 1000), (5000, 1000), (20_000, 1000), (5000, 10_000)):
        _, load, done, ramp = ours(
            agent, port, PAGES["32 KiB"], rate=rate, connections=connections, duration=seconds, warm_up=1
        )
        histogram = importlib.import_module("kb_agent.histogram")
        p50, p99 = (histogram.percentile(load.response, percent) * 1e3 for percent in (50, 99))
        print(
            f"  {rate:6,}/s over {connections:6,} connections (ramp {ramp:.2f} s):"
            f" achieved {done['inside'] / seconds / rate:.3%}, p50 {p50:.3f} ms, p99 {p99:.2f} ms,"
            f" lag p99 {done['lag_p99'] * 1e3:.2f} ms, CPU {done['cpu']:.0%}"
        )


def encrypt(agent: Any, port: int, rounds: int, seconds: float) -> None:
    """What TLS costs the generator: CPU per request of closed loops with and without it, in turns."""
    kept = {"rate": 0, "connections": 100, "keep_alive": True}
    kinds = {f"{name} kept alive": (page, kept) for name, page in PAGES.items()}
    kinds["1 KiB, a connection each"] = (PAGES["1 KiB"], kept | {"keep_alive": False, "connections": 20})
    print("HTTPS beside HTTP, CPU per request")
    for name, (page, options) in kinds.items():
        costs: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(rounds):
            for tls, values in costs.items():
                run = ours(agent, port, page, duration=seconds, tls=tls, **options)[0]
                values.append(run.cost)
        plain, encrypted = statistics.median(costs[False]), statistics.median(costs[True])
        print(f"  {name:25} {plain:6.1f} us, with TLS {encrypted:6.1f} us   {encrypted / plain:.2f} x")


def main() -> None:
    """Run it all and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("This needs two CPUs.")
    with tempfile.TemporaryDirectory() as folder, nginx() as port:
        bundle.write(Role.CLIENT, Path(folder))
        bundle.lay_down(bundle.engine("http"), Path(folder))
        sys.path.insert(0, folder)
        agent = importlib.import_module("kb_agent.http.engine")
        os.sched_setaffinity(0, {1})
        compare(agent, port, 1 if quick else 5, 2 if quick else 3)
        hold(agent, port, 2 if quick else 10)
        encrypt(agent, port, 1 if quick else 5, 2)


if __name__ == "__main__":
    main()
