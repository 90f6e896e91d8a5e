"""How often a rotated run errs about whose it is: `python benchmarks/rotation_error_rates.py [repetitions]`.

Eight hosts of three servers and eight of three generators; logarithms differ by 3 % between hosts, 5 %
between servers and between generators, and 3 % by chance in each run. One server, one generator, or one way
between them is slower. The shipped `blame` names, the shipped `whose` and `there_again` tell.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable

import numpy as np

from kb_tests.culprits.blame import Server, blame
from kb_tests.culprits.rotation import Whose, there_again, turned, whose

HOSTS, EACH, BAD, ERROR, CHANCE = 8, 3, 7, 0.05, 0.03
WAYS = HOSTS * EACH
AGENTS = [f"client-{number}" for number in range(WAYS)]
SLOW: dict[Whose, Callable[[int, int], bool]] = {
    Whose.SERVERS: lambda _generator, server: server == BAD,
    Whose.GENERATORS: lambda generator, _server: generator == BAD,
    Whose.WAY: lambda generator, server: generator == server == BAD,
}


def told(true: Whose, times: float, random: np.random.Generator) -> Whose | None:
    """What is said of the one that is slow; None where it is not named at all."""
    hosts = 0.03 * random.normal(size=(2, HOSTS))
    servers, generators = 0.05 * random.normal(size=(2, WAYS))

    def run(by: int) -> list[Server]:
        made = []
        for number in range(WAYS):
            server = (number + by) % WAYS
            figure = (
                hosts[0, server // EACH] + hosts[1, number % HOSTS] + servers[server] + generators[number]
            )
            figure += CHANCE * random.normal() + np.log(times) * SLOW[true](number, server)
            place = f"server-{server}", AGENTS[number], f"c{server // EACH}", "nova"
            made.append(Server(*place, float(figure), CHANCE, float(np.exp(figure))))
        return made

    before, after, again = run(0), run(EACH), run(0)
    culprits = blame(before, ERROR / 2)
    named = frozenset[str]().union(*(one.agents for one in culprits))
    for culprit in culprits:
        if AGENTS[BAD] in culprit.agents and len(culprit.servers) == 1:
            found = whose(culprit, named, before, after, turned(AGENTS, EACH), ERROR)
            if found is Whose.NEITHER:
                found = there_again(culprit, named, before, again, ERROR)
            return found
    return None


def main(repetitions: int) -> None:
    """Print the table."""
    print(f"{repetitions} repetitions; of those named: right / not told / wrong")
    print("| slow | x1.3 | x1.5 | x2 |\n|---|---|---|---|")
    for true in SLOW:
        cells = []
        for times in (1.3, 1.5, 2.0):
            random = np.random.default_rng([1, round(times * 10)])
            counts = Counter(told(true, times, random) for _ in range(repetitions))
            named = max(1, repetitions - counts[None])
            right, untold = counts[true] / named, counts[Whose.UNTOLD] / named
            cells.append(f"{right:.0%} / {untold:.0%} / {abs(1 - right - untold):.1%} of {named}")
        print(f"| {true} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
