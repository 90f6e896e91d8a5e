"""What a change costs the HTTP generator: `python benchmarks/http_pairs.py COMMIT`.

Runs this checkout's generator and the commit's in turns, on one nginx, and prints the ratio of their CPU per
request in each pair: the median, and the bounds in which the true one is (by the ranks of the sign test).
Closed loops at the highest rate, where a generator does nothing but its work. Ten pairs take four minutes.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from http_generator import PAGES, nginx, ours

ROOT = Path(__file__).parents[1]


def agent(folder: Path, name: str, commit: str) -> Any:
    """The engine of a commit's agent, as a package of this name; or of one that lies in a folder."""
    if Path(commit).is_dir():
        source = Path(commit).resolve()
    else:
        command = ["git", "-C", str(ROOT), "archive", commit, "kb_tests/agent"]
        archive = subprocess.run(command, check=True, capture_output=True).stdout
        unpacked = folder / f"{name}-of"
        unpacked.mkdir()
        subprocess.run(["tar", "-x", "-C", str(unpacked)], input=archive, check=True)
        source = unpacked / "kb_tests" / "agent"
    (folder / name).symlink_to(source)
    return importlib.import_module(f"{name}.http.engine")


def bounds(ratios: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Order statistics between which the median lies (the sign test's; for ten, the 2nd and the 9th)."""
    ordered = sorted(ratios)
    count = len(ordered)
    outside, least = 0.0, 0
    while least < count // 2:
        outside += 2 * math.comb(count, least) / 2**count
        if outside > 1 - confidence:
            break
        least += 1
    return ordered[max(least - 1, 0)], ordered[-max(least, 1)]


def main() -> None:
    """Run the pairs and print a line a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit", help="or a folder with an agent")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--page", action="append", choices=PAGES, help="these pages only")
    options = parser.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("This needs two CPUs.")
    with tempfile.TemporaryDirectory() as name, nginx() as port:
        sys.path.insert(0, name)
        agents = {
            "now": agent(Path(name), "now", str(ROOT / "kb_tests" / "agent")),
            "then": agent(Path(name), "then", options.commit),
        }
        os.sched_setaffinity(0, {1})
        for page in options.page or PAGES:
            costs: dict[str, list[float]] = {which: [] for which in agents}
            for pair in range(options.pairs):
                for which in sorted(agents, reverse=pair % 2 == 1):
                    load = {"rate": 0, "connections": 1000, "duration": options.seconds}
                    costs[which].append(ours(agents[which], port, PAGES[page], **load)[0].cost)
            ratios = [now / then for now, then in zip(costs["now"], costs["then"], strict=True)]
            low, high = bounds(ratios)
            now, then = (statistics.median(costs[which]) for which in agents)
            ratio = f"{statistics.median(ratios):.3f} ({low:.3f} to {high:.3f}) x"
            print(f"{page:>6}: {now:.2f} us, {then:.2f} us then: {ratio}, {len(ratios)} pairs", flush=True)


if __name__ == "__main__":
    main()
