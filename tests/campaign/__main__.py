"""The campaign's command line: see the package."""

from __future__ import annotations

import argparse
import math
import random
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.campaign.fault import Fault
from tests.campaign.faults import FAULTS
from tests.campaign.lane import Lane, Ran

_LOCK = threading.Lock()


def plan(seed: int, runs: int, only: Sequence[str] = ()) -> list[Fault]:
    """The fault of each run: all classes once in a random order, then all again."""
    chosen = [fault for fault in FAULTS if not only or fault.name in only]
    order = random.Random(f"campaign {seed}")
    planned: list[Fault] = []
    while len(planned) < runs:
        planned += order.sample(chosen, len(chosen))
    return planned[:runs]


def campaign(
    seed: int,
    indices: Iterable[int],
    planned: Sequence[Fault],
    parallel: int,
    folder: Path,
    seconds: float = math.inf,
) -> list[Ran]:
    """Run the runs `indices` of the plan, `parallel` at a time, each lane on a cloud of its own.

    No run begins after `seconds`.
    """
    until = time.monotonic() + seconds
    waiting: SimpleQueue[int | None] = SimpleQueue()
    for index in [*indices, *[None] * parallel]:
        waiting.put(index)
    ran: list[Ran] = []

    def work(number: int) -> None:
        lane = Lane(folder / f"lane-{number}")
        try:
            while (index := waiting.get()) is not None and time.monotonic() < until:
                result = lane.run(index, planned[index], random.Random(f"{seed} {index}"))
                ran.append(result)
                _tell(result, seed)
        finally:
            lane.close()

    # openstacksdk warns of what it does itself; to ignore it is for all threads or for none.
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(parallel) as pool:
        for future in [pool.submit(work, number) for number in range(parallel)]:
            future.result()
    return ran


def _tell(ran: Ran, seed: int) -> None:
    state = "ok" if not (ran.leaks or ran.wrong) else "LEAK" if ran.leaks else "WRONG"
    when = f" at {ran.moment}" if ran.moment else ""
    missed = "" if ran.acted else ", came too late"
    with _LOCK:
        end = f"exit code {ran.code}, {ran.seconds:.1f} s"
        print(f"{ran.index:4} {state:5} {ran.fault.name}{when}{missed}: {end}", flush=True)
        for line in (*ran.leaks, *ran.wrong):
            print(f"       {line}", flush=True)
        if ran.leaks or ran.wrong:
            print(f"       again: python -m tests.campaign --seed {seed} --only {ran.index}", flush=True)


def table(ran: Sequence[Ran]) -> str:
    """Class, runs, leaks, wrong verdicts."""
    rows: defaultdict[str, list[Ran]] = defaultdict(list)
    for each in ran:
        rows[each.fault.name].append(each)
    lines = [f"{'class':36} {'runs':>5} {'in time':>7} {'leaks':>5} {'wrong':>5}  exit codes"]
    for name in [fault.name for fault in FAULTS if fault.name in rows] + ["all"]:
        of_class = list(ran) if name == "all" else rows[name]
        codes = sorted({each.code for each in of_class}, key=str)
        lines.append(
            f"{name:36} {len(of_class):5} {sum(each.acted for each in of_class):7}"
            f" {sum(bool(each.leaks) for each in of_class):5} {sum(bool(each.wrong) for each in of_class):5}"
            f"  {' '.join(map(str, codes))}"
        )
    return "\n".join(lines)


def main() -> int:
    """Exit code 0 if nothing leaked and no verdict was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description="Runs with faults.")
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parallel", type=int, default=2, metavar="N", help="lanes, each with its own cloud")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no run after so many")
    parser.add_argument(
        "--first", type=int, default=0, metavar="INDEX", help="go on with this run of the seed"
    )
    parser.add_argument("--only", type=int, metavar="INDEX", help="one run of the seed again")
    parser.add_argument("--fault", action="append", default=[], metavar="CLASS", help="these classes only")
    parser.add_argument("--list", action="store_true", help="the classes")
    options = parser.parse_args()
    if options.list:
        for fault in FAULTS:
            print(f"{fault.name:36} {' '.join(map(str, sorted(fault.codes)))}")
        return 0
    # A shell starts background jobs with SIGINT ignored, nohup with SIGHUP: every session would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    runs = options.runs if options.only is None else options.only + 1
    indices = range(options.first, runs) if options.only is None else [options.only]
    folder = Path(tempfile.mkdtemp(prefix="kb-campaign-"))
    parallel = min(options.parallel, len(indices))
    planned = plan(options.seed, runs, options.fault)
    ran = campaign(options.seed, indices, planned, parallel, folder, options.minutes * 60)
    print(table(ran))
    if any(each.leaks or each.wrong for each in ran):
        print(f"folders of the runs that failed: {folder}")
        return 1
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    return 0


if __name__ == "__main__":
    sys.exit(main())
