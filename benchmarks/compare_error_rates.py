"""Is B called slower than A when it is not? Clouds of known truth, judged by the shipped code.

    python benchmarks/compare_error_rates.py            # half an hour; its output stands in docs/compare.md
    python benchmarks/compare_error_rates.py --quick    # two minutes
    python benchmarks/compare_error_rates.py --only pairs    # one table; each has random numbers of its own
    python benchmarks/compare_error_rates.py --only points --ratio 1.2 --repetitions 6000    # a column

Response times are log-normal (log sd 0.5), their level shifts by 0.3 of that, remembered for 3 s; points of
30 s at 1,000 requests/s. B is as fast as A, or slower by 5, 10, 20 %. Naive tests stand beside ours. The exit
code is 1 where ours call B slower more often than they state, beyond what chance makes of the repetitions.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, mannwhitneyu, ttest_ind

from kb_tests.compare.changes import changes, critical
from kb_tests.compare.estimate import Estimate, joined, of_percentile, pooled
from kb_tests.compare.ratio import Ratio, of_pairs, of_runs, of_unequal, within
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.latency import Latency
from simulated.shifting import Cloud

RATE, SECONDS, CAP = 1000, 30, 5.0
LEVEL = math.log(0.01)
RATIOS = (1.0, 1.05, 1.1, 1.2)
PERCENTS = (50.0, 99.0)
TIGHT = math.log(1.1)
BETWEEN, POINTS = 0.05, 6
PAIRS = (3, 4, 6, 8, 12, 16, 24)
Random = np.random.Generator
Floats = npt.NDArray[np.float64]
faults: list[str] = []


@dataclass(frozen=True)
class Measured:
    """One point: what the shipped code makes of it, and what naive tests take."""

    logs: Floats
    parts: Floats
    estimates: tuple[Estimate, ...]


def measured(cloud: Cloud, ratio: float) -> Measured:
    logs = cloud.logs(LEVEL + math.log(ratio), RATE, SECONDS)
    slices = joined(SECONDS, SECONDS)
    parts = [Latency(Histogram.of(np.exp(logs[part]))) for part in slices]
    whole = Latency.merged(parts)
    found = [of_percentile(percent, whole, parts, SECONDS, CAP) for percent in PERCENTS]
    batches = np.array([[math.log(part.percentile(percent)) for percent in PERCENTS] for part in parts])
    return Measured(logs.ravel(), batches, tuple(one for one in found if one))


def hold(name: str, hits: int, reps: int, stated: float) -> None:
    """Note a fault where `hits` are more than `stated` of `reps` by more than chance (1 in 1,000)."""
    if binom.sf(hits - 1, reps, stated) < 0.001:
        faults.append(f"{name}: {hits} of {reps} where {stated:.0%} is stated")


def cells(row: Sequence[str]) -> str:
    return "".join(f"{cell:>16s}" for cell in row)


def one_against_one(reps: int, random: Random, ratios: Sequence[float]) -> None:
    print("\nOne point against one, one staging: 'slower' in % (p50 / p99)")
    print(f"{'test':44s}{cells(['same', '+5 %', '+10 %', '+20 %'])}")
    hits: dict[str, dict[float, Floats]] = defaultdict(lambda: defaultdict(lambda: np.zeros(2)))
    for ratio in ratios:
        for _ in range(reps):
            cloud = Cloud(random)
            a, b = measured(cloud, 1.0), measured(cloud, ratio)
            worse = [y.log - x.log > TIGHT for x, y in zip(a.estimates, b.estimates, strict=True)]
            hits["figure more than 10 % worse"][ratio] += worse
            requests = mannwhitneyu(b.logs[::10], a.logs[::10], alternative="greater").pvalue < 0.05
            hits["Mann-Whitney on requests (a tenth), 5 %"][ratio] += requests
            ranks = mannwhitneyu(b.parts, a.parts, alternative="greater").pvalue < 0.05
            hits["Mann-Whitney on 8 batches against 8, 5 %"][ratio] += ranks
            welch = ttest_ind(b.parts, a.parts, equal_var=False, alternative="greater").pvalue
            hits["Welch's t on batches as they are, 5 %"][ratio] += welch < 0.05
            hits["Welch's t on batches as they are, 1 %"][ratio] += welch < 0.01
            ours = [within([x], [y]) for x, y in zip(a.estimates, b.estimates, strict=True)]
            for alpha in (0.05, 0.01):
                hits[f"kb compare, {alpha:.0%}"][ratio] += [one.low(alpha) > 0 for one in ours]
    for name, by_ratio in hits.items():
        row = [
            "/".join(f"{100 * one / reps:.1f}" for one in by_ratio[ratio]) if ratio in ratios else "-"
            for ratio in RATIOS
        ]
        print(f"{name:44s}{cells(row)}", flush=True)
    for alpha in (0.05, 0.01):
        for index, percent in enumerate(PERCENTS):
            found = int(hits[f"kb compare, {alpha:.0%}"][1.0][index])
            hold(f"one against one, p{percent:g}, {alpha:.0%}", found, reps, alpha)


def many_pairs(reps: int, random: Random, ratios: Sequence[float], slow: float = 0.0) -> None:
    drift = f", a further shift of {slow:.0%} remembered for 5 min" if slow else ""
    print(f"\nn pairs in turns (A-B-B-A), one staging{drift}: 'slower' in % at 5 % (1 %), p99;")
    print("'not slower by 10 %' at 5 %; and how often naive tests call B slower where nothing is: means 10 %")
    print("apart / Welch's t, as if they were no pairs / Mann-Whitney on requests (a hundredth)")
    passing = "".join(f"{told:>10s}" for told in ("pass +0", "pass +5", "pass +10"))
    print(f"{'n':>3s} {'min':>5s}{cells(['same', '+5 %', '+10 %', '+20 %'])}{passing}{'naive, same':>20s}")
    found: dict[tuple[int, float], list[Ratio]] = defaultdict(list)
    naive: dict[int, Floats] = defaultdict(lambda: np.zeros(3))
    for ratio in ratios:
        for _ in range(reps):
            cloud, turns = Cloud(random, slow=slow), []
            for turn in range(max(PAIRS)):
                sides = {}
                for side in (0, 1) if turn % 2 == 0 else (1, 0):
                    sides[side] = measured(cloud, ratio if side else 1.0)
                turns.append((sides[0], sides[1]))
            for count in PAIRS:
                pairs = [(a.estimates[1], b.estimates[1]) for a, b in turns[:count]]
                found[count, ratio].append(of_pairs(pairs))
                if ratio == 1.0:
                    naive[count] += _naively(turns[:count])
    for count in PAIRS:
        row, passes = [], []
        for ratio in RATIOS:
            ours = found[count, ratio]
            if not ours:
                row.append("-")
                passes.append(0)
                continue
            at = {alpha: sum(one.low(alpha) > 0 for one in ours) for alpha in (0.05, 0.01)}
            row.append(f"{100 * at[0.05] / reps:.1f} ({100 * at[0.01] / reps:.1f})")
            passes.append(sum(one.high(0.05) < TIGHT for one in ours))
            if ratio == 1.0:
                for alpha, hits in at.items():
                    hold(f"{count} pairs{drift}, {alpha:.0%}", hits, reps, alpha)
        hold(f"{count} pairs{drift}, wrong pass", passes[2], reps, 0.05)
        told = "".join(f"{100 * one / reps:10.1f}" for one in passes[:3])
        beside = " / ".join(f"{100 * one / reps:.1f}" for one in naive[count])
        minutes = 2 * count * (SECONDS + 5) / 60
        print(f"{count:3d} {minutes:5.1f}{cells(row)}{told}{beside:>20s}", flush=True)


def _naively(turns: Sequence[tuple[Measured, Measured]]) -> list[bool]:
    """Whether B is called slower by its mean, by Welch's t of all points, by Mann-Whitney on requests."""
    a, b = (np.array([one.estimates[1].log for one in side]) for side in zip(*turns, strict=True))
    requests = [np.concatenate([one.logs[::100] for one in side]) for side in zip(*turns, strict=True)]
    return [
        bool(np.exp(b).mean() > 1.1 * np.exp(a).mean()),
        bool(ttest_ind(b, a, equal_var=False, alternative="greater").pvalue < 0.05),
        bool(mannwhitneyu(requests[1], requests[0], alternative="greater").pvalue < 0.05),
    ]


def run_of(bank: Sequence[Estimate], random: Random, ratio: float) -> Estimate:
    """A run of POINTS points on a staging of its own: the mean of its points."""
    level = random.normal(0.0, BETWEEN) + math.log(ratio)
    drawn = [bank[index] for index in random.integers(len(bank), size=POINTS)]
    return pooled(
        [Estimate(one.log + level, one.mean + level, one.error, one.freedom, one.floor) for one in drawn]
    )


def one_against_runs(reps: int, random: Random, bank: Sequence[Estimate]) -> None:
    print("\nThe same, one run against several (the gate): 'slower' in % at 5 %; 'not slower by 10 %' at 5 %")
    print(f"{'baseline':>12s}{cells(['same', '+5 %', '+10 %', '+20 %'])}{cells(['pass +0', 'pass +10'])}")
    for count in (3, 5, 8, 12, 20):
        slower, passes = [], []
        for ratio in RATIOS:
            told = [
                of_unequal([run_of(bank, random, 1.0) for _ in range(count)], [run_of(bank, random, ratio)])
                for _ in range(reps)
            ]
            slower.append(sum(one.low(0.05) > 0 for one in told))
            passes.append(sum(one.high(0.05) < TIGHT for one in told))
        hold(f"one run against {count}", slower[0], reps, 0.05)
        hold(f"one run against {count}, wrong pass", passes[2], reps, 0.05)
        row = [f"{100 * one / reps:.1f}" for one in (*slower, passes[0], passes[2])]
        print(f"{count:12d}{cells(row)}", flush=True)


def bank_of(random: Random) -> list[Estimate]:
    """Log p99 of points at one level, each on a cloud of its own."""
    return [measured(Cloud(random), 1.0).estimates[1] for _ in range(600)]


def sets_of_runs(reps: int, random: Random, bank: Sequence[Estimate]) -> None:
    sd = float(np.std([one.log for one in bank]))
    print(f"\nRuns, each staged by itself, {BETWEEN:.0%} apart (log sd), {POINTS} points each, whose log p99")
    print(f"has sd {sd:.3f}. 'slower' in % at 5 % / 1 %; and as if the points of all runs were the unit, 5 %")
    print(f"{'a side':>12s}{cells(['same', '+5 %', '+10 %', '+20 %', 'naive, same'])}")

    def run(ratio: float) -> list[Estimate]:
        level = random.normal(0.0, BETWEEN) + math.log(ratio)
        drawn = [bank[index] for index in random.integers(len(bank), size=POINTS)]
        return [
            Estimate(one.log + level, one.mean + level, one.error, one.freedom, one.floor) for one in drawn
        ]

    for count in (1, 2, 3, 4, 5, 8, 12):
        row = []
        naive = 0
        for ratio in RATIOS:
            hits = {0.05: 0, 0.01: 0}
            times = reps * (5 if ratio == 1.0 else 1)
            for _ in range(times):
                a, b = [run(1.0) for _ in range(count)], [run(ratio) for _ in range(count)]
                units = [pooled(one) for one in a], [pooled(one) for one in b]
                told = of_runs(*units) if count >= 3 else within(*units)
                for alpha in hits:
                    hits[alpha] += told.low(alpha) > 0
                if ratio == 1.0:
                    every = [[each.log for one in side for each in one] for side in (b, a)]
                    naive += bool(ttest_ind(*every, equal_var=False, alternative="greater").pvalue < 0.05)
            row.append(f"{100 * hits[0.05] / times:.1f}/{100 * hits[0.01] / times:.1f}")
            if ratio == 1.0 and count >= 3:
                for alpha, number in hits.items():
                    hold(f"{count} runs a side, {alpha:.0%}", number, times, alpha)
        note = "" if count >= 3 else "   no verdict: says that these runs differ"
        print(f"{count:12d}{cells([*row, f'{100 * naive / reps / 5:.1f}'])}{note}", flush=True)


def history(reps: int, random: Random) -> None:
    count, sd = 24, 0.057
    print(f"\nHistory of {count} runs, {sd:.1%} apart, at 1 % (critical value {critical(count):.2f})")

    def series(resemblance: float) -> Floats:
        rows = random.normal(size=count)
        for place in range(1, count):
            rows[place] = resemblance * rows[place - 1] + math.sqrt(1 - resemblance**2) * rows[place]
        return rows * sd

    for resemblance in (0.0, 0.4, 0.7):
        hits = sum(bool(changes(series(resemblance).tolist())) for _ in range(reps))
        print(f"  nothing changed, neighbours correlate by {resemblance}: alarm in {100 * hits / reps:.1f} %")
        if not resemblance:
            hold("history", hits, reps, 0.01)
    naive = 0
    for _ in range(reps):
        logs = series(0.0)
        naive += bool(np.any(np.abs(np.diff(logs)) > TIGHT))
    print(f"  naive, any run more than 10 % off the one before: alarm in {100 * naive / reps:.1f} %")
    for ratio in RATIOS[1:]:
        row = []
        for after in (3, 4, 6, 8, 12):
            hits = 0
            for _ in range(reps):
                logs = series(0.0)
                logs[-after:] += math.log(ratio)
                hits += any(abs(one.at - (count - after)) <= 1 for one in changes(logs.tolist()))
            row.append(f"after {after}: {100 * hits / reps:.0f}")
        print(f"  +{(ratio - 1) * 100:.0f} %, found to a run in %: {', '.join(row)}", flush=True)


def tables(
    scale: int, ratios: Sequence[float] = RATIOS, repetitions: int = 0
) -> dict[str, Callable[[Random], None]]:
    """Each by its name; `scale` is what their repetitions are divided by. Those of points and pairs may have
    some of the `ratios` alone, and so many `repetitions`.
    """
    return {
        "history": lambda random: history(2000 // scale, random),
        "runs": lambda random: sets_of_runs(2000 // scale, random, bank_of(random)),
        "gate": lambda random: one_against_runs(10_000 // scale, random, bank_of(random)),
        "points": lambda random: one_against_one(repetitions or 1200 // scale, random, ratios),
        "pairs": lambda random: many_pairs(repetitions or 300 // scale, random, ratios),
        "drift": lambda random: many_pairs(repetitions or 150 // scale, random, ratios, slow=0.1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few repetitions")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=tables(1), action="append", help="this table (repeatable)")
    parser.add_argument(
        "--ratio", type=float, choices=RATIOS, action="append", help="of points and pairs (repeatable)"
    )
    parser.add_argument("--repetitions", type=int, default=0, help="of points and pairs")
    options = parser.parse_args()
    chosen = tables(10 if options.quick else 1, options.ratio or RATIOS, options.repetitions)
    for place, (name, table) in enumerate(chosen.items()):
        began = time.monotonic()
        if not options.only or name in options.only:
            table(np.random.default_rng([options.seed, place]))
            print(f"({name}, seed {options.seed}, {time.monotonic() - began:.0f} s)", flush=True)
    for fault in faults:
        print(f"FAULT {fault}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
