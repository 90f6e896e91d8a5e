"""The first sentence of a report: what held and what broke, for somebody who gives it ten seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kb_tests.report import telling, words
from kb_tests.report.capacity import sentences
from kb_tests.report.record import PointRecord, PointStatus, RunRecord
from kb_tests.report.workloads import presentation
from kb_tests.report.worst import over, worst, worst_first
from kb_tests.scenario.units import counted
from kb_tests.sla.verdict import BASELINE, RECOVERY, Outcome

FAR_WORSE = 2.0
"""Times as far over its limit as where load first broke one, a worse point is told of, too."""

WITHOUT_VERDICT = (PointStatus.LOST, PointStatus.ERROR, PointStatus.NOT_RUN)


def headline(record: RunRecord) -> str:
    """One or two sentences, such as "It held up to 800 req/s; at 1,600 req/s half of the requests failed."

    Nothing is claimed beyond what was judged: "up to" only where no point of as much load or less broke.
    """
    if not record.points:
        return "No point was selected, so that nothing is known of this cloud."
    points = record.standing()
    searches = [(point.point.id, point.capacity) for point in points if point.capacity is not None]
    told = [
        sentences(found)[0] if len(searches) == 1 else f"{name}: {sentences(found)[0]}"
        for name, found in searches
    ]
    points = [point for point in points if point.capacity is None]
    told += (
        [
            words.one_sentence(_judged(points), _where(points, Outcome.FAIL)),
            words.one_sentence(_unjudged(points), _where(points, Outcome.INCONCLUSIVE)),
            *_others(record),
        ]
        if points
        else _others(record)
    )
    return " ".join(filter(None, told))


def _judged(points: Sequence[PointRecord]) -> str:
    judged = [point for point in points if point.outcome in (Outcome.PASS, Outcome.FAIL)]
    held = [point for point in judged if point.outcome is Outcome.PASS]
    broken = [point for point in judged if point.outcome is Outcome.FAIL]
    if not judged:
        return ""
    if not broken:
        return _all_held(points, held)
    first, most = _first(broken, judged), worst(broken)
    broke = f"at {_load(first, held)} {_worst(first)}"
    if most is not first and over(most) >= FAR_WORSE * over(first) and over(most):
        broke += f"; at {_load(most, held)} {_worst(most)}"
    if not held:
        what = "The point broke its SLA" if len(broken) == 1 else f"All {len(broken)} points broke their SLA"
        return f"{what}: {broke}."
    if _rising(judged):
        below = [point for point in held if point.point.offered < first.point.offered]
        if len(below) == len(held):
            return f"It held up to {_load(max(held, key=lambda point: point.point.offered))}; {broke}."
    return f"{len(broken)} of {len(judged)} points broke their SLA: {broke}."


def _first(broken: Sequence[PointRecord], among: Sequence[PointRecord]) -> PointRecord:
    """Of the points that broke the one to begin with: where rising load first did, else the worst."""
    return min(broken, key=lambda point: point.point.offered) if _rising(among) else worst(broken)


def _where(points: Sequence[PointRecord], outcome: Outcome) -> str:
    """Who stands out at the point that is told of; if nobody does, at another one, which is named then.
    Where anything broke nobody asks for what was undecided.
    """
    judged = [point for point in points if point.outcome in (Outcome.PASS, Outcome.FAIL)]
    broken = [point for point in judged if point.outcome is Outcome.FAIL]
    if broken:
        first = _first(broken, judged)
        asked = [first, *sorted(broken, key=lambda point: (-over(point), point.point.offered))]
    else:
        undecided = (point for point in points if point.outcome is outcome)
        asked = sorted(undecided, key=lambda point: point.point.offered)
    for point in asked if not broken or outcome is Outcome.FAIL else ():
        told = point.culprits[0] if point.culprits else ""
        if told and not told.startswith("No "):
            return told if point is asked[0] else words.after(f"At {_load(point, points)}", told)
    return ""


def _all_held(points: Sequence[PointRecord], held: Sequence[PointRecord]) -> str:
    most = max(held, key=lambda point: point.point.offered)
    if len(held) == 1:
        return f"It kept its SLA at {_load(most)}."
    which = f"All {len(held)} points" if len(held) == len(points) else f"The {len(held)} points judged"
    upto = f", up to {_load(most)}" if _rising(held) else ""
    return f"{which} kept their SLA{upto}."


def _unjudged(points: Sequence[PointRecord]) -> str:
    parts = []
    for count, what in (
        (_count(points, Outcome.INCONCLUSIVE), "could not be decided by their samples"),
        (_count(points, Outcome.INVALID, PointStatus.INVALID), "were not measured as they should be"),
        (_count(points, *WITHOUT_VERDICT), "have no result"),
    ):
        if count:
            one = what.replace("were", "was").replace("have", "has").replace("their samples", "its sample")
            one = one.replace("they should", "it should")
            parts.append(f"1 point {one}" if count == 1 else f"{count} points {what}")
    if parts:
        return f"{'; '.join(parts)}."
    if not any(point.outcome for point in points):
        measured = _count(points, PointStatus.MEASURED)
        which = "1 point was" if measured == 1 else f"{measured} points were"
        return f"Nothing was judged here: {which} measured for tests that judge by themselves."
    return ""


def _others(record: RunRecord) -> Iterator[str]:
    if record.failures:
        count = len(record.failures)
        yield "1 test of your own failed." if count == 1 else f"{count} tests of your own failed."
    if down := list(dict.fromkeys(sentence for point in record.points for sentence in point.down)):
        yield down[0]
        if len(down) > 1:
            yield f"{counted(len(down) - 1, 'more server is', 'more servers are')} down."
    if record.leaks:
        yield "Resources of this run were left on the cloud."


def _count(points: Sequence[PointRecord], *what: Outcome | PointStatus) -> int:
    return sum((point.outcome or point.status) in what for point in points)


def _rising(points: Sequence[PointRecord]) -> bool:
    """Whether points differ in nothing but how much load they are: one is above another then."""
    return len({_series(point) for point in points}) == 1 and all(point.point.offered for point in points)


def _series(point: PointRecord) -> tuple[str, str]:
    return point.point.scenario, presentation(point.point).series(point.point)


def _load(point: PointRecord, among: Sequence[PointRecord] = ()) -> str:
    """How much load a point is, told apart from those `among` which it is."""
    alike = [other.point for other in among if other.point.kind == point.point.kind]
    return presentation(point.point).load(point.point, _rate(point), alike)


def _rate(point: PointRecord) -> str:
    offered = point.point.offered
    return f"{words.number(offered)} {telling.rate_unit(point)}" if offered else "as much as it could take"


def _worst(point: PointRecord) -> str:
    """What broke worst, as one clause."""
    broken = worst_first(point.verdict.checks if point.verdict else ())
    if not broken:
        return "its SLA was broken"
    check = broken[0]
    value, limit = words.pair(check)
    things = presentation(point.point).things
    if check.name == "verify":
        return f"{value} of what was written was lost or changed"
    if check.name == "errors":
        return f"{value} of the {things} failed, {limit} are allowed"
    if check.name == "achieved":
        return f"{value} of the load was achieved, where {limit} are asked for"
    if check.name == BASELINE:
        return words.sentence(check).partition(". ")[0]
    if check.name == RECOVERY:
        if check.value == float("inf"):
            return words.sentence(check)
        return f"it took {value} to recover, where {limit} are allowed"
    if check.value == float("inf"):
        return f"{words.subject(check)} was beyond measure, its limit {limit}"
    return f"{words.subject(check)} was {value}, its limit {limit}"
