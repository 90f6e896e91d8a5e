"""Which runs' journals a new run removes, and which never."""

from __future__ import annotations

import os
import time
from pathlib import Path

from kb_tests.cloud.account import Account
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.prune import KEEP_SECONDS, prune

OLD = time.time() - KEEP_SECONDS - 3600


def ended(folder: Path, run_id: str) -> Journal:
    """A run of which nothing is left."""
    journal = Journal.start("mycloud", run_id=run_id, folder=folder)
    journal.bind(Account("http://cloud.example/v3"))
    journal.removed("network", journal_made(journal))
    journal.close()
    journal.path.with_name("reaper.log").touch()
    return journal


def journal_made(journal: Journal) -> str:
    journal.created(journal.intend("network", f"kb-{journal.run_id}-client"), "n1")
    return "n1"


def aged(journal: Journal, at: float = OLD) -> Path:
    os.utime(journal.path, (at, at))
    return journal.path.parent


def test_a_run_that_ended_long_ago_is_forgotten(tmp_path: Path) -> None:
    old, recent = aged(ended(tmp_path, "00000001")), ended(tmp_path, "00000002").path
    assert prune(tmp_path) == [old]
    assert list(tmp_path.iterdir()) == [recent.parent]


def test_whatever_may_have_something_left_stays(tmp_path: Path) -> None:
    open_ = Journal.start("mycloud", run_id="00000001", folder=tmp_path)
    open_.bind(Account("http://cloud.example/v3"))
    journal_made(open_)
    open_.release()
    kept = Journal.start("mycloud", run_id="00000002", folder=tmp_path)
    kept.bind(Account("http://cloud.example/v3"))
    kept.keep(time.time() + 100)
    kept.release()
    half = Journal.start("mycloud", run_id="00000003", folder=tmp_path)
    half.beside("other").bind(Account("http://other.example/v3"))
    half.close()
    half.release()
    unknown = ended(tmp_path, "00000004")
    unknown.path.write_bytes(b"\0" + unknown.path.read_bytes())
    more = ended(tmp_path, "00000005")
    more.path.with_name("secrets.json").touch()
    again = ended(tmp_path, "00000006")
    with again.path.open("a") as file:
        file.write('{"op": "intend", "seq": 7, "kind": "server", "name": "kb-00000006-proxy"}\n')
    for journal in (open_, kept, half, unknown, more, again):
        aged(journal)
    (tmp_path / "notes").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert prune(tmp_path) == []
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_that_somebody_holds_stays(tmp_path: Path) -> None:
    journal = ended(tmp_path, "00000001")
    folder = aged(journal)
    held = Journal.open(journal.path)
    assert prune(tmp_path) == []
    held.release()
    assert prune(tmp_path) == [folder]


def test_where_nothing_ever_ran_there_is_nothing_to_prune(tmp_path: Path) -> None:
    assert prune(tmp_path / "none") == []
