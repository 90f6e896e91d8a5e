"""Scenarios by the names they are shipped under, wherever a command takes one."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb_tests.cli import main
from kb_tests.scenario.shipped import shipped

NAMES = [path.stem for path in shipped()]


def test_the_shipped_ones_are_listed_with_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenario", "list"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == NAMES
    assert all(len(row.split()) > 6 for row in rows)


@pytest.mark.parametrize("command", [["scenario", "check"], ["scenario", "show"], ["plan"]], ids=" ".join)
def test_a_name_stands_for_its_file(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "http-east-west"]) == 0
    assert "http-east-west" in capsys.readouterr().out


def test_what_is_shown_can_be_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES:
        assert main(["scenario", "show", name]) == 0
        copy = tmp_path / f"{name}.yaml"
        copy.write_text(capsys.readouterr().out)
        assert main(["scenario", "check", str(copy)]) == 0
        capsys.readouterr()


def test_a_folder_of_that_name_hides_no_scenario(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo-http").mkdir()
    assert main(["plan", "demo-http"]) == 0


def test_an_unknown_name_lists_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "nosuch"]) == 1
    error = capsys.readouterr().err
    assert all(name in error for name in NAMES)


@pytest.mark.parametrize("command", [["scenario", "check"], ["plan"]], ids=" ".join)
def test_values_can_be_set(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    place = "topology.servers_per_network"
    assert main([*command, "http-east-west", "--set", f"{place}=1", "--set", "load.clients=null"]) == 0
    capsys.readouterr()
    assert main([*command, "http-east-west", "--set", f"{place}=none"]) == 1
    assert f"--set {place}=none: {place}: found 'none'; " in "".join(capsys.readouterr())


def test_its_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("kb_tests ")
