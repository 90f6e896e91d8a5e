"""What was done to the cloud, in seconds of the window: from hooks, and from what people noted in files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from kb_tests.events.lines import LONGEST, encode
from kb_tests.events.markers import MOST, noted
from kb_tests.events.model import Log, Marker
from kb_tests.report.marks import HookRecord
from kb_tests.session.marking import Marked

BEGAN = HookRecord(name="reboot", at=5.0, began=5.02, outcome="done")
NEVER = HookRecord(name="later", at=9.0, outcome="not_started")


class Hooks:
    """Two hooks, one of which began."""

    def start(self, origin: float) -> None:
        self.origin = origin

    def end(self) -> tuple[HookRecord, ...]:
        return BEGAN, NEVER


def note(folder: Path, name: str, t: float, text: str = "pulled it") -> None:
    (folder / f"mark-{name}.ndjson").write_bytes(encode(0, t, Marker(text=text)))


def marked(folder: Path | None, before: float = 2.0) -> Marked:
    hooks: Any = Hooks()
    return Marked(hooks, before, folder)


def test_marks_are_seconds_of_the_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 50.0)
    monkeypatch.setattr(time, "time", lambda: 1e9)
    found = marked(tmp_path)
    found.start(51.0)  # and two seconds of warm-up
    note(tmp_path, "00000001", 1e9 + 10.0)
    found.end()
    hook, marker = found.marks()
    assert (hook.at, hook.name, hook.kind) == (5.02, "reboot", "hook")
    assert marker.at == pytest.approx(7.0)
    assert (marker.name, marker.kind) == ("pulled it", "marker")
    assert [mark.at for mark in found.marks(cut=4.0)] == pytest.approx([1.02, 3.0])


def test_a_load_that_never_began_or_ran_in_rounds_has_no_place_for_markers(tmp_path: Path) -> None:
    note(tmp_path, "00000001", time.time())
    never, rounds = marked(tmp_path), marked(tmp_path)
    assert never.marks() == ()
    rounds.start(time.monotonic())
    rounds.start(time.monotonic() + 5)
    assert rounds.marks() == ()


def test_a_session_that_nobody_can_follow_has_no_markers() -> None:
    found = marked(None)
    found.start(time.monotonic())
    assert found.marks() == ()


def test_files_of_others_are_read_with_care(tmp_path: Path) -> None:
    note(tmp_path, "00000003", 30.0, "third")
    note(tmp_path, "00000002", 20.0, "second")
    (tmp_path / "mark-0000000a.ndjson").write_bytes(b'{"v": 1, "n": 0, "t": "soon", "kind": "marker"}\n')
    (tmp_path / "mark-0000000b.ndjson").write_bytes(b"\xff" * (LONGEST + 10))
    (tmp_path / "mark-0000000c.ndjson").mkdir()
    (tmp_path / "mark-0000000d.ndjson").write_bytes(encode(0, 10.0, Log(text="no marker")))
    assert [each.text for each in noted(tmp_path)] == ["second", "third"]
    assert noted(tmp_path / "nowhere") == []
    for number in range(MOST + 20):
        note(tmp_path, f"{number + 256:08x}", 100.0 + number)
    assert len(noted(tmp_path)) == MOST
