"""`kb compare` from outside: whatever becomes of it, exit code 1 means that B is slower, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb_tests.cli import main
from kb_tests.compare import comparison
from tests.unit.compare.build import run


@pytest.mark.parametrize(
    "fault",
    [
        ZeroDivisionError("division by zero"),
        KeyError("x"),
        RecursionError(),
        ValueError("\x1b]0;of a record\x07"),
    ],
)
def test_a_fault_of_its_own_is_no_verdict(
    fault: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = [str(run(name).write(tmp_path)) for name in ("0000000a", "0000000b")]

    def fails(*_sides: object, **_options: object) -> None:
        raise fault

    assert main(["compare", *sides]) == 10
    monkeypatch.setattr(comparison, "compare", fails)
    capsys.readouterr()
    assert main(["compare", *sides]) == 11
    said = capsys.readouterr().err
    assert said.startswith("kb: Nothing can be said of B, by a fault of kb compare itself: ")
    assert type(fault).__name__ in said
    assert "Traceback" not in said
    assert said.strip().isprintable()


def test_folders_of_one_name_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = [tmp_path / day / "reports" for day in ("monday", "tuesday")]
    for folder, name in zip(sides, ("0000000a", "0000000b"), strict=True):
        run(name).write(folder)
    assert main(["compare", *map(str, sides)]) == 10
    said = capsys.readouterr().out
    assert all(f"{letter}: {folder}," in said for letter, folder in zip("AB", sides, strict=True))
