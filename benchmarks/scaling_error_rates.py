"""How often a peak is claimed that is not there: progressions of known truth, fitted by the shipped code.

    python benchmarks/scaling_error_rates.py            # a minute; its output stands in docs/scaling.md
    python benchmarks/scaling_error_rates.py --quick    # seconds

What each scale is given is the true curve with noise of a known size. "A peak on paper" is one that the
best curve has within twice the largest scale, which tools print that print whatever comes out. The exit
code is 1 if a peak is claimed where there is none, or if intervals hold it in clearly less than 95 % of the
progressions.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr

from kb_tests.sla.scaling import CONFIDENCE, Scale, Scaling, scaling

SCALES = (1, 2, 4, 6, 8, 12, 16, 24, 32)
NOISES = (0.02, 0.05, 0.10)
FAR = 64


@dataclass(frozen=True)
class Truth:
    """A law, or where `flat` is given no law: linear up to so many clients, and no more from there on."""

    name: str
    a: float = 0.0
    b: float = 0.0
    flat: float = math.inf

    def rate(self, clients: float) -> float:
        if math.isfinite(self.flat):
            return min(clients, self.flat)
        return clients / (1 + self.a * (clients - 1) + self.b * clients * (clients - 1))

    @property
    def peak(self) -> float:
        return math.sqrt((1 - self.a) / self.b) if self.b else math.inf


TRUTHS = (
    Truth("a 0.05, b 0: no peak", 0.05),
    Truth("a 0.20, b 0: no peak", 0.20),
    Truth("a 0, b 0: no peak", 0.0),
    Truth("no law: linear to 20, then flat", flat=20),
    Truth("a 0.02, b 0.0005: peak at 44, beyond what ran", 0.02, 0.0005),
    Truth("a 0.05, b 0.002: peak at 22", 0.05, 0.002),
    Truth("a 0.10, b 0.005: peak at 13", 0.10, 0.005),
)


def progression(truth: Truth, noise: float, random: np.random.Generator) -> Scaling:
    """One progression, its noise known."""
    rates = [truth.rate(clients) * math.exp(noise * random.normal()) for clients in SCALES]
    return scaling([Scale(clients, rate, noise) for clients, rate in zip(SCALES, rates, strict=True)])


def row(truth: Truth, noise: float, runs: int, random: np.random.Generator) -> bool:
    """Print one line; False if it is not as stated."""
    paper = claimed = holds = refused = 0
    off = []
    for _ in range(runs):
        found = progression(truth, noise, random)
        law = found.law
        if law is None:
            refused += 1
            continue
        paper += law.peak <= 2 * SCALES[-1]
        claimed += law.claimed
        holds += law.peak_low <= truth.peak <= law.peak_high
        off.append(abs(law.at(FAR)[0] / truth.rate(FAR) - 1))
    fitted = runs - refused
    wrong = bool(claimed) and not truth.b
    missed = math.isinf(truth.flat) and fitted > 0 and float(bdtr(holds, fitted, CONFIDENCE)) < 1e-4
    mark = " **(wrong)**" if wrong or missed else ""
    cover = f"{100 * holds / fitted:.0f}" if fitted and math.isinf(truth.flat) else "-"
    far = f"{100 * np.median(off):.0f} / {100 * np.quantile(off, 0.9):.0f}" if off else "-"
    cells = (f"{100 * count / runs:.0f}" for count in (refused, paper, claimed))
    print(f"| {truth.name}{mark} | {noise:.0%} | {' | '.join(cells)} | {cover} | {far} |", flush=True)
    return not wrong and not missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few progressions")
    parser.add_argument("--runs", type=int, default=200, help="progressions a line")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    runs, started, good = 20 if options.quick else options.runs, time.monotonic(), True
    print(
        "| truth | noise | refused, % | a peak on paper, % | a peak claimed, % | interval holds it, %"
        f" | X({FAR}) off, median / p90, % |"
    )
    print("|---|---|---|---|---|---|---|")
    for number, truth in enumerate(TRUTHS):
        for noise in NOISES:
            random = np.random.default_rng([options.seed, number, round(100 * noise)])
            good = row(truth, noise, runs, random) and good
    print(f"\n{runs} progressions a line, seed {options.seed}, {time.monotonic() - started:.0f} s.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
