"""What staging costs on a slow cloud: API requests, and seconds until servers are ACTIVE and agents ready.

    sudo python benchmarks/staging.py [--latency 0.04] [--boot 5] [--driver netns|null] [10 50 100 ...]

The cloud is the embedded one; every API answer comes `--latency` seconds later, every server boots for
`--boot` seconds, as a real one's kernel does before user_data runs. N is how many agents there are, half HTTP
servers and half traffic generators, with a router in between; the proxy comes on top. By the driver `null`,
without a data plane and without root, there are no agents, and only the times of the API are shown.

KloudBuster 8.0.0 needs 579 requests and 22 s until 101 servers are ACTIVE, 50 at a time.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from kb_tests.cloud.connect import connect
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.layout import Layout
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.staging import stage
from kb_tests.cloud.teardown import tear_down
from kb_tests.cloud.topology import Role
from kb_tests.cloud.workloads import plan
from kb_tests.fleet.boot import user_data
from kb_tests.fleet.fleet import Fleet
from kb_tests.fleet.secrets import Secrets
from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient
from kb_tests.scenario.http import HttpScenario

PATIENCE = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--latency", type=float, default=0.04)
    parser.add_argument("--boot", type=float, default=5.0)
    parser.add_argument("--driver", choices=("netns", "null"), default="netns")
    parser.add_argument("sizes", type=int, nargs="*", default=[10, 50, 100])
    options = parser.parse_args()
    print(f"API latency {options.latency * 1000:g} ms, boot {options.boot:g} s, driver {options.driver}")
    print(
        f"{'N':>5}{'servers':>9}{'requests':>10}{'per server':>12}{'asked for':>11}{'ACTIVE':>9}{'agents':>9}"
        f"{'teardown':>10}"
    )
    with tempfile.TemporaryDirectory() as folder:
        running = control.up(Path(folder), driver=options.driver, parent_pid=os.getpid())
        try:
            admin = AdminClient(running)
            admin.add_fault("latency", seconds=options.latency)
            admin.add_fault("boot-delay", seconds=options.boot)
            for size in options.sizes:
                measure(running, Path(folder) / "runs", size, agents=options.driver == "netns")
        finally:
            control.down(Path(folder))


def measure(running: control.Running, runs: Path, size: int, *, agents: bool) -> None:
    """Stage N agents, show the line, and remove them."""
    layout, secrets = layout_of(size), Secrets.generate()
    cloud = connect(running.cloud, running.clouds_yaml)
    journal = Journal.start(running.cloud, clouds_yaml=running.clouds_yaml, folder=runs, now=cloud.now())
    boot = {role: user_data(role, journal.run_id, layout.proxy_address, secrets) for role in Role}
    marks: dict[str, float] = {}
    began = time.monotonic()

    def progress(phase: str, done: int, total: int) -> None:
        if done == total:
            marks.setdefault(phase, time.monotonic() - began)

    topology = stage(cloud, layout, boot, journal, StageOptions(), progress)
    active, ready = time.monotonic() - began, ""
    if agents:
        with Fleet.open(topology, secrets, progress, time.monotonic() + PATIENCE):
            ready = f"{time.monotonic() - began:.1f} s"
    requests, ending = cloud.requests, time.monotonic()
    tear_down(cloud, journal)
    print(
        f"{size:5}{size + 1:9}{requests:10}{requests / (size + 1):12.2f}{marks['resources']:9.1f} s"
        f"{active:7.1f} s{ready:>9}{time.monotonic() - ending:8.1f} s",
        flush=True,
    )
    cloud.close()


def layout_of(size: int) -> Layout:
    """Of a scenario with that many agents."""
    scenario = HttpScenario.model_validate(
        {
            "name": "cost",
            "kind": "http",
            "topology": {"servers_per_network": size // 2, "flavor": {"ram": "64MiB"}},
            "load": {"rate": [1]},
            "sla": {"errors": "1%"},
        }
    )
    return plan(scenario)


if __name__ == "__main__":
    main()
