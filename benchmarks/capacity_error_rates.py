"""How often a capacity search is wrong, how wide its interval is, what it costs: on clouds of known truth.

    python -m benchmarks.capacity_error_rates [searches a line] [part of a line's name]

Runs the shipped search on `simulated.clouds`. A miss is an interval without the truth (under drift: without
the mean over the time of the probes; "all of it": without all that held then); what gives no interval is no
miss, and stands under "none". Minutes are those of load, warm-up included.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kb_tests.sla.capacity.model import NUMBERED, Capacity, Plan
from kb_tests.sla.capacity.search import search
from simulated.clouds import CLOUDS, Cloud, Run, roots

SLOW = ("M/M/1 shifting, flat", "shifts of 2 min (beyond)")
WHOLE = (
    "M/M/4 shifting",
    "M/M/8 shifting, steep",
    "cliff",
    "tail near the limit",
    "two limits that cross",
)
START = 100.0


@dataclass(frozen=True)
class Line:
    """One line of the table: a cloud, and how it is searched."""

    name: str
    cloud: Cloud
    width: float = 0.05
    budget: float = 1800.0
    whole: bool = False
    near: bool = False


@dataclass(frozen=True)
class One:
    """What one search came to."""

    capacity: Capacity
    missed: bool
    missed_all: bool


def lines() -> Iterator[Line]:
    """Those of the table; what takes longest stands at its end."""
    for name, cloud in CLOUDS.items():
        if name not in SLOW:
            yield Line(name, cloud)
    for name in WHOLE:
        yield Line(f"{name}, whole clients", CLOUDS[name], whole=True)
    for name in ("M/M/4 shifting", "M/M/8 shifting, steep", "tail near the limit"):
        yield Line(f"{name}, start known", CLOUDS[name], near=True)
    for name in ("M/M/8 shifting, steep", "M/M/4 shifting", "tail near the limit", "cliff"):
        yield Line(f"{name}, to 2 %", CLOUDS[name], width=0.02, budget=3600.0)
    for name in SLOW:
        yield Line(name, CLOUDS[name])
    yield Line(f"{SLOW[0]}, whole clients", CLOUDS[SLOW[0]], whole=True)


def one(line: Line, rng: np.random.Generator, root: float) -> One:
    """Search once."""
    per = 1.0
    if line.whole:
        truth = math.exp(rng.uniform(math.log(5), math.log(64)))
        per = 50.0 if truth > 20 else 200.0
    else:
        truth = math.exp(rng.uniform(math.log(400), math.log(2500)))
    run = Run(line.cloud, rng, truth * per, root)
    least = 1.0 if line.whole else truth * rng.uniform(0.55, 0.85) if line.near else START
    plan = Plan(line.cloud.limits, least, least * 500, width=line.width, budget=line.budget, whole=line.whole)
    searching, since = search(plan), 0.0
    step = next(searching)
    try:
        while True:
            if step.phase != "ramp" and not since:
                since = run.at
            step = searching.send(run.probe(step, per))
    except StopIteration as end:
        capacity: Capacity = end.value
    if capacity.end not in NUMBERED:
        return One(capacity, missed=False, missed_all=False)
    held = [run.truth(at) / per for at in np.linspace(since, run.at, 50)]
    if line.whole:
        best = math.floor(truth)
        wrong = not capacity.low <= best <= capacity.high
        return One(capacity, wrong, wrong)
    mean = sum(held) / len(held)
    wrong = not capacity.low <= mean <= capacity.high
    return One(capacity, wrong, capacity.low > max(held) or capacity.high < min(held))


def told(line: Line, searches: int) -> str:
    """The line of the table."""
    began, rng = time.monotonic(), np.random.default_rng(20)
    root = min(roots(line.cloud).values())
    found = [one(line, rng, root) for _ in range(searches)]
    numbered = [each for each in found if each.capacity.end in NUMBERED]
    minutes = [each.capacity.seconds / 60 for each in found]
    if line.whole:
        widths = [each.capacity.high - each.capacity.low for each in numbered]
        narrow = sum(width == 0 for width in widths)
    else:
        widths = [100 * (each.capacity.high / each.capacity.low - 1) for each in numbered]
        narrow = sum(width <= 100 * line.width + 1e-3 for width in widths)
    median, high = (np.quantile(widths, q) if widths else math.nan for q in (0.5, 0.9))
    ends: dict[str, int] = {}
    for each in found:
        if each.capacity.end not in NUMBERED:
            ends[str(each.capacity.end)] = ends.get(str(each.capacity.end), 0) + 1
    missed, missed_all = sum(each.missed for each in found), sum(each.missed_all for each in found)
    none = ", ".join(f"{end} {100 * count / searches:.1f}" for end, count in ends.items()) or "-"
    return (
        f"| {line.name} | {100 * missed / searches:.1f} ({100 * missed_all / searches:.1f}) |"
        f" {median:.1f} / {high:.1f} | {np.median(minutes):.1f} / {np.quantile(minutes, 0.9):.1f} |"
        f" {100 * narrow / searches:.0f} | {none} | {time.monotonic() - began:.0f} s |"
    )


def main() -> None:
    """Print the table, line by line."""
    searches = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    part = sys.argv[2] if len(sys.argv) > 2 else ""
    print(f"{searches} searches a line; numbers are percent, or minutes")
    print("| cloud | misses (of all that held) | width, median / p90 | minutes | narrow | none | took |")
    print("|---|---|---|---|---|---|---|")
    for line in lines():
        if part in line.name:
            print(told(line, searches), flush=True)


if __name__ == "__main__":
    main()
