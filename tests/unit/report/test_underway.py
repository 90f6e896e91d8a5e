"""The record of a run that lives: cheap to add to, and whole whatever ends it."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from pathlib import Path

import pytest

from kb_tests.cli import main
from kb_tests.errors import RecordError
from kb_tests.history.summary import summarize
from kb_tests.report import changes
from kb_tests.report.changes import Ended, Over, Said, Selected, Staged
from kb_tests.report.record import PointStatus, RunRecord, TopologyRecord, load
from kb_tests.report.underway import Underway, fold, fold_all
from tests.unit.report import build

RATES = (500, 1000, 2000)


def not_run(rate: float) -> Selected:
    return Selected(point=build.without(PointStatus.NOT_RUN, "The session ended.", build.point(rate=rate)))


def begun(folder: Path) -> Underway:
    """A run of three points, none of which has ended."""
    run = Underway(build.run([]).model_copy(update={"ended": None, "exit_code": None}), folder)
    run.change(*(not_run(rate) for rate in RATES))
    run.begin()
    run.save()
    return run


def went_on(run: Underway) -> RunRecord:
    """What `run` is after everything that may happen to it."""
    run.change(Staged(scenario="http-east-west", topology=TopologyRecord.of(build.topology(2))))
    run.change(Said(where="notes", sentence="A note."), Said(where="problems", sentence="It failed."))
    run.save()
    run.change(Ended(point=build.judged(build.point(rate=1000))))
    run.save()
    run.change(
        Said(where="problems", sentence="It failed.", gone=True), Said(where="leaks", sentence="A port.")
    )
    run.change(Ended(point=build.judged(build.point(rate=500), undecided=True)))
    run.save()
    return run.record


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_all_that_was_saved_can_be_read_while_the_run_lives(tmp_path: Path) -> None:
    run = begun(tmp_path)
    record = went_on(run)
    assert [point.status for point in record.points] == ["judged", "judged", "not_run"]
    assert load(run.path) == record
    assert load(changes.beside(run.path)) == record
    assert record.ended is None


def test_a_run_that_ended_is_one_file(tmp_path: Path) -> None:
    run = begun(tmp_path)
    record = went_on(run)
    run.change(Over(ended=build.ENDED, exit_code=10))
    assert run.end() == tmp_path / "1f2e3d4c.json"
    assert files(tmp_path) == ["1f2e3d4c.json"]
    assert load(run.path) == record
    assert record.exit_code == 10
    run.change(Said(where="leaks", sentence="Something that was told last."))
    run.save()
    assert load(run.path).leaks == ["A port.", "Something that was told last."]
    assert files(tmp_path) == ["1f2e3d4c.json"]


def test_a_point_costs_its_own_size_however_many_there_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, written = begun(tmp_path), [0]

    def write(fd: int, data: bytes) -> int:
        written[-1] += len(data)
        return real(fd, data)

    real = os.write
    monkeypatch.setattr(os, "write", write)
    point = build.judged(build.point(rate=500))
    for _ in range(20):
        written.append(0)
        run.change(Ended(point=point))
        run.save()
    assert 0 < written[-1] <= written[1] + 10


def test_what_a_crash_leaves_is_folded_into_one_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = begun(tmp_path)
    record = went_on(run)
    assert not fold(run.path), "while the process that writes it lives"
    found = summarize(run.path)
    assert found is not None
    assert [outcome for _, outcome in found.points] == ["inconclusive", "pass", "not_run"]
    run._close()  # as the kernel does for a process that was killed
    assert main(["report", str(run.path)]) == 0
    assert files(tmp_path) == ["1f2e3d4c.html", "1f2e3d4c.json"]
    assert load(run.path) == record
    assert summarize(run.path) == found
    assert "1f2e3d4c.html" in capsys.readouterr().out
    assert not fold(run.path), "there is nothing left to fold"


def test_a_crash_may_come_after_any_byte(tmp_path: Path) -> None:
    run = begun(tmp_path)
    first = changes.beside(run.path).read_bytes()
    states = [load(run.path)]
    run.change(Said(where="notes", sentence="A nöte."))
    run.save()
    states.append(load(run.path))
    run.change(Ended(point=build.without(PointStatus.LOST, "It went away.", build.point(rate=500))))
    run.save()
    states.append(load(run.path))
    run._close()
    whole = changes.beside(run.path).read_bytes()
    seen = []
    for end in range(len(first), len(whole) + 1):
        changes.beside(run.path).write_bytes(whole[:end])
        found = load(run.path)
        assert found in states
        seen.append(states.index(found))
    assert seen == sorted(seen)
    assert set(seen) == {0, 1, 2}


def test_lines_are_folded_whatever_byte_they_end_at(tmp_path: Path) -> None:
    run = begun(tmp_path)
    before = run.path.read_bytes()
    run.change(Ended(point=build.without(PointStatus.LOST, "It went away.", build.point(rate=500))))
    run.save()
    run._close()
    lines = changes.beside(run.path)
    whole = lines.read_bytes()
    first = whole.index(b"\n")
    for end in [0, 1, first - 1, first, first + 1, first + 2, len(whole) - 2, len(whole) - 1, len(whole)]:
        run.path.write_bytes(before)
        lines.write_bytes(whole[:end])
        assert fold(run.path) == (end > first)
        assert files(tmp_path) == ["1f2e3d4c.json"]
        status = "lost" if end == len(whole) else "not_run"
        assert [point.status for point in load(run.path).points] == [status, "not_run", "not_run"]


def test_lines_without_a_record_that_say_nothing_are_left_and_named(tmp_path: Path) -> None:
    (tmp_path / "1f2e3d4c.ndjson").write_bytes(b'{"schema_version":2,"ru')
    with pytest.raises(RecordError, match=r"1f2e3d4c.ndjson is no record of a run"):
        fold(tmp_path / "1f2e3d4c.json")
    assert files(tmp_path) == ["1f2e3d4c.ndjson"]


def test_whoever_folds_while_a_run_begins_does_not_disturb_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock
    folded: list[bool] = []
    run = Underway(build.run([]), tmp_path)

    def meanwhile(fd: object, how: int) -> None:
        if not folded:
            folded.append(True)
            folded[0] = fold(run.path)
        flock(fd, how)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", meanwhile)
    run.save()
    assert folded == [False]
    assert load(run.path) == run.record
    assert not fold(run.path), "it is locked from the first moment on"


def test_what_could_not_be_taken_off_again_is_before_more_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(tmp_path)
    before, write = load(run.path), os.write

    def half(fd: int, data: bytes) -> int:
        if len(data) > 20:
            return write(fd, bytes(data)[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    run.change(Said(where="notes", sentence="A note that is long enough to be cut in two."))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        patch.setattr(os, "ftruncate", refuse)
        with pytest.raises(RecordError, match="No space left on device"):
            run.save()
        assert load(run.path) == before
        with pytest.raises(RecordError, match="Input/output error"):
            run.save()
    run.save()
    assert load(run.path) == run.record


def test_what_others_left_is_folded_and_what_is_none_of_ours_stays(tmp_path: Path) -> None:
    record = went_on(run := begun(tmp_path))
    other = Underway(build.run([]).model_copy(update={"run": "0a0b0c0d"}), tmp_path)
    other.save()
    (tmp_path / "events.ndjson").write_text("{}\n")
    (tmp_path / "99999999.ndjson").write_text("{}\n")
    (tmp_path / "88888888.ndjson").mkdir()
    run._close()
    assert fold_all(tmp_path) == [run.path]
    assert load(run.path) == record
    left = ["0a0b0c0d.ndjson", "1f2e3d4c.json", "88888888.ndjson", "99999999.ndjson", "events.ndjson"]
    assert files(tmp_path) == left
    assert fold_all(tmp_path / "nowhere") == []


def test_what_lost_power_may_leave_behind_the_last_line_is_passed_over(tmp_path: Path) -> None:
    run = begun(tmp_path)
    run._close()
    record = load(run.path)
    with changes.beside(run.path).open("ab") as file:
        file.write(b"\0" * 4096 + b"\n")
    assert load(run.path) == record


def test_a_line_that_is_damaged_says_which(tmp_path: Path) -> None:
    run = begun(tmp_path)
    went_on(run)
    run._close()
    found = changes.beside(run.path).read_bytes().splitlines()
    found[2] = b'{"change":"said","where":"passwords","sentence":"x"}'
    changes.beside(run.path).write_bytes(b"\n".join(found) + b"\n")
    with pytest.raises(RecordError, match=r"1f2e3d4c.ndjson is damaged at line 3"):
        load(run.path)


@pytest.mark.parametrize("failing", ["write", "fsync", "half"])
def test_what_a_full_disk_refused_is_written_when_there_is_room(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(tmp_path)
    before = load(run.path)
    real = os.write

    def full(fd: int, data: bytes = b"") -> int:
        if failing == "half" and len(data) > 20:
            return real(fd, bytes(data)[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    run.change(Said(where="notes", sentence="A note that is long enough to be cut in two."))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync" if failing == "fsync" else "write", full)
        with pytest.raises(RecordError, match=r"1f2e3d4c.ndjson cannot be written: No space left on device"):
            run.save()
    assert load(run.path) == before
    run.change(Said(where="notes", sentence="Another."))
    run.save()
    assert load(run.path) == run.record


def test_a_folder_that_somebody_removed_is_made_again(tmp_path: Path) -> None:
    run = begun(tmp_path / "reports")
    shutil.rmtree(tmp_path / "reports")
    record = went_on(run)
    run._close()
    assert fold(run.path)
    assert load(run.path) == record


def test_lines_of_another_version_are_refused(tmp_path: Path) -> None:
    run = begun(tmp_path)
    run._close()
    path = changes.beside(run.path)
    path.write_bytes(path.read_bytes().replace(b'"schema_version":2', b'"schema_version":9', 1))
    with pytest.raises(RecordError, match="schema version 9"):
        load(run.path)
