"""Is somebody healthy blamed? Clouds of known truth, judged by the shipped code.

    python benchmarks/culprit_error_rates.py            # some minutes; its output stands in docs/culprits.md
    python benchmarks/culprit_error_rates.py --quick    # a tenth of the repetitions

Servers on hosts, one point of 30 s at 100 requests/s each. A server's logarithm of a percentile is off by its
own shifts (0.3 of the log sd of 0.5, remembered for 3 s), by the sampling of the percentile, and by what
hosts and servers differ by anyway. Naive tests stand beside ours. The exit code is 1 where ours blame
somebody in more of the clouds in which nothing is slow than is stated, beyond what chance makes of that.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter
from scipy.stats import binom, norm

from kb_tests.culprits.blame import Level, Server, blame
from kb_tests.culprits.find import ERROR

Floats = npt.NDArray[np.float64]
SPREAD, SHIFT, MEMORY, SECONDS, REQUESTS = 0.5, 0.3, 3.0, 30, 3000
SLOW_HOST, SLOW_SERVER = "h3", "h3s2"
STATED = 2 * ERROR
"""Of servers beside their neighbours, and of hosts."""

faults: list[str] = []


@dataclass(frozen=True)
class Cloud:
    """`hosts` of `each` servers that differ by the log standard deviations `apart` (hosts, servers) anyway.

    `slow` hosts are `times` as slow, one server is `server` times as slow; the mean of `points` is taken.
    The first hosts have only as many servers as `fewer` says.
    """

    hosts: int = 20
    each: int = 5
    apart: tuple[float, float] = (0.03, 0.05)
    slow: int = 0
    times: float = 1.0
    server: float = 1.0
    points: int = 1
    fewer: tuple[int, ...] = ()

    def draw(self, random: np.random.Generator, percent: float) -> list[Server]:
        """One point of every server."""
        shape = (self.hosts, self.each)
        logs = np.mean([_noise(random, shape, percent) for _ in range(self.points)], axis=0)
        logs += self.apart[0] * random.normal(size=(self.hosts, 1)) + self.apart[1] * random.normal(
            size=shape
        )
        logs[3 : 3 + self.slow] += math.log(self.times)
        logs[3, 2 % self.each] += math.log(self.server)
        chance = _sampling(percent) / math.sqrt(self.points)
        return [
            Server(f"h{h}s{s}", f"h{h}s{s}", f"h{h}", "nova", logs[h, s], chance, math.exp(logs[h, s]))
            for h, s in itertools.product(range(self.hosts), range(self.each))
            if h >= len(self.fewer) or s < self.fewer[h]
        ]


UNEVEN = {
    "1, 1, eighteen of 5": Cloud(20, 5, (0.03, 0.10), fewer=(1, 1)),
    "1, seven of 10": Cloud(8, 10, (0.03, 0.10), fewer=(1,)),
    "1, 2, 2, five of 4": Cloud(8, 4, (0.03, 0.10), fewer=(1, 2, 2)),
}


def _noise(random: np.random.Generator, shape: tuple[int, int], percent: float) -> Floats:
    kept = math.exp(-1 / MEMORY)
    steps = random.normal(size=(*shape, SECONDS + 10)) * math.sqrt(1 - kept * kept)
    path: Floats = lfilter([1], [1, -kept], steps, axis=-1)[..., 10:]
    noise: Floats = SPREAD * SHIFT * path.mean(-1) + random.normal(size=shape) * _sampling(percent)
    return noise


def _sampling(percent: float) -> float:
    share = percent / 100
    return float(math.sqrt(share * (1 - share) / REQUESTS) / norm.pdf(norm.ppf(share)) * SPREAD)


def ours(servers: Sequence[Server]) -> tuple[set[str], set[str]]:
    """The hosts and the servers that the shipped code names."""
    found = blame(servers, ERROR)
    hosts = {one.name for one in found if one.level in (Level.HOST, Level.ALONE)}
    return hosts, {one.name for one in found if one.level is Level.SERVER}


def three_deviations(servers: Sequence[Server]) -> tuple[set[str], set[str]]:
    """Naive: servers three median deviations above the median."""
    logs = np.array([server.figure for server in servers])
    middle = float(np.median(logs))
    far = logs - middle > 3 * 1.4826 * float(np.median(np.abs(logs - middle)))
    return set(), {server.name for server, is_far in zip(servers, far, strict=True) if is_far}


def by_requests(servers: Sequence[Server]) -> tuple[set[str], set[str]]:
    """Naive: a host's mean against all others', as if requests were independent of each other."""
    names = list(dict.fromkeys(server.host for server in servers))
    means = np.array([np.mean([one.figure for one in servers if one.host == name]) for name in names])
    error = SPREAD / math.sqrt(REQUESTS * len(servers) / len(names))
    far = (means - means.mean()) / error > norm.isf(0.05 / len(names))
    return {name for name, is_far in zip(names, far, strict=True) if is_far}, set()


@dataclass(frozen=True)
class Rates:
    """Shares of repetitions: the slow one was named, somebody healthy was; the mean share of false names."""

    found: float
    wrong: float
    false: float


def rates(
    cloud: Cloud,
    test: Callable[[Sequence[Server]], tuple[set[str], set[str]]],
    repetitions: int,
    percent: float = 99.0,
) -> Rates:
    """Of a test on many clouds."""
    random = np.random.default_rng(5)
    slow = {f"h{3 + place}" for place in range(cloud.slow)} | ({SLOW_SERVER} if cloud.server > 1 else set())
    hits = wrong = 0
    false = 0.0
    for _ in range(repetitions):
        hosts, servers = test(cloud.draw(random, percent))
        named = hosts | servers
        healthy = {name for name in named - slow if name.partition("s")[0] not in slow}
        hits += bool(slow) and slow <= named
        wrong += bool(healthy)
        false += len(healthy) / max(1, len(named))
    return Rates(hits / repetitions, wrong / repetitions, false / repetitions)


def _shown(found: Rates) -> str:
    return f"{found.found:4.0%} / {found.wrong:4.1%} / {found.false:4.1%}"


def _alarms(title: str, cloud: Cloud, repetitions: int, percent: float) -> str:
    found = rates(cloud, ours, repetitions, percent)
    if binom.sf(round(found.wrong * repetitions) - 1, repetitions, STATED) < 0.01:
        faults.append(f"{title}: {found.wrong:.1%} blame somebody healthy, {STATED:.0%} are stated")
    return f"{found.wrong:4.1%}"


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    count = 40 if parser.parse_args().quick else 400
    began = time.monotonic()
    print(
        f"20 hosts x 5 servers, {count} repetitions: the slow one found / a healthy one named / false names"
    )
    print("| hosts, servers differ by | | none slow: alarm | x1.1 | x1.2 | x1.3 | x2 | one server x2 |")
    print("|---|---|---|---|---|---|---|---|")
    for apart in ((0.0, 0.0), (0.03, 0.05), (0.05, 0.10), (0.10, 0.20)):
        for percent in (50.0, 99.0) if apart == (0.03, 0.05) else (99.0,):
            title = f"{apart[0]:.0%}, {apart[1]:.0%} | p{percent:g}"
            cells = [_alarms(title, Cloud(apart=apart), count, percent)]
            cells += [
                _shown(rates(Cloud(apart=apart, slow=1, times=times), ours, count, percent))
                for times in (1.1, 1.2, 1.3, 2.0)
            ]
            cells.append(_shown(rates(Cloud(apart=apart, server=2.0), ours, count, percent)))
            print(f"| {title} | {' | '.join(cells)} |", flush=True)
    print("\nNaive tests, none slow: in how many runs somebody is blamed")
    print(
        "| hosts, servers differ by | 3 median deviations, servers | requests as independent, hosts | ours |"
    )
    print("|---|---|---|---|")
    for apart in ((0.0, 0.0), (0.03, 0.05), (0.05, 0.10), (0.10, 0.20)):
        found = [
            rates(Cloud(apart=apart), test, count).wrong for test in (three_deviations, by_requests, ours)
        ]
        print(
            f"| {apart[0]:.0%}, {apart[1]:.0%} | {' | '.join(f'{one:4.1%}' for one in found)} |", flush=True
        )
    print("\nOther sizes (hosts differ by 3 %, servers by 5 %)")
    print("| hosts x servers | none slow: alarm | one host x1.3 | one host x2 |")
    print("|---|---|---|---|")
    for hosts, each in ((20, 3), (20, 1), (20, 10), (12, 5), (8, 3), (8, 5), (6, 5), (4, 5)):
        title = f"{hosts} x {each}"
        cells = [_alarms(title, Cloud(hosts, each), count, 99.0)]
        cells += [_shown(rates(Cloud(hosts, each, slow=1, times=times), ours, count)) for times in (1.3, 2.0)]
        print(f"| {title} | {' | '.join(cells)} |", flush=True)
    print("\nUneven numbers, servers differ by 10 % (hosts by 3 %)")
    print("| servers of the hosts | none slow: alarm | one host of the most x1.3 | x2 |")
    print("|---|---|---|---|")
    for title, uneven in UNEVEN.items():
        cells = [_alarms(title, uneven, count, 99.0)]
        cells += [_shown(rates(replace(uneven, slow=1, times=times), ours, count)) for times in (1.3, 2.0)]
        print(f"| {title} | {' | '.join(cells)} |", flush=True)
    several = rates(Cloud(slow=3, times=1.3), ours, count)
    print(f"\nThree hosts x1.3 at once, all three: {_shown(several)}")
    for times in (1.1, 1.2, 1.3):
        four = rates(Cloud(slow=1, times=times, points=4), ours, count)
        print(f"Four points instead of one, a host x{times}: {_shown(four)}")
    print(f"\n{time.monotonic() - began:.0f} s")
    for fault in faults:
        print(f"too many: {fault}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
