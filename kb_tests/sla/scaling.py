"""How what a cloud carries grows with the number of clients: the Universal Scalability Law, and a peak where
it is shown.

X(N) = g N / (1 + a (N - 1) + b N (N - 1)): `g` is what one client alone gets, `a` what of the work waits for
the others, `b` what each pair costs. With b > 0 more clients give less from sqrt((1 - a) / b) on. The law is
that of a closed loop, or of capacities: what an open loop achieves is what it offers, until it breaks.

The fit is least squares of the logarithms, weighted by their errors, a and b not negative. The interval of b
is that of its profile likelihood, wider where scatter about the curve is more than the errors explain.
A curve that has a peak somewhere is no evidence of one: almost any noise bends it. See `Law.claimed`.

Sources: Gunther, Guerrilla Capacity Planning, 2007 (the law); Venzon & Moolgavkar 1988 (profile likelihood);
the rule for a peak: `benchmarks/scaling_error_rates.py`, whose table is in docs/scaling.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import chdtrc, chdtri

FEWEST_SCALES = 6
WIDEST = 8.0
"""The largest scale has to be so many times the smallest: a shorter piece of the curve looks straight."""

LEAST_ERROR = 0.02
"""Runs at two scales differ by this much at the least, whatever the batches within each of them say: as a
standard deviation of the logarithm."""

REACH = 2.0
"""Up to so many times the largest scale the curve may be drawn on, as a guess."""

CONFIDENCE = 0.95
MISFIT = 0.01
"""Where scatter like that found would be rarer than this, the law does not describe it."""

CLEARLY_LESS = 2.0
"""Standard errors by which the last scale has to be below the best one."""

_STEPS = 160
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """What `clients` together were given, and the standard `error` of its logarithm."""

    clients: int
    rate: float
    error: float

    @property
    def sure(self) -> float:
        """The error, as far as runs at other scales can be compared with it."""
        return max(self.error, LEAST_ERROR)


@dataclass(frozen=True)
class Law:
    """The curve that fits best, and all those that fit nearly as well: (g, a, b) each.

    `peak_low` and `peak_high` are numbers of clients between which the peak lies at 95 %, infinite where it
    may be nowhere. `claimed` says whether a peak is shown: no curve without one fits nearly as well, all of
    the interval lies within the scales that ran, and the last of them was clearly below the best.
    """

    best: tuple[float, float, float]
    near: tuple[tuple[float, float, float], ...]
    peak_low: float
    peak_high: float
    claimed: bool

    @property
    def peak(self) -> float:
        """Where the best curve has its peak; infinite where it has none."""
        return _peak(*self.best[1:])

    def at(self, clients: float) -> tuple[float, float, float]:
        """What the best curve gives so many clients, and the least and the most of those nearly as good."""
        found = [float(_curve(np.array([clients]), *one)[0]) for one in (self.best, *self.near)]
        return found[0], min(found), max(found)


@dataclass(frozen=True)
class Scaling:
    """What is known of a progression: its scales in ascending order, and the law or, in one sentence, why
    there is none.
    """

    scales: tuple[Scale, ...]
    law: Law | None
    refusal: str

    def efficiency(self) -> tuple[float, ...]:
        """What a client got at each scale, as a share of what it got at the smallest."""
        if not self.scales:
            return ()
        each = self.scales[0].rate / self.scales[0].clients
        return tuple(scale.rate / scale.clients / each for scale in self.scales)

    @property
    def largest(self) -> int:
        """Clients of the largest scale."""
        return self.scales[-1].clients


def scaling(scales: Sequence[Scale]) -> Scaling:
    """Fit the law to `scales`, each of which has another number of clients.

    Scales whose rate is not positive, or not known, are left out, as nothing was carried.
    """
    good = sorted(
        (one for one in scales if math.isfinite(one.rate) and one.rate > 0 and one.clients > 0),
        key=lambda one: one.clients,
    )
    known = tuple(
        Scale(one.clients, one.rate, one.error if math.isfinite(one.error) else math.inf) for one in good
    )
    if len({one.clients for one in known}) != len(known):
        raise ValueError("two scales of the same number of clients")
    if len(known) < FEWEST_SCALES:
        why = f"The scaling law takes {FEWEST_SCALES} scales at least, and here are {len(known)}."
        return Scaling(known, None, why)
    smallest, largest = known[0].clients, known[-1].clients
    if largest < WIDEST * smallest:
        why = (
            f"The scaling law takes a largest scale of at least {WIDEST:g} times the smallest;"
            f" {largest} is less than that many times {smallest}."
        )
        return Scaling(known, None, why)
    if not all(math.isfinite(one.error) for one in known):
        return Scaling(known, None, "How sure the rates are is not known, so no scaling law is fitted.")
    return _fitted(known)


def _fitted(scales: tuple[Scale, ...]) -> Scaling:
    clients = np.array([one.clients for one in scales], float)
    logs = np.log([one.rate for one in scales])
    weights = np.array([one.sure for one in scales]) ** -2.0
    pairs = np.concatenate([[0.0], np.geomspace(1e-4, 1e3, _STEPS) / clients[-1] ** 2])
    profile = [_best(clients, logs, weights, float(pair)) for pair in pairs]
    costs = np.array([cost for cost, _, _ in profile])
    place = int(np.argmin(costs))
    cost, g, a = profile[place]
    freedom = len(scales) - 3
    if float(chdtrc(freedom, cost)) < MISFIT:
        why = (
            "The scales do not follow the scaling law: they lie further from its best curve than their errors"
            " explain, so no peak is looked for and nothing is foretold."
        )
        return Scaling(scales, None, why)
    allowed = cost + float(chdtri(1, 1 - CONFIDENCE)) * max(1.0, cost / freedom)
    within = [at for at, one in enumerate(costs) if one <= allowed]
    first, last = max(0, within[0] - 1), min(len(costs) - 1, within[-1] + 1)
    if within[0] == 0:
        first = 0
    near = tuple((profile[at][1], profile[at][2], float(pairs[at])) for at in range(first, last + 1))
    peaks = [_peak(a, b) for _, a, b in near]
    low, high = min(peaks), max(peaks)
    claimed = math.isfinite(high) and clients[0] <= low and high <= clients[-1] and _declines(scales)
    return Scaling(scales, Law((g, a, float(pairs[place])), near, low, high, claimed), "")


def _best(clients: Floats, logs: Floats, weights: Floats, b: float) -> tuple[float, float, float]:
    """The least cost, g and a of the curves with this b."""

    def left(a: float) -> tuple[float, float]:
        shape = np.log(_curve(clients, 1.0, a, b))
        g = float(np.sum(weights * (logs - shape)) / np.sum(weights))
        return float(np.sum(weights * (logs - shape - g) ** 2)), g

    found = minimize_scalar(
        lambda a: left(a)[0], bounds=(0.0, 1.0), method="bounded", options={"xatol": 1e-5}
    )
    a = min((0.0, float(found.x), 1.0), key=lambda one: left(one)[0])
    cost, g = left(a)
    return cost, math.exp(g), a


def _curve(clients: Floats, g: float, a: float, b: float) -> Floats:
    found: Floats = g * clients / (1 + a * (clients - 1) + b * clients * (clients - 1))
    return found


def _peak(a: float, b: float) -> float:
    return math.sqrt(max(0.0, 1 - a) / b) if b > 0 else math.inf


def _declines(scales: tuple[Scale, ...]) -> bool:
    """Whether the last scale was given clearly less than the best one."""
    best, last = max(scales, key=lambda one: one.rate), scales[-1]
    return math.log(best.rate / last.rate) > CLEARLY_LESS * math.hypot(best.sure, last.sure)
