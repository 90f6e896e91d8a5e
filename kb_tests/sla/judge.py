"""The verdict on one HTTP point: validity first, then every limit of its SLA.

Every limit is judged three-valued by a confidence bound, never by the figure alone: PASS if the true
value keeps the limit, FAIL if it breaks it, each but for a known error probability; else INCONCLUSIVE.

"p99 <= 50 ms" is judged as what it means: at most 1 % of the requests that were due had no good answer
within 50 ms. So a request that failed, in whatever way, is slower than any limit: a cloud that refuses
or answers 500 quickly cannot look fast. The bounds of the percentile itself are those of the share,
turned round.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kb_tests.measure.histogram import Histogram
from kb_tests.measure.measurement import Block, Measurement
from kb_tests.measure.merge import total
from kb_tests.measure.validity import validity
from kb_tests.scenario.model import HttpSla
from kb_tests.scenario.points import HttpPoint
from kb_tests.scenario.units import format_duration
from kb_tests.sla.bounds import Mean, Share, batches, needed
from kb_tests.sla.verdict import Check, Outcome, Verdict

WORST_FIRST = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS)


def judge(
    point: HttpPoint,
    measurement: Measurement,
    sla: HttpSla,
    *,
    checks: int | None = None,
    look: int = 1,
    looks: int = 1,
    staging: float | None = None,
) -> Verdict:
    """Judge `measurement` by `sla`.

    `checks` is how many checks the whole run makes (`number_of_checks` of each point, summed up; this
    point's alone if None): the error probability 1 - `sla.confidence` is shared out equally among
    them, and again among the `looks` that a point may take at most, of which this is number `look`.
    `staging` is what the topology's staging took in seconds.

    With any reason of `validity` the outcome is INVALID; the checks are there for people to look at.
    """
    if not 1 <= look <= looks:
        raise ValueError(f"look {look} of {looks}")
    family = max(1, number_of_checks(sla) if checks is None else checks)
    trial = _Trial(measurement, (1 - sla.confidence) / family / looks, looks)
    made: list[Check] = []
    if sla.latency is not None:
        made += [_latency(trial, percent, limit) for percent, limit in sla.latency.limits().items()]
    if sla.achieved is not None:
        made.append(_achieved(trial, sla.achieved))
    if sla.errors is not None:
        made.append(_errors(trial, sla.errors))
    if sla.staging is not None:
        made.append(_staging(staging, sla.staging))
    reasons = validity(point, measurement, sla)
    if not made:
        reasons += ("The SLA names no limit.",)
    return Verdict(
        outcome=Outcome.INVALID if reasons else worst(made),
        checks=tuple(made),
        reasons=reasons,
        confidence=sla.confidence,
        looks=look,
    )


def number_of_checks(sla: HttpSla) -> int:
    """How many checks of one point can err: limits on the sample itself (p100, no error) cannot."""
    latency = [percent for percent in sla.latency.limits() if percent < 100] if sla.latency else []
    return len(latency) + (sla.achieved is not None) + bool(sla.errors)


def worst(checks: Iterable[Check]) -> Outcome:
    """The worst outcome of `checks`, of which there is at least one."""
    return min((check.outcome for check in checks), key=WORST_FIRST.index)


@dataclass(frozen=True)
class _Group:
    """The requests of one time batch, or of one agent."""

    due: int
    completed: int
    response: Histogram

    @classmethod
    def of(cls, blocks: Sequence[Block]) -> _Group:
        counts = total(block.counts for block in blocks)
        return cls(counts.due, counts.completed, Histogram.merged(block.response for block in blocks))

    def slower(self, limit: float) -> int:
        """How many had no good answer within `limit` seconds.

        A timed-out request has a response time too, so that only `completed` of them can be good.
        """
        return self.due - min(self.completed, self.response.count_at_most(limit))


class _Trial:
    """A measurement in the units of the statistics, and the error probability of one check."""

    def __init__(self, measurement: Measurement, alpha: float, looks: int) -> None:
        self.measurement = measurement
        self.alpha = alpha
        self.looks = looks
        by_time: defaultdict[float, list[Block]] = defaultdict(list)
        by_agent: defaultdict[str, list[Block]] = defaultdict(list)
        for block in measurement.blocks:
            by_time[round(block.at, 2)].append(block)
            by_agent[block.agent].append(block)
        times = [by_time[at] for at in sorted(by_time)]
        self.times = [
            _Group.of([block for time in times[part] for block in time]) for part in batches(len(times))
        ]
        self.agents = [_Group.of(blocks) for blocks in by_agent.values()]
        self.whole = _Group(measurement.counts.due, measurement.counts.completed, measurement.response)

    def slower(self, limit: float) -> Share:
        """The share of the requests due that had no good answer within `limit` seconds."""
        return Share.of(
            [group.slower(limit) for group in self.times],
            [group.due for group in self.times],
            [group.slower(limit) for group in self.agents],
            [group.due for group in self.agents],
        )

    def outcome(self, p_pass: float, p_fail: float) -> Outcome:
        """By error probabilities of a single look."""
        if p_fail <= self.alpha:
            return Outcome.FAIL
        return Outcome.PASS if p_pass <= self.alpha else Outcome.INCONCLUSIVE

    def over_looks(self, p: float) -> float:
        """An error probability over all looks, by Bonferroni."""
        return min(1.0, p * self.looks)

    @property
    def sample(self) -> str:
        """The sample, for people."""
        return f"{self.whole.due:,} requests in {len(self.times)} time blocks"


def _latency(trial: _Trial, percent: float, limit: float) -> Check:
    name = f"latency p{percent:g}"
    allowed = 1 - percent / 100
    found = trial.slower(limit)
    value = _percentile(trial.whole, percent)
    lost = 1 - trial.whole.completed / trial.whole.due if trial.whole.due else 1.0
    note = f"; {_percent(lost)} of the requests had no good answer" if lost else ""
    told = f"p{percent:g} is {_time(value)}, its limit {_time(limit)}{note}"
    if percent == 100:
        kept = trial.whole.due > 0 and found.bad == 0
        return Check(
            name,
            _plain(kept, trial.whole.due),
            value,
            limit,
            "s",
            value,
            value,
            at_most=True,
            detail=f"{told}; this speaks of the sample alone.",
            p_pass=float(not kept),
            p_fail=float(kept),
        )
    p_pass, p_fail = found.p_below(allowed), found.p_above(allowed)
    outcome = trial.outcome(p_pass, p_fail)
    low, high = _percentile_bounds(trial, allowed)
    low, high = min(low, value), max(high, value)
    if outcome is Outcome.PASS:
        high = max(value, min(high, limit))
    elif outcome is Outcome.FAIL:
        low = min(value, max(low, limit))
    return Check(
        name,
        outcome,
        value,
        limit,
        "s",
        low,
        high,
        at_most=True,
        detail=f"{told}; its true value lies between {_time(low)} and {_time(high)}, judged from"
        f" {trial.sample}{_short(trial, found, allowed, outcome)}.",
        p_pass=trial.over_looks(p_pass),
        p_fail=trial.over_looks(p_fail),
    )


def _achieved(trial: _Trial, limit: float) -> Check:
    measurement = trial.measurement
    name, offered = "achieved", measurement.offered
    if not offered:
        return Check(
            name,
            Outcome.INCONCLUSIVE,
            math.nan,
            limit,
            "",
            math.nan,
            math.nan,
            at_most=False,
            detail="A closed loop offers no rate that could be achieved.",
        )
    whole = math.floor(measurement.duration)
    rates = [second.completed for second in measurement.seconds if 0 <= second.at < whole]
    parts = batches(len(rates))
    longest = max((part.stop - part.start for part in parts), default=1)
    found = Mean.of(
        [sum(rates[part]) / (part.stop - part.start) / offered for part in parts],
        grain=1 / longest / offered,
    )
    p_pass, p_fail = found.p_above(limit), found.p_below(limit)
    value = measurement.achieved / offered
    low, high = max(0.0, value - found.reach(trial.alpha)), value + found.reach(trial.alpha)
    return Check(
        name,
        trial.outcome(p_pass, p_fail),
        value,
        limit,
        "",
        low,
        high,
        at_most=False,
        detail=f"{measurement.achieved:,.1f} of {offered:,.1f} requests/s were answered well in the window,"
        f" {_percent(value)} where {_percent(limit)} is asked; the true share lies between {_percent(low)}"
        f" and {_percent(high)}, judged from {len(rates)} s.",
        p_pass=trial.over_looks(p_pass),
        p_fail=trial.over_looks(p_fail),
    )


def _errors(trial: _Trial, limit: float) -> Check:
    counts = trial.measurement.counts
    found = trial.slower(math.inf)
    kinds = dict(counts.errors) | {"unsent": counts.unsent, "in flight": counts.inflight}
    named = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count)
    told = f"{found.bad:,} of {found.due:,} requests had no good answer" + (f" ({named})" if named else "")
    value = found.value
    if not limit:
        kept = found.due > 0 and found.bad == 0
        return Check(
            "errors",
            _plain(kept, found.due),
            value,
            limit,
            "",
            value,
            value,
            at_most=True,
            detail=f"{told}, where none is allowed; this speaks of the sample alone, the true share may be"
            f" {_percent(found.upper(trial.alpha))}.",
            p_pass=float(not kept),
            p_fail=float(kept),
        )
    p_pass, p_fail = found.p_below(limit), found.p_above(limit)
    outcome = trial.outcome(p_pass, p_fail)
    low, high = found.lower(trial.alpha), found.upper(trial.alpha)
    return Check(
        "errors",
        outcome,
        value,
        limit,
        "",
        low,
        high,
        at_most=True,
        detail=f"{told}, {_percent(value)} where {_percent(limit)} is allowed; the true share lies between"
        f" {_percent(low)} and {_percent(high)}, judged from {trial.sample}"
        f"{_short(trial, found, limit, outcome)}.",
        p_pass=trial.over_looks(p_pass),
        p_fail=trial.over_looks(p_fail),
    )


def _staging(took: float | None, limit: float) -> Check:
    if took is None:
        return Check(
            "staging",
            Outcome.INCONCLUSIVE,
            math.nan,
            limit,
            "s",
            math.nan,
            math.nan,
            at_most=True,
            detail="What staging took was not measured.",
        )
    kept = took <= limit
    return Check(
        "staging",
        Outcome.PASS if kept else Outcome.FAIL,
        took,
        limit,
        "s",
        took,
        took,
        at_most=True,
        detail=f"Staging took {_time(took)}, its limit is {_time(limit)}.",
        p_pass=float(not kept),
        p_fail=float(kept),
    )


def _plain(kept: bool, due: int) -> Outcome:
    """The outcome of a statement about the sample alone."""
    if not due:
        return Outcome.INCONCLUSIVE
    return Outcome.PASS if kept else Outcome.FAIL


def _percentile(group: _Group, percent: float) -> float:
    """The time within which `percent` of the requests due had a good answer; infinite if they had not."""
    rank = max(1, math.ceil(round(group.due * percent / 100, 6)))
    return group.response.at_rank(rank) if rank <= group.completed else math.inf


def _percentile_bounds(trial: _Trial, allowed: float) -> tuple[float, float]:
    """Times that the true percentile is not below and not above: the bounds of the share turned round."""
    times, _ = trial.whole.response.distribution()
    above = bisect_left(times, True, key=lambda time: trial.slower(time).upper(trial.alpha) <= allowed)
    not_below = bisect_left(times, True, key=lambda time: trial.slower(time).lower(trial.alpha) <= allowed)
    return times[not_below - 1] if not_below else 0.0, times[above] if above < len(times) else math.inf


def _short(trial: _Trial, found: Share, allowed: float, outcome: Outcome) -> str:
    """What the sample lacks, if it could not have shown the limit even without a single bad request."""
    need = needed(allowed, trial.alpha, found.freedom)
    if outcome is not Outcome.INCONCLUSIVE or found.due >= need:
        return ""
    if math.isinf(need):
        return "; that takes at least 2 time blocks"
    return f"; that takes at least {need:,.0f} requests, were not one of them bad"


def _time(seconds: float) -> str:
    return format_duration(seconds) if math.isfinite(seconds) else "beyond measure"


def _percent(share: float) -> str:
    return f"{share * 100:.4g}%"
