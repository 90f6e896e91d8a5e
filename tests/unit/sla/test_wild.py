"""Whatever agents send: a clear verdict, never a crash, never a pass that the counts do not bear out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from kb_tests.fleet.http.messages import BlockReport, Done, HttpReport, KeptSecond, SecondReport
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.merge import measure
from kb_tests.sla.http.judge import judge
from kb_tests.sla.verdict import Outcome
from tests.unit.fuzz import examples
from tests.unit.measure.reports import POINT, SLA, fleet

WHOLE = fleet()
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.integers(400, 600),
    st.sampled_from([1 << 31, 1 << 53, 1 << 70, 0.5, 1e-9, 4.999, 5.0, 1e300, True, None, "", "id"]),
)
HISTOGRAMS = st.one_of(
    st.sampled_from(["", "QUJD", Histogram().encode(), Histogram.of([4000.0] * 7).encode()]),
    st.text("ABCabc012+/=", max_size=40),
)
COUNTS = ("due", "sent", "completed", "unsent", "inflight", "bytes")
ERRORS = ("connect", "timeout", "http_5xx", "ports_exhausted", "nonsense")


@st.composite
def spoilt(draw: st.DrawFn, model: type[BaseModel], message: dict[str, Any]) -> dict[str, Any]:
    """A message with one field changed."""
    message = json.loads(json.dumps(message))
    key = draw(st.sampled_from(sorted(message)))
    if key == "counts" and draw(st.booleans()):
        message[key][draw(st.sampled_from(COUNTS))] = draw(NUMBERS)
    elif key == "counts":
        message[key]["errors"] = {draw(st.sampled_from(ERRORS)): draw(NUMBERS)}
    elif key in ("response", "service"):
        message[key] = draw(HISTOGRAMS)
    elif key == "buckets":
        message[key] = draw(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=5))
    else:
        message[key] = draw(NUMBERS)
    return message


def sent(message: BaseModel | KeptSecond) -> dict[str, Any]:
    """As it was on the wire."""
    if isinstance(message, BaseModel):
        return message.model_dump(mode="json")
    counts: dict[str, Any] = {"due": message.sent, "sent": message.sent, "completed": message.completed}
    counts |= {"unsent": 0, "inflight": 0, "bytes": message.bytes, "errors": {"timeout": message.failed}}
    body = {"index": message.index, "counts": counts, "buckets": list(message.buckets())}
    return {"v": 1, "kind": "second", "agent": "kb-client-1", "seq": 1, "id": message.id, **body}


@st.composite
def wild(draw: st.DrawFn, whole: HttpReport) -> HttpReport:
    """A report with some of its messages changed, lost, repeated or turned round.

    A changed message that the controller's schema refuses is lost, as in the fleet.
    """
    parts: dict[str, tuple[Any, ...]] = {}
    kinds: list[tuple[str, type[BaseModel], tuple[Any, ...]]] = [
        ("seconds", SecondReport, whole.seconds),
        ("blocks", BlockReport, whole.blocks),
        ("done", Done, (whole.done,)),
    ]
    for name, model, messages in kinds:
        kept = list(messages)
        for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
            place = draw(st.integers(0, len(messages) - 1))
            change = draw(st.sampled_from(["spoil", "spoil", "lose", "repeat", "reverse"]))
            if place < len(kept) and change == "spoil":
                try:
                    data = draw(spoilt(model, sent(kept[place])))
                    message = model.model_validate_json(json.dumps(data))
                    kept[place] = KeptSecond.of(message) if isinstance(message, SecondReport) else message
                except ValidationError:
                    del kept[place]
            elif place < len(kept) and change == "lose":
                del kept[place]
            elif place < len(kept) and change == "repeat":
                kept.append(kept[place])
            else:
                kept.reverse()
        parts[name] = tuple(kept)
    return replace(
        whole,
        seconds=parts["seconds"],
        blocks=parts["blocks"],
        done=parts["done"][0] if parts["done"] else None,
        problem=draw(st.sampled_from(["", "", "", "it fell silent"])),
        clock_error=draw(st.sampled_from([0.001, 0.001, 3600.0])),
    )


@settings(max_examples=examples(80), deadline=None)
@given(
    st.lists(st.one_of(*(wild(one) for one in WHOLE), *(st.just(one) for one in WHOLE)), max_size=3),
)
def test_any_reports_have_a_verdict_that_the_counts_bear_out(reports: list[HttpReport]) -> None:
    measured = measure(POINT, reports)
    verdict = judge(POINT, measured, SLA)
    assert (verdict.outcome is Outcome.INVALID) == bool(verdict.reasons)
    assert all(reason.endswith(".") and "\n" not in reason for reason in verdict.reasons)
    if verdict.outcome is not Outcome.PASS:
        return
    assert {report.agent for report in reports} == {"kb-client-1", "kb-client-2"}
    assert not measured.missing
    counts = measured.counts
    assert abs(counts.due - 5000) <= 50
    assert counts.completed >= 0.99 * counts.due
    assert measured.response.percentile(99) <= 0.05
    assert measured.achieved >= 950
