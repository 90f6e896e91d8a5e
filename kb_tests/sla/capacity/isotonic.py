"""Where shares seem to cross a limit, assuming only that they do not fall as the load rises.

Source: pool adjacent violators (Ayer et al. 1955).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable


def crossing(found: Iterable[tuple[float, float, float]], allowed: float) -> tuple[float, float]:
    """The highest load that seems to keep a limit and the lowest that seems to break it, 0 and infinity where
    none does; from (load, bad, due) of each probe.
    """
    pooled: defaultdict[float, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for load, bad, due in found:
        pooled[load][0] += bad
        pooled[load][1] += due
    blocks: list[tuple[float, float, list[float]]] = []
    for load, (bad, due) in sorted(pooled.items()):
        block = (bad, due, [load])
        while blocks and _share(blocks[-1]) >= _share(block):
            before = blocks.pop()
            block = (before[0] + block[0], before[1] + block[1], before[2] + block[2])
        blocks.append(block)
    keeps = [load for block in blocks if _share(block) <= allowed for load in block[2]]
    breaks = [load for block in blocks if _share(block) > allowed for load in block[2]]
    return max(keeps, default=0.0), min(breaks, default=math.inf)


def _share(block: tuple[float, float, list[float]]) -> float:
    return block[0] / block[1] if block[1] else 1.0
