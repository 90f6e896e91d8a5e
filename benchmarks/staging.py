"""What staging costs: API requests per staged server, and seconds until all are ACTIVE, on a slow cloud.

    python benchmarks/staging.py [--latency 0.04] [--boot 5] [10 50 100 ...]

The cloud is the embedded one without a data plane; every API answer comes `--latency` seconds later,
every server boots for `--boot` seconds. N stands for N HTTP servers and as many traffic generators.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from kb_tests.cloud.connect import connect
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.layout import plan
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.staging import stage
from kb_tests.cloud.teardown import tear_down
from kb_tests.cloud.topology import Role
from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient
from kb_tests.scenario.model import HttpScenario


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--latency", type=float, default=0.04)
    parser.add_argument("--boot", type=float, default=5.0)
    parser.add_argument("sizes", type=int, nargs="*", default=[10, 50, 100])
    options = parser.parse_args()
    print(f"API latency {options.latency * 1000:g} ms, boot {options.boot:g} s")
    print("    N  servers  requests  per server  seconds  over boot  teardown: requests  seconds")
    with tempfile.TemporaryDirectory() as folder:
        running = control.up(Path(folder), driver="null", parent_pid=os.getpid())
        try:
            admin = AdminClient(running)
            admin.add_fault("latency", seconds=options.latency)
            admin.add_fault("boot-delay", seconds=options.boot)
            for size in options.sizes:
                measure(running, Path(folder) / "runs", size, options.boot)
        finally:
            control.down(Path(folder))


def measure(running: control.Running, runs: Path, size: int, boot: float) -> None:
    scenario = HttpScenario.model_validate(
        {
            "name": "cost",
            "kind": "http",
            "topology": {"servers_per_network": size, "flavor": {"ram": "64MiB"}},
            "load": {"rate": [1]},
            "sla": {"errors": "1%"},
        }
    )
    cloud = connect(running.cloud, running.clouds_yaml)
    journal = Journal.start(running.cloud, clouds_yaml=running.clouds_yaml, folder=runs)
    user_data = dict.fromkeys(Role, "#!/bin/sh\n" + "#" * 48_000)
    staged = stage(cloud, plan(scenario), user_data, journal, StageOptions()).staging
    before, began = cloud.requests, time.monotonic()
    tear_down(cloud, journal)
    servers = 2 * size + 1
    print(
        f"{size:5}  {servers:7}  {staged.requests:8}  {staged.requests / servers:10.2f}  "
        f"{staged.seconds:7.1f}  {staged.seconds / boot:8.2f}x  "
        f"{cloud.requests - before:18}  {time.monotonic() - began:7.1f}"
    )
    cloud.close()


if __name__ == "__main__":
    main()
