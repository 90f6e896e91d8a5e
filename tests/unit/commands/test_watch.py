"""What `kb watch` says at the end of a session, of the word that it ended by or of none."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb_tests import cli, watch
from kb_tests.events import lines, sessions
from kb_tests.events.model import Filed, Log, SessionEnded

SID = "0123abcd"
END = SessionEnded(exit_code=0)
WORKER = SessionEnded()


@pytest.mark.parametrize(
    ("main", "worker", "killed"),
    [([Log(text="hello"), END], [WORKER], False), ([Log(text="hello")], [WORKER], True), ([], [], True)],
    ids=["ended", "killed", "silent"],
)
@pytest.mark.parametrize("json", [False, True])
def test_a_session_that_was_killed_is_said_to_be_gone(
    main: list[Filed],
    worker: list[Filed],
    killed: bool,
    json: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = sessions.root() / SID
    folder.mkdir(parents=True)
    for name, events in (("main", main), ("gw0", worker)):
        written = [lines.encode(number, 1.0, event) for number, event in enumerate(events)]
        (folder / f"{name}.ndjson").write_bytes(b"".join(line or b"" for line in written))
    assert cli.main(["watch", "--replay", *(["--json"] if json else []), SID]) == 0
    assert (watch.NO_LAST_WORDS in capsys.readouterr().out) is (killed and not json)
