"""What was done to the cloud, and what followed, in every report."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from kb_tests.measure.recovery import Recovery, Tolerance
from kb_tests.report import html, junit, telling
from kb_tests.report.charts.page import point_charts
from kb_tests.report.headline import headline
from kb_tests.report.marks import HookRecord, RecoveryRecord
from kb_tests.report.record import PointRecord, RunRecord, load
from kb_tests.report.terminal import summary
from kb_tests.report.view import view
from tests.unit.report.build import check, judged, run, verdict

TOLERANCE = Tolerance(0.001, 0.1)
REBOOT = HookRecord(
    name="reboot", at=10.0, began=10.02, seconds=2.3, outcome="done", exit_code=0, output="ok"
)
QUICK = RecoveryRecord.of(Recovery("reboot", "hook", 10.02, 20.0, 3.98, 3.98, 11.0, 3.0, 312, 0.2, TOLERANCE))
NEVER = RecoveryRecord.of(
    Recovery("$x$ <b>", "marker", 12.0, 18.0, None, 18.0, 12.0, 18.0, 9, 0.2, TOLERANCE)
)
UNKNOWN = RecoveryRecord.of(Recovery("early", "marker", 1.0, 29.0, unknown="only 1 s came before it"))
EVIL = HookRecord(
    name="evil", at=1.0, outcome="failed", exit_code=7, output="<script>alert(1)</script>\nlast"
)


def point(*recovery: RecoveryRecord, hooks: tuple[HookRecord, ...] = (REBOOT,)) -> PointRecord:
    made = judged()
    value = float("inf") if NEVER in recovery else 3.98
    limited = replace(check("recovery", value, 15.0), low=min(18.0, value), high=value)
    changed = {"hooks": hooks, "recovery": recovery, "verdict": verdict([limited])}
    return made.model_copy(update=changed)


def record(*points: PointRecord) -> RunRecord:
    return run(points)


def test_a_record_keeps_both(tmp_path: Path) -> None:
    made = record(point(QUICK, NEVER, UNKNOWN))
    assert load(made.write(tmp_path)).points == made.points


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            QUICK,
            "After hook 'reboot' at 10.0 s it took 3.98s to recover; 3 s were off, from 11.0 s on: 312",
        ),
        (NEVER, "After marker '$x$ <b>' at 12.0 s it did not recover within 18.0 s"),
        (
            RecoveryRecord(mark="x", kind="marker", at=28.0, watched=2.0),
            "After marker 'x' at 28.0 s nothing was off for the 2.0 s that were left.",
        ),
        (UNKNOWN, "nothing can be told: only 1 s came before it."),
        (RecoveryRecord(mark="x", kind="hook", at=5.0, watched=9.0, seconds=0.0), "nothing was off."),
    ],
)
def test_in_words(one: RecoveryRecord, said: str) -> None:
    assert said in one.sentence


def test_the_terminal_tells_what_was_done_and_what_followed() -> None:
    told = "\n".join(line.text for line in summary(record(point(QUICK)), None))
    assert "Hook 'reboot' at 10.0 s: done, exit code 0, 2.3s." in told
    assert "it took 3.98s to recover" in told


def test_the_first_sentence_says_that_it_did_not_recover() -> None:
    never = point(NEVER)
    assert "it did not recover within 18s, where 15s are allowed" in headline(record(never))
    assert telling.findings(never)[0] == "it did not recover within 18s, where 15s are allowed"
    (shown,) = view(record(never)).scenarios[0].points[0].checks
    assert (shown.value, shown.interval, shown.margin) == (
        "not recovered",
        "18s at least",
        "3s over at least",
    )


def test_the_first_sentence_says_how_long_it_took() -> None:
    slow = check("recovery", 16.0, 15.0)
    told = point(QUICK).model_copy(update={"verdict": verdict([slow])})
    assert "it took 16s to recover, where 15s are allowed" in headline(record(told))


def test_junit_has_a_property_for_each_figure() -> None:
    found = dict(junit.properties(point(QUICK, NEVER)))
    assert (found["kb.hook.1.name"], found["kb.hook.1.exit_code"]) == ("reboot", 0)
    assert (found["kb.recovery.1.mark"], found["kb.recovery.1.seconds"]) == ("reboot", 3.98)
    assert (found["kb.recovery.2.least"], found["kb.check.recovery.value"]) == (18.0, float("inf"))
    assert "kb.recovery.2.seconds" not in found


def test_charts_mark_what_was_done() -> None:
    (over_time,) = [
        str(svg)
        for name, svg in point_charts(view(record(point(QUICK, NEVER))).scenarios[0].points[0])
        if name == "Over time"
    ]
    assert "reboot" in over_time
    assert "$x$ &lt;b&gt;" in over_time, "a name is no formula, and no markup"
    plain = view(record(point(hooks=()))).scenarios[0].points[0]
    assert "reboot" not in str(dict(point_charts(plain))["Over time"])


def test_what_a_hook_said_is_text() -> None:
    page = html.render(record(point(QUICK, hooks=(REBOOT, EVIL))))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert re.search(r"The end of what hook reboot said</summary><pre>ok</pre>", page)


@pytest.mark.parametrize(
    ("hook", "fault"),
    [
        (REBOOT, ""),
        (EVIL, "Hook 'evil' failed with exit code 7: last."),
        (REBOOT.model_copy(update={"outcome": "timed_out", "exit_code": None}), "longer than its timeout"),
        (
            REBOOT.model_copy(update={"outcome": "cut_off", "exit_code": None}),
            "had not ended when the point did",
        ),
        (HookRecord(name="x", at=9.0, outcome="not_started"), "the load was over before 9 s"),
    ],
)
def test_faults(hook: HookRecord, fault: str) -> None:
    assert fault in hook.fault
    assert bool(fault) == bool(hook.fault)
