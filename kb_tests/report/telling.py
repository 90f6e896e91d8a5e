"""What is said of a point and of a run, in sentences: the same in the terminal, in HTML and in JUnit."""

from __future__ import annotations

from collections.abc import Iterator

from kb_tests.report import words
from kb_tests.report.record import PointRecord, PointStatus, RunRecord
from kb_tests.report.workloads import presentation
from kb_tests.report.worst import worst_first
from kb_tests.scenario.units import counted
from kb_tests.sla.verdict import Outcome

ORDER = ("pass", "fail", "inconclusive", "invalid", "measured", "lost", "error", "not run", "past stop limit")


def rate_unit(point: PointRecord) -> str:
    """What the point's rates count."""
    return presentation(point.point).unit


def label(point: PointRecord) -> str:
    """One word or two for what became of a point: "pass", "fail", ..., "lost", "not run"."""
    if point.outcome is not None:
        return str(point.outcome)
    return {PointStatus.NOT_RUN: "not run", PointStatus.PAST_STOP_LIMIT: "past stop limit"}.get(
        point.status, str(point.status)
    )


def findings(point: PointRecord) -> list[str]:
    """Why a point is not a plain pass, one sentence each, the limit that broke worst first; empty if it is
    one.
    """
    if point.verdict is None:
        return [
            *point.down,
            *point.failing,
            *(list(point.doubts) or ([point.reason] if point.reason else [])),
        ]
    if point.verdict.reasons:
        return [*point.down, *point.failing, *point.verdict.reasons]
    told = [*point.down, *point.failing]
    undecided = [check for check in point.verdict.checks if check.outcome is Outcome.INCONCLUSIVE]
    for check in (*worst_first(point.verdict.checks), *undecided):
        kinds = presentation(point.point).failures(point) if check.name == "errors" else ""
        told.append(words.sentence(check) + (f": {kinds}" if kinds else ""))
    return [*told, *point.culprits]


def disturbances(point: PointRecord) -> list[str]:
    """What was done to the cloud while the point ran, and what followed, one sentence each."""
    told = []
    for hook in point.hooks:
        began = "" if hook.began is None else f" at {hook.began:.1f} s"
        took = "" if hook.seconds is None else f", {words.duration(hook.seconds)}"
        code = "" if hook.exit_code is None else f", exit code {hook.exit_code}"
        told.append(f"Hook {hook.name!r}{began}: {hook.outcome.replace('_', ' ')}{code}{took}.")
    return [words.printable(sentence) for sentence in (*told, *(one.sentence for one in point.recovery))]


def earlier_looks(point: PointRecord) -> Iterator[tuple[str, str]]:
    """Looks at a point that could not decide: how long each was, and what it found."""
    for number, look in enumerate(point.earlier, start=1):
        seen = point.model_copy(
            update={
                "measurement": look.measurement,
                "verdict": look.verdict,
                "earlier": (),
                "culprits": (),
                "failing": (),
                "down": (),
            }
        )
        found = "; ".join(findings(seen))
        yield f"look {number}, {words.duration(look.duration)}", f"{look.verdict.outcome}: {found}"


def totals(record: RunRecord) -> str:
    """How many points, and attempts at them, ended how: "6 points: 2 pass, 1 fail, 3 not run"."""
    labels = [label(point) for point in record.points]
    ended = [f"{labels.count(label)} {label}" for label in ORDER if label in labels]
    distinct = len({point.id for point in record.points})
    points = counted(distinct, "point")
    if len(labels) > distinct:
        points += f", {len(labels)} attempts"
    return f"{points}: {', '.join(ended)}" if labels else "no point was selected"
