"""How often the gate errs: clouds of known truth, judged by the shipped code.

    python benchmarks/gate_error_rates.py            # minutes; its output stands in docs/statistics.md
    python benchmarks/gate_error_rates.py --quick    # seconds

A cloud's level shifts with the second (by `shift` standard deviations of what it measures, remembered for
`memory` of the window), and from generator to generator. Some change in other ways: with a period, in
bursts, at once in the middle of the window, all the time in one direction. Its true percentiles, error rate
and rate are known. Each check is made with its limit on the true value, where both pass and fail are errors
and each must stay under the error probability; and, in a quarter of the runs, with a limit that is clearly
kept and with one that is clearly broken. Where a point is looked at three times, what counts is what came
of it in the end. The exit code is 1 if a cloud within the method's assumptions errs too often.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc, ndtri

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Block, Counts, HttpMeasurement, Second
from kb_tests.measure.http.merge import total
from kb_tests.scenario.http import HttpPoint, HttpSla
from kb_tests.scenario.model import Latency
from kb_tests.sla.bounds import batches, number_of_batches
from kb_tests.sla.http.judge import judge, number_of_checks
from kb_tests.sla.verdict import Outcome

MEDIAN, SPREAD = 0.002, 0.5
PERCENTS = (50.0, 99.0, 99.9)
ERRORS = 0.01
ACHIEVED = 0.98
RARE = 0.002
CONFIDENCE = 0.95
Floats = npt.NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True)
class Scale:
    """Generators, seconds of the window, requests per second and generator; seconds of `further` looks."""

    agents: int
    seconds: int
    rate: int
    further: tuple[int, ...] = ()

    @property
    def looks(self) -> tuple[int, ...]:
        """Seconds of each look."""
        return (self.seconds, *self.further)

    def __str__(self) -> str:
        return f"{self.agents} x {' + '.join(map(str, self.looks))} s x {self.rate}/s"


@dataclass(frozen=True)
class Cloud:
    """A cloud of known truth; `measures` says which of its sides is judged.

    `slow`: by how much each second generator's server is slower; `agents`: standard deviation between
    generators, drawn from a larger population; `heavy`: share of the answers from a Pareto tail; `errors`: of
    the requests; `bursts`: share of the seconds in which errors happen; `remembered`: `memory` in seconds;
    `period` in seconds, `step` and `drift` over the (first) window, in standard deviations; `assumed`: from
    how many seconds on the method claims to hold for it.
    """

    name: str
    measures: str = "latency"
    shift: float = 0.0
    memory: float = 0.0
    slow: float = 0.0
    agents: float = 0.0
    heavy: float = 0.0
    errors: float = 0.0
    bursts: float = 1.0
    remembered: float = 0.0
    period: float = 0.0
    step: float = 0.0
    drift: float = 0.0
    assumed: float = 0.0

    def levels(self, random: Random, scale: Scale) -> Floats:
        """The level of each second of all looks, which follow each other, in standard deviations."""
        seconds = sum(scale.looks)
        memory = self.remembered or self.memory * scale.seconds
        kept = math.exp(-1 / memory) if memory else 0.0
        steps = random.normal(0, 1, seconds)
        level = steps.copy()
        for second in range(1, seconds):
            level[second] = kept * level[second - 1] + math.sqrt(1 - kept * kept) * steps[second]
        if self.period:  # of the same standard deviation
            phase = random.uniform(0, 2 * math.pi)
            level = math.sqrt(2) * np.sin(2 * math.pi * np.arange(seconds) / self.period + phase)
        return self.shift * level + self.trend(np.arange(seconds) % scale.seconds / scale.seconds)

    def trend(self, at: Floats) -> Floats:
        """What is added at these places of a window, 0 to 1."""
        return self.step * (at >= 0.5) + self.drift * (at - 0.5)

    def on(self, random: Random, scale: Scale) -> npt.NDArray[np.bool_]:
        """In which seconds of all looks errors happen."""
        if not self.memory and not self.remembered:
            return random.random(sum(scale.looks)) < self.bursts
        return replace(self, shift=1.0).levels(random, scale) < float(ndtri(self.bursts))

    def offsets(self, random: Random, count: int) -> Floats:
        """What each generator adds to the level."""
        return random.normal(0, self.agents, count) + self.slow * (np.arange(count) % 2)

    def times(self, random: Random, levels: Floats) -> Floats:
        """One response time for each level, in seconds."""
        times = MEDIAN * np.exp(SPREAD * (random.normal(0, 1, levels.shape) + levels))
        if self.heavy:
            tail = random.random(levels.shape) < self.heavy
            times[tail] *= 5 * random.pareto(1.5, int(tail.sum())) + 5
        return np.minimum(times, 1000.0)

    def true_percentiles(self, random: Random) -> Floats:
        """From four million answers of as many seconds."""
        count = 4_000_000
        shifts = random.normal(0, 1, count)
        if self.period:
            shifts = math.sqrt(2) * np.sin(random.uniform(0, 2 * math.pi, count))
        levels = self.shift * shifts + self.offsets(random, count)
        if self.step or self.drift:
            levels += self.trend(random.random(count))
        return np.quantile(self.times(random, levels), [percent / 100 for percent in PERCENTS])


BEYOND = math.inf
CLOUDS = (
    Cloud("steady"),
    Cloud("shifting, remembered for 5 % of the window", shift=0.3, memory=0.05),
    Cloud("shifting, remembered for 10 %", shift=0.3, memory=0.1),
    Cloud("shifting, remembered for 3 s", shift=0.3, remembered=3, assumed=30),
    Cloud("the same with a heavy tail", shift=0.3, memory=0.05, heavy=0.005),
    Cloud("with a period of 7 s", shift=0.3, period=7, assumed=30),
    Cloud("slower by 0.5 from the middle of the window on", step=0.5),
    Cloud("slower and slower, by 0.6 over the window", drift=0.6),
    Cloud("half of the servers slow, shifting", shift=0.2, memory=0.05, slow=1.0),
    Cloud("servers of a larger cloud differ", shift=0.2, memory=0.05, agents=0.3),
    Cloud("shifting by 0.5, remembered for 10 %", shift=0.5, memory=0.1, assumed=BEYOND),
    Cloud("shifting by 1.0, remembered for 5 %", shift=1.0, memory=0.05, assumed=BEYOND),
    Cloud("shifting, remembered for a third", shift=0.3, memory=0.33, assumed=BEYOND),
    Cloud("errors at any time", "errors", errors=ERRORS),
    Cloud("errors in half of the seconds", "errors", errors=ERRORS, bursts=0.5),
    Cloud("errors in a fifth of the seconds", "errors", errors=ERRORS, bursts=0.2, assumed=25),
    Cloud("errors in 2 % of the seconds", "errors", errors=ERRORS, bursts=0.02, assumed=BEYOND),
    Cloud("half of the seconds bad, remembered for 5 %", "errors", memory=0.05, errors=0.5, bursts=0.5),
    Cloud("half of the seconds bad, remembered for 10 %", "errors", memory=0.1, errors=0.5, bursts=0.5),
    Cloud(
        "half of the seconds bad, remembered for 3 s",
        "errors",
        remembered=3,
        errors=0.5,
        bursts=0.5,
        assumed=30,
    ),
    Cloud("rate wavers by 0.5 %", "achieved", shift=0.005),
    Cloud("rate wavers by 2 %, remembered for 3 %", "achieved", shift=0.02, memory=0.03),
    Cloud("rate kept but for 0.2 %, at any time", "achieved", errors=RARE),
    Cloud("rate kept but for 0.2 %, in half of the seconds", "achieved", errors=RARE, bursts=0.5),
    Cloud("rate kept but for 0.2 %, in a fifth of them", "achieved", errors=RARE, bursts=0.2, assumed=25),
    Cloud("rate wavers by 2 %, remembered for a third", "achieved", shift=0.02, memory=0.33, assumed=BEYOND),
)
SCALES = (
    Scale(2, 5, 500),
    Scale(2, 30, 500),
    Scale(8, 30, 125),
    Scale(16, 60, 60),
)
LONG_SCALES = (
    Scale(2, 30, 200, (60, 120)),
    Scale(2, 600, 50),
)


def scales(cloud: Cloud) -> tuple[Scale, ...]:
    """Where `cloud` is judged: long windows and looks only where the method claims anything."""
    return SCALES if math.isinf(cloud.assumed) else SCALES + LONG_SCALES


def run(cloud: Cloud, scale: Scale, random: Random) -> list[HttpMeasurement]:
    """What each look at one point measures on `cloud`."""
    levels = cloud.levels(random, scale)
    offsets = cloud.offsets(random, scale.agents)
    on = cloud.on(random, scale) if cloud.errors else np.zeros(levels.size, bool)
    ends = np.cumsum(scale.looks)
    return [
        _look(
            cloud,
            replace(scale, seconds=length),
            levels[end - length : end],
            offsets,
            on[end - length : end],
            random,
        )
        for length, end in zip(scale.looks, ends, strict=True)
    ]


def _look(
    cloud: Cloud, scale: Scale, levels: Floats, offsets: Floats, on: npt.NDArray[np.bool_], random: Random
) -> HttpMeasurement:
    offered = scale.agents * scale.rate
    blocks, done = [], np.full(scale.seconds, float(offered))
    bad = np.zeros((scale.agents, scale.seconds), int)
    if cloud.errors:
        bad = random.binomial(scale.rate, on * cloud.errors / cloud.bursts, bad.shape)
        done -= bad.sum(axis=0)
    elif cloud.measures == "achieved":
        done = np.rint(offered * ACHIEVED * (1 + levels))
    for agent in range(scale.agents):
        for part in batches(
            scale.seconds, number_of_batches(scale.seconds)
        ):  # longer blocks than a second: the judge would join them
            length = part.stop - part.start
            good = scale.rate - bad[agent, part]
            if cloud.measures == "latency":
                histogram = Histogram.of(cloud.times(random, np.repeat(levels[part] + offsets[agent], good)))
            else:
                histogram = Histogram.of(np.array([MEDIAN]), good.sum(keepdims=True))
            due = scale.rate * length
            lost = due - histogram.count
            counts = Counts(due=due, sent=due, completed=due - lost, errors={"http_5xx": lost})
            blocks.append(Block(str(agent), float(part.start), float(length), counts, histogram, histogram))
    return HttpMeasurement(
        point_id="simulated",
        duration=float(scale.seconds),
        offered=float(offered),
        achieved=float(done.mean()),
        throughput=0.0,
        counts=total(block.counts for block in blocks),
        response=Histogram.merged(block.response for block in blocks),
        service=Histogram(),
        seconds=tuple(Second(float(at), 0, int(n), 0, 0, 0.0, 0.0, 0.0) for at, n in enumerate(done)),
        blocks=tuple(blocks),
        agents=(),
        missing={},
    )


def sla(cloud: Cloud, truth: Sequence[float], slower: float, errors: float, achieved: float) -> HttpSla:
    """Limits on what the cloud measures, off the truth by these factors."""
    match cloud.measures:
        case "errors":
            limit = min(cloud.errors * errors, (1 + cloud.errors) / 2 if errors > 1 else cloud.errors)
            return HttpSla.model_construct(errors=limit, confidence=CONFIDENCE)
        case "achieved":
            limit = ACHIEVED * achieved
            if cloud.errors:
                limit = (1 - cloud.errors) * achieved if achieved <= 1 else 1 - cloud.errors / 5
            return HttpSla.model_construct(achieved=limit, confidence=CONFIDENCE)
        case _:
            pairs = zip(PERCENTS, truth, strict=True)
            times = {f"p{percent:g}": f"{value * slower * 1e6:.3f}us" for percent, value in pairs}
            return HttpSla.model_construct(latency=Latency.model_validate(times), confidence=CONFIDENCE)


def point_of(scale: Scale) -> HttpPoint:
    return HttpPoint(
        id="simulated",
        scenario="simulated",
        clients=scale.agents,
        rate=scale.rate,
        connections=100,
        page_size=1024,
        keep_alive=True,
        warm_up=1.0,
        duration=float(scale.seconds),
        max_duration=float(scale.seconds),
        timeout=3000.0,
    )


def too_many(wrong: int, runs: int) -> bool:
    """Whether so many wrong verdicts speak against the stated confidence, at odds of 1 to 10,000."""
    return wrong > 0 and float(bdtrc(wrong - 1, runs, 1 - CONFIDENCE)) < 1e-4


def judged(
    scale: Scale, looks: Sequence[HttpMeasurement], limits: HttpSla, checks: int
) -> dict[str, Outcome]:
    """What came of each check: of a point of one check it is what the first look says that can decide it."""
    found: dict[str, Outcome] = {}
    for number, look in enumerate(looks, start=1):
        verdict = judge(
            point_of(scale),
            look,
            limits,
            checks=checks,
            look=number,
            looks=len(looks),
            earlier=looks[: number - 1],
        )
        for check in verdict.checks:
            if found.get(check.name, Outcome.INCONCLUSIVE) is Outcome.INCONCLUSIVE:
                found[check.name] = check.outcome
        if Outcome.INCONCLUSIVE not in found.values():
            break
    return found


def rates(cloud: Cloud, scale: Scale, truth: Sequence[float], runs: int, random: Random) -> bool:
    """Print one line, each cell with the rates of the cloud's checks; False if one errs too often."""
    slas = (
        sla(cloud, truth, 1, 1, 1),
        sla(cloud, truth, 3, 5, 0.95),
        sla(cloud, truth, 1 / 3, 1 / 5, 1.05),
    )
    tallies: list[dict[str, Counter[Outcome]]] = [{}, {}, {}]
    for number in range(runs):
        looks = run(cloud, scale, random)
        for limits, tally in list(zip(slas, tallies, strict=True))[: 1 if number % 4 else 3]:
            for name, outcome in judged(scale, looks, limits, checks=1).items():
                tally.setdefault(name, Counter())[outcome] += 1
    on, kept, broken = tallies
    wanted = ((on, Outcome.PASS), (on, Outcome.FAIL), (kept, Outcome.PASS), (broken, Outcome.FAIL))
    columns = [[tally[name][outcome] for name in on] for tally, outcome in wanted]
    tried = (runs, runs, math.ceil(runs / 4), math.ceil(runs / 4))
    assumed = scale.seconds >= cloud.assumed
    bad = assumed and any(too_many(count, runs) for column in columns[:2] for count in column)
    cells = " | ".join(
        " / ".join(f"{100 * count / of:.1f}" for count in column)
        for column, of in zip(columns, tried, strict=True)
    )
    mark = " **(too often)**" if bad else "" if assumed else " *(beyond)*"
    print(f"| {cloud.name}{mark} | {scale} | {cells} |", flush=True)
    return not bad


def whole_runs(runs: int, random: Random, scale: Scale) -> bool:
    """Print how often a whole run of six points errs anywhere; False if too often."""
    cloud, points = CLOUDS[1], 6
    limits = sla(cloud, [float(value) for value in cloud.true_percentiles(random)], 1, 1, 1)
    checks = points * number_of_checks(limits)
    passed = failed = 0
    for _ in range(runs):
        made = [judged(scale, run(cloud, scale, random), limits, checks) for _ in range(points)]
        outcomes = {outcome for one in made for outcome in one.values()}
        passed += Outcome.PASS in outcomes
        failed += Outcome.FAIL in outcomes
    print(
        f"\n{runs} whole runs of {points} points of {scale}, {checks} checks all on their limits:"
        f" {100 * passed / runs:.1f} % have a pass anywhere, {100 * failed / runs:.1f} % a fail."
    )
    return not too_many(passed, runs) and not too_many(failed, runs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few runs of the smallest scale")
    parser.add_argument("--runs", type=int, default=400, help="runs of each cloud and scale")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", metavar="WORDS", help="clouds with these words in their name")
    options = parser.parse_args()
    runs = 40 if options.quick else options.runs
    started, holds = time.monotonic(), True
    print("Rates in %; for latency of p50 / p99 / p99.9.\n")
    print("| cloud | scale | on the limit: pass | on the limit: fail | kept: pass | broken: fail |")
    print("|---|---|---|---|---|---|")
    for number, cloud in enumerate(CLOUDS):
        if options.only not in cloud.name:
            continue
        random = np.random.default_rng([options.seed, number])
        truth = []
        if cloud.measures == "latency":
            truth = [float(value) for value in cloud.true_percentiles(random)]
        for scale in SCALES[:1] if options.quick else scales(cloud):
            if not cloud.agents or scale.agents >= 8:
                holds = rates(cloud, scale, truth, runs, random) and holds
    if not options.only:
        for scale in (Scale(2, 30, 300), Scale(2, 30, 100, (60, 120))):
            holds = whole_runs(runs // 5, np.random.default_rng([options.seed]), scale) and holds
    print(
        f"\nThe stated confidence of {CONFIDENCE:.0%} {'holds' if holds else 'does not hold'}:"
        f" {runs} runs a line, seed {options.seed}, {time.monotonic() - started:.0f} s."
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
