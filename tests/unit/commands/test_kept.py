"""`kb kept` is never mute."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb_tests.cli import main


def test_where_nothing_is_kept_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert main(["kept"]) == 0
    assert capsys.readouterr().out.startswith("No topology is kept on this machine")
