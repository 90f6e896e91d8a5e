"""The verdict on one storage point: validity first, then every limit, reads and writes apart.

Latency is that of all I/Os that were due, from when they were; one that failed or was never made is slower
than any limit. The longest stall and staging speak of the sample alone. See `judge` for the statistics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from kb_tests.measure.recovery import Recovery
from kb_tests.measure.storage.measurement import StorageMeasurement, Verified
from kb_tests.measure.storage.validity import fell_behind, validity, waited
from kb_tests.scenario.storage import StoragePoint, StorageSla
from kb_tests.scenario.units import counted, format_size
from kb_tests.sla.decide import (
    Risk,
    in_percent,
    in_time,
    latency_check,
    of_sample,
    shortage,
    staging_check,
)
from kb_tests.sla.family import worst
from kb_tests.sla.recovery import recovery_check
from kb_tests.sla.storage.sample import Direction, Sample, directions, failed
from kb_tests.sla.verdict import Check, Outcome, Verdict

_NOT_OF_CPU = ("errors", "staging", "verify")
"""Checks that no want of CPU breaks."""

WITHOUT_WAITING = "This is part of the latencies, so that the storage is no slower than they say."
"""Why a verdict stands although fio waited."""


def judge(
    point: StoragePoint,
    measurement: StorageMeasurement,
    sla: StorageSla,
    *,
    checks: int | None = None,
    look: int = 1,
    looks: int = 1,
    staging: float | None = None,
    recovery: Sequence[Recovery] = (),
    faults: Sequence[str] = (),
    earlier: Sequence[StorageMeasurement] = (),
) -> Verdict:
    """Judge `measurement` by `sla`; the arguments are those of `kb_tests.sla.judge.judge`.

    What fio's want of CPU may explain is INVALID, too. It makes latencies longer and stalls more, so that
    what keeps its limits has kept them, and the verdict notes it; but where no limit on the achieved rate
    says how much of the load has to be made, fio must not have made less. That is asked of every look: one
    that was inconclusive did not end it, whatever fio lacked.
    """
    if not 1 <= look <= looks:
        raise ValueError(f"look {look} of {looks}")
    family = max(1, number_of_checks(point, sla) if checks is None else checks)
    risk = Risk((1 - sla.confidence) / family / looks, looks)
    made: list[Check] = []
    windows = (*earlier, measurement)
    for direction in directions(point):
        sample = Sample(windows, direction)
        made += [
            latency_check(f"{direction.name} {what}", sample, risk, percent, limit)
            for (name, what), limits in sla.times(point.rate).items()
            if name == direction.name
            for percent, limit in limits.limits().items()
        ]
    if sla.achieved is not None and point.rate:
        made += [_achieved(point, windows, risk, sla.achieved, part) for part in directions(point)]
    made.append(_errors(windows, risk, sla.errors))
    made.append(_max_stall(measurement, sla.max_stall))
    if point.verify:
        made.append(_verify(measurement))
    unknown: tuple[str, ...] = ()
    if sla.recovery is not None:
        check, unknown = recovery_check(recovery, sla.recovery)
        made.append(check)
    if sla.staging is not None:
        made.append(staging_check(staging, sla.staging))
    reasons, outcome = (*faults, *validity(point, measurement), *unknown), worst(made)
    for_other_reasons = any(c.outcome is Outcome.FAIL and c.name in _NOT_OF_CPU for c in made)
    behind = tuple(dict.fromkeys(told for one in windows for told in fell_behind(point, one)))
    if outcome is Outcome.PASS and sla.achieved is None:
        reasons += behind
    short = tuple(dict.fromkeys(told for one in windows for told in waited(point, one)))
    if not for_other_reasons and (
        outcome is Outcome.FAIL or (outcome is Outcome.INCONCLUSIVE and look == looks)
    ):
        reasons += (*behind, *short)
    if reasons:
        return Verdict(Outcome.INVALID, tuple(made), reasons, sla.confidence, look)
    notes = tuple(f"{told} {WITHOUT_WAITING}" for told in short if outcome is not Outcome.INCONCLUSIVE)
    return Verdict(outcome, tuple(made), (), sla.confidence, look, notes)


def number_of_checks(point: StoragePoint, sla: StorageSla) -> int:
    """How many checks of `point` can err: limits on the sample itself (p100, stalls, no error) cannot."""
    parts = directions(point)
    made = {part.name for part in parts}
    percents = [
        percent
        for (name, _), limits in sla.times(point.rate).items()
        if name in made
        for percent in limits.limits()
        if percent < 100
    ]
    achieved = len(parts) if sla.achieved is not None and point.rate else 0
    return len(percents) + achieved + bool(sla.errors) + (sla.recovery is not None)


def _achieved(
    point: StoragePoint,
    windows: Sequence[StorageMeasurement],
    risk: Risk,
    limit: float,
    part: Direction,
) -> Check:
    """The share of the offered rate; of a mix, reads and writes each have to reach it."""
    offered = point.offered * part.share
    sample = Sample(windows, part)
    value, found = sample.rate, sample.achieved(offered)
    outcome, p_pass, p_fail = risk.decide(found.p_above(limit), found.p_below(limit))
    share, (low, high) = value / offered, found.bounds(risk.alpha)
    if point.unit == "bytes":
        rate, of = (f"{format_size(number * point.block_size)}/s" for number in (value, offered))
    else:
        rate, of = f"{value:,.1f}", f"{offered:,.1f} IOPS"
    told = (
        f"{rate} of {of} were {'read' if part.name == 'read' else 'written'}, {in_percent(share)} where"
        f" {in_percent(limit)} is asked; the true share lies between {in_percent(low)} and {in_percent(high)}"
    )
    if not found.decides:
        told += "; the window is too short to show more"
    return Check(part.achieved, outcome, share, limit, "", low, high, False, told + ".", p_pass, p_fail)


def _errors(windows: Sequence[StorageMeasurement], risk: Risk, limit: float) -> Check:
    found, measurement = failed(windows), windows[-1]
    errors = sum(one.errors for one in windows)
    due = errors + sum(one.read.ios + one.write.ios for one in windows)
    value = errors / due if due else math.nan
    low, high = found.lower(risk.alpha), max(found.upper(risk.alpha), value)
    told = f"{errors:,} of {due:,} I/Os failed"
    hung = [server.server for server in measurement.servers if server.hung]
    if hung:
        told += f" (in {counted(len(hung), 'server')} the disk hung, or fio gave up)"
    complaint = next((server.complaint for server in measurement.servers if server.complaint), "")
    if errors and complaint:
        told += f" (fio: {complaint})"
    if not limit or hung:
        outcome, p_pass, p_fail = of_sample(kept=not errors, sampled=due > 0)
        told += (
            f", where {in_percent(limit) if limit else 'none'} is allowed; this speaks of the sample alone"
        )
    else:
        outcome, p_pass, p_fail = risk.decide(found.p_below(limit), found.p_above(limit))
        told += f", {in_percent(value)} where {in_percent(limit)} is allowed; the true share lies between"
        told += f" {in_percent(low)} and {in_percent(high)}{shortage(found, limit, risk.alpha, outcome)}"
    return Check("errors", outcome, value, limit, "", min(low, value), high, True, told + ".", p_pass, p_fail)


def _max_stall(measurement: StorageMeasurement, limit: float) -> Check:
    stall = measurement.stall
    outcome, p_pass, p_fail = of_sample(kept=stall <= limit, sampled=bool(measurement.servers))
    told = f"The longest stall took {in_time(stall)}, its limit is {in_time(limit)}"
    if measurement.servers and stall:
        worst_one = max(measurement.servers, key=lambda server: server.stall)
        if worst_one.clock_lost < worst_one.stall:
            told += f": {worst_one.server} completed nothing from {worst_one.stall_at:.1f} s of the window on"
        else:
            told += f": {worst_one.server} stood still, and its clock with it"
        others = sum(server.stall > limit for server in measurement.servers) - 1
        if others > 0:
            more = "1 other server" if others == 1 else f"{others} other servers"
            told += f", and {more} stalled for longer than the limit too"
    return Check("max_stall", outcome, stall, limit, "s", stall, stall, True, told + ".", p_pass, p_fail)


def _verify(measurement: StorageMeasurement) -> Check:
    """Whether what was written is there: a plain statement about what was read back."""
    found = measurement.verified or Verified(0, 0, 0, 0, 0)
    tried = found.read + found.unread
    outcome, p_pass, p_fail = of_sample(kept=not found.bad, sampled=tried > 0)
    value = found.bad / tried if tried else math.nan
    told = f"{found.bad:,} of {tried:,} blocks that were read back are not what was written last"
    if found.bad:
        kinds = (
            (found.wrong, "hold something else"),
            (found.old, "an older write"),
            (found.unread, "unreadable"),
        )
        told += f" ({', '.join(f'{count:,} {what}' for count, what in kinds if count)})"
        first = next(server for server in measurement.servers if server.bad_at >= 0)
        told += f"; the first of {first.server} lies at byte {first.bad_at:,}"
    if found.written > tried:
        told += (
            f"; for {found.written - tried:,} of the {found.written:,} that were written there was no time"
        )
    return Check("verify", outcome, value, 0.0, "", value, value, True, told + ".", p_pass, p_fail)
