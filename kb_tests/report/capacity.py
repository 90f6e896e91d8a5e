"""What a record keeps of a capacity search, and what is said of it: the same sentences everywhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kb_tests.report.measured import Part, Text
from kb_tests.scenario.capacity import OF_ALL, unit
from kb_tests.scenario.units import counted, format_duration
from kb_tests.sla.capacity.model import NUMBERED, Capacity, End
from kb_tests.sla.verdict import CAPACITY, Check, Outcome

RAMP = "ramp"
"""The phase of probes that are made to come near."""

NARROWEST, LONGEST = 0.005, 86_400
"""The smallest width and the largest budget, in seconds, that a search may be asked for."""


class LimitSeen(Part):
    """What a probe counted for one limit: `bad` of those `due`, where a share of `allowed` may be."""

    name: Text
    bad: float
    due: float
    allowed: float


class CurveSeen(Part):
    """The share over the limit that breaks first at one load, by the search's curve, with 95 % bounds."""

    load: float
    share: float
    low: float
    high: float


class ProbeRecord(Part):
    """One probe of a search in short; `id` is that of its point, whose whole record stands in the run's
    `probes`. `load` is per generator, or a number of clients; `at` are seconds since the search began.
    """

    id: Text
    load: float
    seconds: float
    at: float
    phase: Text
    outcome: Outcome
    limits: tuple[LimitSeen, ...] = ()


class CapacityRecord(Part):
    """What a search was asked, and what it found.

    `least`, `most`, `low`, `high`, `kept` and `broke` are per generator, or numbers of clients; `clients`
    generators took part in each probe (0: their number was searched). `low` and `high` bound the capacity at
    `confidence`: 0 and infinity where nothing bounds it. `kept` and `broke` are the highest load with a
    verdict of pass and the lowest with one of fail. `at_least` is of all generators together. `seconds` is
    how long it took, `more` what a narrower answer would still take. `curve` is what the interval was
    read off, by load per generator; empty where verdicts alone gave it.
    """

    of: Literal["rate", "clients", "rate_iops", "iodepth"]
    clients: int
    least: float
    most: float
    step: float
    width: float
    probe: float
    budget: float
    confidence: float
    at_least: float | None = None
    end: End
    low: Annotated[float, Field(ge=0)]
    high: Annotated[float, Field(ge=0)]
    kept: float
    broke: float
    limit: Text
    limit_told: Text = ""
    seconds: float
    reasons: tuple[Text, ...] = ()
    more: float = 0.0
    probes: tuple[ProbeRecord, ...] = Field(default=())
    curve: tuple[CurveSeen, ...] = ()

    @model_validator(mode="after")
    def _says_what_its_end_needs(self) -> Self:
        if self.clients < (self.of in OF_ALL):
            raise ValueError("a search of what all generators make together has one at least")
        if self.end in NUMBERED and not 0 < self.low < math.inf:
            raise ValueError(f"a search that ended as {self.end} has a lower bound")
        if self.end is End.CONNECTIONS:
            float(" ".join(self.reasons) or "nan")
        return self

    @property
    def factor(self) -> int:
        """What a load per generator is multiplied with for that of all of them together."""
        return self.clients if self.of in OF_ALL else 1

    @property
    def unit(self) -> str:
        """What it counts."""
        return unit(self.of)

    @property
    def whole(self) -> bool:
        """Whether it gives whole numbers."""
        return self.of == "clients"

    @property
    def middle(self) -> float:
        """The likeliest capacity, per generator; NaN where no interval was found."""
        if self.end not in NUMBERED:
            return math.nan
        return self.low if self.low == self.high else math.sqrt(self.low * self.high)

    def of_all(self, load: float) -> str:
        """A load per generator as that of all generators together, for people."""
        return _number(load * self.factor)


def verdict(found: CapacityRecord) -> tuple[Outcome, tuple[str, ...]]:
    """The outcome of a search, and why it is invalid if it is.

    With a gate, the interval is held against it; without one, what was found is a pass, whatever it is.
    """
    low, high = found.low * found.factor, found.high * found.factor
    gate = found.at_least
    told = tuple(sentences(found)[:1])
    match found.end:
        case End.BELOW:
            return Outcome.FAIL, ()
        case End.INVALID | End.CONNECTIONS:
            return Outcome.INVALID, told
        case End.GENERATORS:
            passes = gate is not None and low >= gate
            return (Outcome.PASS, ()) if passes else (Outcome.INVALID, told)
        case End.DRIFTING | End.NOT_MONOTONE | End.CONTRADICTION | End.UNDECIDED:
            return Outcome.INCONCLUSIVE, ()
        case End.FOUND | End.TOO_WIDE | End.AT_LEAST:
            if gate is None:
                return (Outcome.INCONCLUSIVE if found.end is End.TOO_WIDE else Outcome.PASS), ()
            if low >= gate:
                return Outcome.PASS, ()
            return (Outcome.FAIL if high < gate else Outcome.INCONCLUSIVE), ()


def check(found: CapacityRecord) -> Check:
    """The check of a search, of all generators together."""
    outcome, _ = verdict(found)
    low, high = found.low * found.factor, found.high * found.factor
    kept = found.kept * found.factor
    value = found.middle * found.factor if found.end in NUMBERED else (kept or math.nan)
    limit = found.at_least if found.at_least is not None else math.nan
    told = " ".join(sentences(found))
    return Check(CAPACITY, outcome, value, limit, found.unit, low, high, False, told)


def record(
    found: Capacity,
    *,
    asked: dict[str, object],
    probes: Sequence[ProbeRecord],
    limit_told: str,
) -> CapacityRecord:
    """The record of what a search found; `asked` are the fields of its question."""
    return CapacityRecord.model_validate(
        asked
        | {
            "end": found.end,
            "low": found.low,
            "high": found.high,
            "kept": found.kept,
            "broke": found.broke,
            "limit": found.limit,
            "limit_told": limit_told,
            "seconds": found.seconds,
            "reasons": found.reasons,
            "more": found.more,
            "probes": tuple(probes),
            "curve": tuple(
                CurveSeen(load=load, share=share, low=low, high=high)
                for load, share, low, high in found.curve
            ),
        }
    )


def sentences(found: CapacityRecord) -> list[str]:
    """What a search found: the answer, or why there is none; then what verdicts alone say, and the cost."""
    return [f"{_answer(found)}{_held(found)}", _verdicts(found), *_gate(found)]


def _held(found: CapacityRecord) -> str:
    """How an interval, or what is at least kept, stands to what has to be reached; "" where nothing has."""
    if found.at_least is None or found.end not in (*NUMBERED, End.AT_LEAST, End.GENERATORS):
        return ""
    asked = _number(found.at_least)
    if found.low * found.factor >= found.at_least:
        return f" The {asked} that are asked at least are reached."
    if found.high * found.factor < found.at_least:
        return f" The {asked} that are asked at least are not reached."
    return f" Whether the {asked} that are asked at least are reached was not decided."


def _answer(found: CapacityRecord) -> str:
    sure, unit = f"{found.confidence * 100:.4g} %", found.unit
    low, high = found.of_all(found.low), found.of_all(found.high)
    by, reasons = f", by {found.limit_told or found.limit}", " ".join(found.reasons)
    match found.end:
        case End.FOUND | End.TOO_WIDE if found.low == found.high:
            return f"{low} {unit} keep the SLA, and one more does not ({sure}){by}."
        case End.FOUND:
            return f"{found.of_all(found.middle)} {unit} keep the SLA ({sure}: {low} to {high}){by}."
        case End.TOO_WIDE:
            wide, asked = (f"{share * 100:.3g} %" for share in (found.high / found.low - 1, found.width))
            over = found.seconds + found.probe > found.budget
            why = (
                f"the budget of {_minutes(found.budget)} is over"
                if over
                else f"in between the generators end: {reasons.rstrip('.')}"
                if reasons
                else "a limit on a rate decides slowly"
            )
            return (
                f"The capacity lies between {low} and {high} {unit} ({sure}){by}: {wide} wide, where {asked}"
                f" are asked, and {why}."
            )
        case End.BELOW:
            start = found.of_all(found.least)
            return f"The SLA is broken at {start} {unit} already{by}: it is below where the search begins."
        case End.AT_LEAST if found.kept < found.most:
            most = found.of_all(found.most)
            return (
                f"At least {low} {unit} keep the SLA; that {most} do, where the search ends, was not decided."
            )
        case End.AT_LEAST:
            end = f"there the search ends ({found.of_all(found.most)}), not the cloud"
            return f"At least {low} {unit} keep the SLA: {end}."
        case End.GENERATORS if not found.low:
            return f"Generators end at the first loads already, and nothing is said of the cloud: {reasons}"
        case End.GENERATORS:
            return f"At least {low} {unit} keep the SLA; here the generators end: {reasons}"
        case End.INVALID:
            return f"The search could not go on, and finds no capacity: {reasons}"
        case End.CONNECTIONS:
            bound = found.of_all(float(reasons or "nan"))
            return (
                f"What ends here are the connections, or the I/Os under way, and not the cloud: at the time"
                f" that each takes they allow {bound} {unit}; raise load.connections, or iodepth."
            )
        case End.DRIFTING:
            return (
                "The cloud changed while it was searched: what was found before and after does not agree; no"
                " capacity is given."
            )
        case End.NOT_MONOTONE:
            return "A load that keeps the SLA lies above one that breaks it: no capacity is given."
        case End.CONTRADICTION:
            return "The curve through the counts contradicts the verdicts: no capacity is given."
        case End.UNDECIDED if found.seconds + found.probe <= found.budget:
            start = found.of_all(found.least)
            return (
                f"Whether the SLA is kept at {start} {unit}, where the search begins, could not be decided:"
                " no capacity is given."
            )
        case End.UNDECIDED:
            highest = max((probe.load for probe in found.probes), default=0.0)
            ramp = all(probe.phase == RAMP for probe in found.probes) and highest
            ended = f", which ended its first steps at {found.of_all(highest)} {unit}" if ramp else ""
            within = f"within the budget of {_minutes(found.budget)}{ended}"
            return f"Where the SLA breaks could not be decided {within}: no capacity is given."


def _verdicts(found: CapacityRecord) -> str:
    kept = f"kept by verdict up to {found.of_all(found.kept)}" if found.kept else "no load kept by verdict"
    broke = "no load broken by verdict"
    if math.isfinite(found.broke):
        broke = f"broken by verdict from {found.of_all(found.broke)}"
    broke += f" in windows of {format_duration(found.probe)}"
    cost = f"{counted(len(found.probes), 'point')}, {found.seconds / 60:.1f} min of load"
    more = f"; {found.width * 100:.3g} % would take about {_minutes(found.more)} more" if found.more else ""
    return f"{kept[0].upper()}{kept[1:]}, {broke}; {cost}{more}."


def _gate(found: CapacityRecord) -> list[str]:
    """What is per generator, and what has to be reached by all of them."""
    if found.factor == 1 and found.at_least is None:
        return []
    each = ""
    if found.factor > 1:
        each = f"Searched from {_number(found.least)} to {_number(found.most)} for each of {found.clients}"
        if found.end in NUMBERED:
            each += f", found {_number(found.low)} to {_number(found.high)} each"
    gate = ""
    if found.at_least is not None:
        per = f" ({_number(found.at_least / found.factor)} each)" if found.factor > 1 else ""
        gate = f"at least {_number(found.at_least)}{per} is asked of all together"
    told = "; ".join(filter(None, (each, gate)))
    return [f"{told[0].upper()}{told[1:]}."]


def _minutes(seconds: float) -> str:
    return format_duration(seconds) if seconds < 60 else f"{seconds / 60:.3g} min"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "unbounded"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def properties(found: CapacityRecord) -> Iterator[tuple[str, str | int | float]]:
    """For JUnit: of all generators together and, under `each`, per generator; none if nothing bounds it."""
    yield from (("kb.capacity.of", found.of), ("kb.capacity.unit", found.unit))
    yield from (("kb.capacity.end", str(found.end)), ("kb.capacity.limit", found.limit))
    for prefix, factor in (("kb.capacity", found.factor), ("kb.capacity.each", 1)):
        for name in ("low", "high", "kept", "broke"):
            value = getattr(found, name)
            if value and math.isfinite(value):
                yield f"{prefix}.{name}", value * factor
    yield from (("kb.capacity.probes", len(found.probes)), ("kb.capacity.seconds", found.seconds))
    if found.at_least is not None:
        yield "kb.capacity.at_least", found.at_least


def narrower(found: CapacityRecord, scenario: str) -> tuple[str, str] | None:
    """What a search for a narrower interval would take, and the options that ask for it; None where no
    interval was found, or one that cannot be narrower.

    An interval half as wide takes four times as many counts near the limit.
    """
    if found.end not in NUMBERED or not 0 < found.low < found.high:
        return None
    width, more = found.width, found.more
    if found.end is End.FOUND:
        width = found.width / 2
        more = 3 * sum(probe.seconds for probe in found.probes if probe.phase != RAMP)
    whole = found.seconds + more
    if width < NARROWEST or not more or whole > LONGEST:
        return None
    which = "Half as wide" if found.end is End.FOUND else "As narrow as was asked"
    told = (
        f"{which}, {width * 100:.3g} %, would take a search of about {_minutes(whole)}, {_minutes(more)} more"
        " than this one. Add these options to its command line; where probes are too short for that, the plan"
        " says so."
    )
    budget = math.ceil(1.25 * whole / 60)
    options = f" --kb-set {scenario}:load.capacity.budget={budget}m"
    if width != found.width:
        options = f" --kb-set {scenario}:load.capacity.width={width * 100:.3g}%{options}"
    return told, options.strip()


def asked(found: CapacityRecord) -> Iterator[tuple[str, str]]:
    """What a search was asked, for people."""
    each = " each" if found.factor > 1 else ""
    yield "searched", f"{found.unit} from {_number(found.least)} to {_number(found.most)}{each}"
    if found.factor > 1:
        yield "of all together", f"{found.of_all(found.least)} to {found.of_all(found.most)}"
    if found.at_least is not None:
        yield "at least", f"{_number(found.at_least)} of all together"
    yield "width", f"{found.width * 100:.3g} %"
    yield "steps", f"{found.step * 100:.3g} %"
    yield "probes", f"{format_duration(found.probe)} each"
    yield "budget", format_duration(found.budget)
    yield "breaks first", found.limit_told or found.limit
    yield "took", f"{counted(len(found.probes), 'probe')}, {_minutes(found.seconds)}"
