"""What commands that read records or scenarios say of each kind of wrong input: one sentence with what, where
and what to do, and the exit code that the pages name; they leave nothing behind.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kb_tests.cli import main
from tests.unit.report import build

READERS = (["scaling"], ["culprits"], ["compare"])
WRONG = {
    "nothing.json": "There is no file or folder nothing.json",
    "some/where": "There is no file or folder some/where",
    "befor/": "There is no file or folder befor/",
    "empty": "There is no record of a run in empty",
    "broken.json": "broken.json is no record of a run: it is not JSON (line 2, column 1)",
    "binary.json": "binary.json is no record of a run: it is not JSON",
    "zero.json": "zero.json is no record of a run: it is empty",
    "list.json": "list.json is no record of a run: it has no schema_version",
    "later.json": "later.json has schema version 99",
    "deadbeef": "No run in reports is called or tagged 'deadbeef'",
    "": "No run is named",
    "x" * 300: "File name too long",
    " , ": "No run is named",
}
WORDS_OF_PROGRAMS = ("Traceback", "codec", "validation", "Expecting", "char 0", "None", "<byte", "int value")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a folder of one run, and with whatever is no record."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").mkdir()
    build.run([build.judged()]).write(tmp_path / "reports")
    (tmp_path / "empty").mkdir()
    build.run([]).model_copy(update={"scenarios": []}).write(tmp_path / "none")
    contents = {
        "broken": b'{"a": \n',
        "binary": b"\xdc\x00\xff",
        "zero": b"",
        "list": b"[1, 2]",
        "later": b'{"schema_version": 99}',
    }
    for name, content in contents.items():
        (tmp_path / f"{name}.json").write_bytes(content)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *command: str) -> tuple[int, str]:
    """The exit code, and the one sentence that was said, on stderr alone."""
    try:
        code = main(command)
    except SystemExit as ended:
        code = int(str(ended.code))
    out, err = capsys.readouterr()
    assert code != 0, out
    assert out == ""
    said = err.splitlines()[-1]
    assert code == 2 or len(err.splitlines()) == 1, err
    assert not any(word in err for word in WORDS_OF_PROGRAMS), err
    assert "  " not in said
    return code, said


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_what_is_no_run_is_said_to_be_none(
    place: Path, capsys: pytest.CaptureFixture[str], command: list[str], wrong: str
) -> None:
    before = sorted(path for path in place.rglob("*") if path.parent.name != "reports")
    code, said = refused(capsys, *command, wrong)
    assert WRONG[wrong] in said
    assert code == (11 if command == ["compare"] else 1)  # of kb compare, 1 is a verdict
    assert sorted(path for path in place.rglob("*") if path.parent.name != "reports") == before


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["history", "empty"], "There is no record of a run in empty"),
        (["history", "nowhere"], "There is no folder nowhere"),
        (["history", "--scenario", "nope"], "No run in reports is of scenario nope"),
        (["history", "--cloud", "other", "--tag", "x"], "No run in reports is of cloud other and tag x"),
        (["history", "x" * 300], "File name too long"),
        (["history", "none"], "No run in none came to a scenario"),
        (["runs", "--reports", "x" * 300], "File name too long"),
        (["runs", "--reports", "empty"], "There is no record of a run in empty"),
        (["runs", "--cloud", "other"], "No run in reports is of cloud other"),
        (["runs", "--since", "1s"], "No run in reports is of the last 1s"),
        (["runs", "-n", "-1"], "a whole number from 0 on is allowed here"),
        (["runs", "-n", "nan"], "a whole number from 0 on is allowed here"),
        (["plan", "http-east-west", "--power", "90%"], "--power says how often --slower is to be seen"),
        (["plan", "nothing.yaml"], "nothing.yaml is neither a file nor a shipped scenario"),
        (["plan", "empty"], "empty is neither a file nor a shipped scenario"),
        (["plan", ""], "No scenario is named"),
        (["plan", "zero.json"], "zero.json:1: is empty"),
        (["plan", "binary.json"], "binary.json: is not valid YAML: it is no text"),
        (["plan", "http-east-west", "--set", "load.rate=[]"], "one item at least"),
        (
            ["plan", "http-east-west", "--set", "sla.baseline={max_slower:5%}"],
            "takes a space after the colon of max_slower",
        ),
        (["scenario", "check", "x", "--set", "load.rate=[1]"], "x is neither a file nor a shipped"),
        (["ui", "--reports", "zero.json"], "zero.json is no folder"),
        (["ui", "--port", "99999"], "There is no port 99999"),
        (["ui", "--port", "nan"], "a whole number from 0 on is allowed here"),
        (["ui", "--max-servers", "0"], "a whole number from 1 on is allowed here"),
        (["ui", "--max-servers", "-1"], "a whole number from 1 on is allowed here"),
        (["ui", "--max-minutes", "nan"], "a number above 0 is allowed here"),
        (["ui", "--max-minutes", "-1"], "a number above 0 is allowed here"),
        (["ui", "--host-name", ""], "a name is allowed here"),
        (["ui", "--allow-hooks"], "--allow-hooks is for scenarios of a folder of your own"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_meant_is_said(
    place: Path, capsys: pytest.CaptureFixture[str], command: list[str], sentence: str
) -> None:
    code, said = refused(capsys, *command)
    assert sentence in said
    assert code in (1, 2)
    assert not (place / "empty" / ".kb-index.sqlite").exists()


@pytest.mark.parametrize("command", ["history", "runs"])
def test_a_list_that_is_asked_for_as_json_may_be_empty(
    place: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    code, _ = refused(capsys, command, "--cloud", "other", "--json")
    assert code == 1
