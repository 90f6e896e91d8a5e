"""Options that all commands share stand before or behind a command's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb_tests.localcloud import command


@pytest.mark.parametrize(
    "words",
    [
        "fault list --state HERE",
        "fault --state HERE list",
        "--state HERE fault list",
        "fault --state ELSEWHERE list --state HERE",
        "servers --state HERE",
        "--state HERE servers",
        "fault --region east --state HERE server web crash",
        "fault --state HERE volume data late 3 --region east",
        "set --state HERE",
    ],
)
def test_the_folder_of_a_cloud_is_heard_wherever_it_stands(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, elsewhere = str(tmp_path / "here"), str(tmp_path / "elsewhere")
    given = [{"HERE": here, "ELSEWHERE": elsewhere}.get(word, word) for word in words.split()]
    options = command.build_parser().parse_args(given)
    assert options.state == tmp_path / "here"
    assert getattr(options, "region", None) == ("east" if "east" in words else None)
    assert command.main(given) == 1
    assert capsys.readouterr().err == f"No local cloud runs in {here}: start one with up.\n"


def test_without_a_word_of_it_it_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert command.main(["status"]) == 1
    assert command.main(["fault", "list"]) == 1
