"""What servers' kernels counted during one load, as far as it is their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from kb_tests.agent.protocol import SIGNS_OF_NETWORK
from kb_tests.fleet.messages import Signs

Figures = dict[str, tuple[float, float, float]]


@dataclass(frozen=True)
class ServerSigns:
    """Of the `server` of that name, over `seconds` of a window: by figure its total, the most in one second,
    and that second. `cost` is what one reading took of a CPU.
    """

    server: str
    seconds: float
    cost: float
    figures: Figures


def own(reports: Iterable[Signs]) -> tuple[ServerSigns, ...]:
    """Those of each server that are its own, by their names.

    Servers that run on one kernel have one boot id: what that kernel counts is their host's. So are the
    figures of a network that two of them share. Servers with nothing of their own are left out.
    """
    every = sorted(reports, key=lambda report: report.agent)
    kernels = Counter(report.boot for report in every)
    networks = Counter((report.boot, report.network) for report in every)
    found = []
    for report in every:
        alone = bool(report.boot) and kernels[report.boot] == 1 and not report.contained
        apart = bool(report.network) and networks[report.boot, report.network] == 1
        figures: Figures = {
            name: figure
            for name, figure in report.figures.items()
            if (apart if name in SIGNS_OF_NETWORK else alone)
        }
        if figures and report.seconds > 0:
            found.append(ServerSigns(report.agent, report.seconds, report.cost, figures))
    return tuple(found)
