"""Does a pass stand although generators sent late? Clouds of known truth, loaded by generators that lag.

    python benchmarks/lag_error_rates.py            # minutes; its output stands in docs/statistics.md
    python benchmarks/lag_error_rates.py --quick    # seconds

Each generator loads a server of its own, a queue served in order whose speed shifts from second to second.
The truth is what generators that keep their schedule find on it; the limits are exactly on that truth, so
that every pass is wrong. Then the same requests are sent late, in one of several ways, and the shipped code
judges what came out, with its lag in the report. Passes must stay under the error probability in every row.
The exit code is 1 if they do not.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from gate_error_rates import CONFIDENCE, Scale, point_of, too_many

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Block, Counts, GeneratorFacts, HttpMeasurement, Second
from kb_tests.measure.http.merge import achieved, total
from kb_tests.measure.http.validity import sent_late, validity
from kb_tests.scenario.base import Latency
from kb_tests.scenario.http import HttpSla
from kb_tests.sla.http.judge import judge
from kb_tests.sla.verdict import Outcome

AGENTS, SECONDS, RATE, WARM_UP, DRAIN = 2, 30, 200, 5, 5.0
SERVICE, SPREAD, SHIFT, MEMORY = 0.001, 0.5, 0.2, 0.05
PERCENTS = (50.0, 99.0)
FAILING = 0.002
Floats = npt.NDArray[np.float64]
Random = np.random.Generator
Lag = Callable[[Random, Floats], Floats]
"""When requests that are due at these times are sent."""


def on_time(_: Random, due: Floats) -> Floats:
    return due


def a_little(random: Random, due: Floats) -> Floats:
    return due + random.exponential(0.01, due.size)


def in_stalls(length: float, every: float) -> Lag:
    """A generator that gets no CPU for `length` seconds out of `every`."""

    def sent(random: Random, due: Floats) -> Floats:
        into = (due - random.uniform(0, every)) % every
        return due + np.maximum(0.0, length - into)

    return sent


def from_the_warm_up(_: Random, due: Floats) -> Floats:
    """Nothing is sent in the warm-up, and then the backlog at 1.15 times the rate."""
    return _no_faster(due, due[0] + WARM_UP, 1.15 * RATE)


def at_the_end(random: Random, due: Floats) -> Floats:
    """The last tenth of the window is not sent at all."""
    return np.where(due > 0.9 * SECONDS, np.inf, due + random.exponential(0.02, due.size))


def ever_later(_: Random, due: Floats) -> Floats:
    """As a generator that is too slow for the rate."""
    return _no_faster(due, float(due[0]), 0.95 * RATE)


def _no_faster(due: Floats, begin: float, rate: float) -> Floats:
    sent: Floats = np.maximum(due, begin + np.arange(due.size) / rate)
    return sent


WAYS: dict[str, Lag] = {
    "in time": on_time,
    "10 ms late on average": a_little,
    "stalls of 50 ms, two a second": in_stalls(0.05, 0.5),
    "stalls of 300 ms, one a second": in_stalls(0.3, 1.0),
    "stalls of 2 s, one in ten": in_stalls(2.0, 10.0),
    "the warm-up's requests late, into the window": from_the_warm_up,
    "the last tenth never sent": at_the_end,
    "too slow for the rate": ever_later,
}


@dataclass(frozen=True)
class Truth:
    """What a generator in time finds: percentiles in seconds, the share of bad answers, of the rate."""

    percentiles: Floats
    errors: float
    achieved: float


def load(random: Random, way: Lag, seconds: int = SECONDS) -> list[tuple[Floats, Floats, Floats]]:
    """(due, sent, ended) of each generator; infinite if it failed or was never sent."""
    made = []
    level = shifts(random, seconds + WARM_UP)
    for _ in range(AGENTS):
        due = np.arange((seconds + WARM_UP) * RATE) / RATE - WARM_UP + random.uniform(0, 1 / RATE)
        sent = np.maximum.accumulate(way(random, due))
        sent[sent > seconds + DRAIN] = np.inf
        # A queue in order: each begins when it has come and the one before it has ended (Lindley 1952).
        at = np.clip(np.where(np.isfinite(sent), sent, seconds) + WARM_UP, 0, seconds + WARM_UP - 1)
        speed = np.exp(level[at.astype(int)])
        work = SERVICE * np.exp(SPREAD * random.normal(0, 1, due.size)) * speed
        before = np.cumsum(work) - work
        ended = np.maximum.accumulate(sent - before) + before + work
        ended[random.random(due.size) < FAILING * speed / math.exp(SHIFT * SHIFT / 2)] = np.inf
        made.append((due, sent, ended))
    return made


def shifts(random: Random, seconds: int) -> Floats:
    """The level of each second, remembered for `MEMORY` of the window."""
    kept = math.exp(-1 / (MEMORY * SECONDS))
    level = random.normal(0, 1, seconds)
    for at in range(1, seconds):
        level[at] = kept * level[at - 1] + math.sqrt(1 - kept * kept) * level[at]
    return SHIFT * level


def measured(made: list[tuple[Floats, Floats, Floats]]) -> HttpMeasurement:
    """What the suite would have measured of it."""
    blocks, agents, done = [], [], np.zeros(SECONDS)
    for number, (due, sent, ended) in enumerate(made):
        inside = np.isfinite(ended) & (ended >= 0) & (ended < SECONDS)
        done += np.histogram(ended[inside], SECONDS, (0, SECONDS))[0]
        parts = []
        for second in range(SECONDS):
            of = (due >= second) & (due < second + 1)
            good = of & np.isfinite(ended)
            unsent = int((of & ~np.isfinite(sent)).sum())
            counts = Counts(
                due=int(of.sum()),
                sent=int(of.sum()) - unsent,
                completed=int(good.sum()),
                unsent=unsent,
                errors={"http_5xx": int(of.sum() - good.sum()) - unsent},
                bytes=int(good.sum()) * point_of(Scale(AGENTS, SECONDS, RATE)).page_size,
            )
            times = Histogram.of(np.minimum(ended[good] - due[good], 3000.0))
            parts.append(Block(str(number), float(second), 1.0, counts, times, Histogram()))
        window = (due >= 0) & (due < SECONDS)
        lag = np.minimum(sent[window], SECONDS + DRAIN) - due[window]
        agents.append(
            GeneratorFacts(
                agent=str(number),
                host="",
                counts=total(part.counts for part in parts),
                response=Histogram.merged(part.response for part in parts),
                lag_p99=float(np.quantile(lag, 0.99)),
                lag_max=float(np.max(lag)),
                cpu=0.5,
                skew=0.0,
                clock_error=0.0,
                saturated=False,
            )
        )
        blocks += parts
    counts = total(block.counts for block in blocks)
    seconds = tuple(Second(float(at), 0, int(n), 0, 0, 0.0, 0.0, 0.0) for at, n in enumerate(done))
    return HttpMeasurement(
        point_id="simulated",
        duration=float(SECONDS),
        offered=float(AGENTS * RATE),
        achieved=achieved(seconds, counts, float(SECONDS)),
        throughput=0.0,
        counts=counts,
        response=Histogram.merged(block.response for block in blocks),
        service=Histogram(),
        seconds=seconds,
        blocks=tuple(blocks),
        agents=tuple(agents),
        missing={},
    )


def truth_of(random: Random) -> Truth:
    """From some hours in time."""
    times, due, good = [], 0, 0
    for _ in range(200):
        for at, _, ended in load(random, on_time):
            inside = at >= 0
            taken = ended[inside] - at[inside]
            times.append(taken)
            due += taken.size
            good += int(np.isfinite(taken).sum())
    found = np.quantile(np.concatenate(times), [percent / 100 for percent in PERCENTS], method="higher")
    return Truth(found, 1 - good / due, good / due)


def limits(truth: Truth, factor: float) -> list[HttpSla]:
    """One SLA for each check, its limit off the truth by `factor` to the generous side."""
    times = [
        {f"p{percent:g}": f"{value * factor * 1e6:.3f}us"}
        for percent, value in zip(PERCENTS, truth.percentiles, strict=True)
    ]
    return [
        *(
            HttpSla.model_construct(latency=Latency.model_validate(one), confidence=CONFIDENCE)
            for one in times
        ),
        HttpSla.model_construct(errors=min(0.9, truth.errors * factor), confidence=CONFIDENCE),
        HttpSla.model_construct(achieved=truth.achieved * (1 - 0.03 * (factor - 1)), confidence=CONFIDENCE),
    ]


def row(name: str, way: Lag, truth: Truth, runs: int, random: Random) -> bool:
    """Print one line; False if limits on the truth were passed too often."""
    point = replace(point_of(Scale(AGENTS, SECONDS, RATE)), warm_up=float(WARM_UP))
    on, far = limits(truth, 1), limits(truth, 20)
    passes, kept, lags, stands = [0] * len(on), [0] * len(on), [], [0] * len(on)
    for _ in range(runs):
        found = measured(load(random, way))
        lags.append(max(agent.lag_p99 for agent in found.agents))
        if why := validity(point, found):
            raise RuntimeError(f"what was simulated is no measurement: {why[0]}")
        for at, (tight, wide) in enumerate(zip(on, far, strict=True)):
            passes[at] += judge(point, found, tight, checks=1).outcome is Outcome.PASS
            kept[at] += judge(point, found, wide, checks=1).outcome is Outcome.PASS
            stands[at] += bool(sent_late(point, found, tight))
    bad = any(too_many(count, runs) for count in passes)
    cells = (" / ".join(f"{100 * count / runs:.1f}" for count in counts) for counts in (stands, passes, kept))
    mark = " **(too often)**" if bad else ""
    print(f"| {name}{mark} | {np.median(lags) * 1000:.0f} ms | {' | '.join(cells)} |", flush=True)
    return not bad


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few runs")
    parser.add_argument("--runs", type=int, default=400, help="runs of each way to lag")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    runs, started = 40 if options.quick else options.runs, time.monotonic()
    truth = truth_of(random)
    print("Rates in %, for p50 / p99 / errors / achieved.\n")
    print("| generators send | p99 of the lag | lag stands | on the limit: pass | limits far off: pass |")
    print("|---|---|---|---|---|")
    holds = [row(name, way, truth, runs, random) for name, way in WAYS.items()]
    print(f"\n{runs} runs a line, seed {options.seed}, {time.monotonic() - started:.0f} s.")
    return 0 if all(holds) else 1


if __name__ == "__main__":
    sys.exit(main())
