"""The verdict on one HTTP point: validity first, then every limit of its SLA.

Every limit is judged three-valued by a confidence bound, never by the figure alone: PASS if the true
value keeps the limit, FAIL if it breaks it, each but for a known error probability; else INCONCLUSIVE.

"p99 <= 50 ms" is judged as what it means: at most 1 % of the requests that were due were not successful
within 50 ms. So a request that failed, in whatever way, is slower than any limit: a cloud that refuses
or answers 500 quickly cannot look fast. The bounds of the percentile itself are those of the share,
turned round.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from kb_tests.measure.http.measurement import Connections, HttpMeasurement
from kb_tests.measure.http.validity import sent_late, validity
from kb_tests.measure.recovery import Recovery
from kb_tests.scenario.http import HttpPoint, HttpSla
from kb_tests.sla.decide import (
    Risk,
    in_percent,
    latency_check,
    of_sample,
    shortage,
    staging_check,
)
from kb_tests.sla.family import worst
from kb_tests.sla.http.sample import Sample
from kb_tests.sla.recovery import recovery_check
from kb_tests.sla.verdict import Check, Outcome, Verdict

__all__ = ["judge", "number_of_checks"]

CLOSED_LOOP = (
    "A closed loop asks only as fast as it is answered, and with all CPU that it gets: its times leave out"
    " what a stall does to users, and hold the generator's own waits."
)
"""Why its response times are shown, but never judged."""


WITHOUT_LAG = "This is part of the response times, so that the cloud is no slower than they say."
"""Why a pass stands although generators sent late."""


def judge(
    point: HttpPoint,
    measurement: HttpMeasurement,
    sla: HttpSla,
    *,
    checks: int | None = None,
    look: int = 1,
    looks: int = 1,
    staging: float | None = None,
    recovery: Sequence[Recovery] = (),
    faults: Sequence[str] = (),
    earlier: Sequence[HttpMeasurement] = (),
) -> Verdict:
    """Judge `measurement` by `sla`, together with those of `earlier` looks at the same point.

    `checks` is how many checks the whole run makes (`number_of_checks` of each point, summed up; this
    point's alone if None): the error probability 1 - `sla.confidence` is shared out equally among
    them, and again among the `looks` that a point may take at most, of which this is number `look`.
    `staging` is what the topology's staging took in seconds, `recovery` what followed each hook or marker;
    `faults` say why nobody knows what was done to the cloud. What speaks of the sample or of the instruments
    alone is of `measurement`: an earlier look at which they said anything would have been the last.

    With any reason of `validity` the outcome is INVALID; the checks are there for people to look at. Where
    generators sent late (`sent_late`), a pass stands, and the verdict notes it; all else is INVALID.
    """
    if not 1 <= look <= looks:
        raise ValueError(f"look {look} of {looks}")
    family = max(1, number_of_checks(sla) if checks is None else checks)
    risk = Risk((1 - sla.confidence) / family / looks, looks)
    sample = Sample([*earlier, measurement], point.timeout)
    made: list[Check] = []
    if sla.latency is not None:
        limits = sla.latency.limits().items()
        made += [_latency(point, sample, risk, percent, limit) for percent, limit in limits]
    if sla.achieved is not None:
        made.append(_achieved(sample, risk, sla.achieved))
    if sla.errors is not None:
        made.append(_errors(sample, risk, sla.errors))
    unknown: tuple[str, ...] = ()
    if sla.recovery is not None:
        check, unknown = recovery_check(recovery, sla.recovery)
        made.append(check)
    if made and point.keep_alive and measurement.connections is not None:
        made.append(_connections(measurement.connections, sla.connections))
    if sla.staging is not None:
        made.append(staging_check(staging, sla.staging))
    reasons, late = (*faults, *validity(point, measurement), *unknown), sent_late(point, measurement, sla)
    if not made:
        reasons += ("The SLA names no limit.",)
    if reasons or worst(made) is not Outcome.PASS:
        reasons += late
    if reasons:
        return Verdict(Outcome.INVALID, tuple(made), reasons, sla.confidence, look)
    notes = tuple(f"{note} {WITHOUT_LAG}" for note in late)
    return Verdict(worst(made), tuple(made), reasons, sla.confidence, look, notes)


def _latency(point: HttpPoint, sample: Sample, risk: Risk, percent: float, limit: float) -> Check:
    check = latency_check("latency", sample, risk, percent, limit)
    if point.rate:
        return check
    return replace(check, outcome=Outcome.INCONCLUSIVE, detail=CLOSED_LOOP, p_pass=1.0, p_fail=1.0)


def _achieved(sample: Sample, risk: Risk, limit: float) -> Check:
    offered = sample.measurements[-1].offered
    if not offered:
        told = "A closed loop offers no rate that could be achieved."
        nan = math.nan
        return Check("achieved", Outcome.INCONCLUSIVE, nan, limit, "", nan, nan, False, told)
    found = sample.achieved()
    outcome, p_pass, p_fail = risk.decide(found.p_above(limit), found.p_below(limit))
    value, (low, high) = sample.rate / offered, found.bounds(risk.alpha)
    told = (
        f"{sample.rate:,.1f} of {offered:,.1f} requests/s were successful in the window,"
        f" {in_percent(value)} where {in_percent(limit)} is asked; the true share lies between"
        f" {in_percent(low)} and {in_percent(high)}"
    )
    if not found.decides:
        told += "; the window is too short to show more"
    return Check("achieved", outcome, value, limit, "", low, high, False, told + ".", p_pass, p_fail)


def _connections(found: Connections, limit: float) -> Check:
    """All of them are open when the window begins, and enough of them in it: a load over fewer is another."""
    asked = found.asked or math.nan
    begun, least = found.open / asked, found.least / asked
    told = (
        f"Of {found.asked:,} connections {found.open:,} were open when the window began, and never fewer than"
        f" {found.least:,} in it ({in_percent(least)} where {in_percent(limit)} are asked);"
        f" {found.reopened:,} were opened again, {found.refused:,} attempts failed; this speaks of the sample"
        " alone."
    )
    value, at_least = (least, limit) if found.open >= found.asked else (begun, 1.0)
    outcome, p_pass, p_fail = of_sample(kept=value >= at_least, sampled=found.asked > 0)
    return Check("connections", outcome, value, at_least, "", value, value, False, told, p_pass, p_fail)


def _errors(sample: Sample, risk: Risk, limit: float) -> Check:
    counts, found = sample.counts, sample.slower(math.inf)
    kinds = dict(counts.errors) | {"unsent": counts.unsent, "in flight": counts.inflight}
    named = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count)
    told = f"{found.bad:,} of {found.due:,} requests failed" + (f" ({named})" if named else "")
    low, high = found.lower(risk.alpha), found.upper(risk.alpha)
    if not limit:
        outcome, p_pass, p_fail = of_sample(kept=not found.bad, sampled=found.due > 0)
        told += ", where none is allowed; this speaks of the sample alone, the true share may be up to"
        told += f" {in_percent(high)}"
    else:
        outcome, p_pass, p_fail = risk.decide(found.p_below(limit), found.p_above(limit))
        told += (
            f", {in_percent(found.value)} where {in_percent(limit)} is allowed; the true share lies between"
        )
        told += f" {in_percent(low)} and {in_percent(high)}, judged from {sample}"
        told += shortage(found, limit, risk.alpha, outcome)
    return Check("errors", outcome, found.value, limit, "", low, high, True, told + ".", p_pass, p_fail)


def number_of_checks(sla: HttpSla) -> int:
    """How many checks of one point can err: limits on the sample itself (p100, no error) cannot. That on
    recovery counts: whether a second is good is seen in a second's sample.
    """
    percents = [percent for percent in sla.latency.limits() if percent < 100] if sla.latency else []
    return len(percents) + (sla.achieved is not None) + bool(sla.errors) + (sla.recovery is not None)
