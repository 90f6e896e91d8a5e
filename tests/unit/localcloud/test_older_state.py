"""Files of another version of the local cloud: it is ended all the same, or one sentence says how."""

from __future__ import annotations

import fcntl
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.localcloud import command, control


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A folder that a process holds."""
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield tmp_path


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "300"]) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("more", [{}, {"notes": ["one"]}])
def test_a_cloud_of_one_region_is_ended(
    state: Path, process: subprocess.Popen[bytes], more: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    facts = {"pid": process.pid, "url": "http://127.0.0.1:1", "driver": "null", "cloud": "kb-local", **more}
    (state / "ready.json").write_text(json.dumps(facts))
    running = control.status(state)
    assert running is not None
    assert running.regions == {"RegionOne": "http://127.0.0.1:1"}
    assert command.main(["down", "--state", str(state)]) == 0
    assert capsys.readouterr().out == "ended\n"
    assert process.poll() is not None


@pytest.mark.parametrize("content", ["{}", "[]", "", "{", '{"pid": "x"}', '"text"', '{"pid": 1, "url": 5}'])
@pytest.mark.parametrize("words", [["down"], ["status"], ["set", "routers=ha"], ["servers"]])
def test_what_cannot_be_read_is_one_sentence(
    state: Path, content: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (state / "ready.json").write_text(content)
    name, *others = words
    assert command.main([name, "--state", str(state), *others]) == 1
    said = capsys.readouterr().err
    assert said == (
        f"The local cloud in {state} was started by another version of kb_tests, or {state}/ready.json is "
        f"damaged. End the process that holds {state}/lock (`lslocks` shows it).\n"
    )
