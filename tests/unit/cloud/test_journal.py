from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.cloud.account import Account
from kb_tests.cloud.contents import Contents, Entry, Header, read
from kb_tests.cloud.journal import Journal, default_folder, journals, path_of
from kb_tests.cloud.mark import Mark
from kb_tests.errors import CloudError

FIRST = (
    b'{"op": "run", "version": 1, "mark": "kb_tests run 01234567, lease until 2026-01-01T00:00:00Z", '
    b'"cloud": "mycloud"}\n'
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    journal = Journal.start("mycloud", run_id="01234567", scenario="small", folder=tmp_path, now=1000.0)
    journal.bind(Account("http://cloud.example/v3"))
    project = journal.intend("project", "kb-01234567-clients")
    journal.created(project, "p1")
    network = journal.intend("network", "kb-01234567-client", project="p1")
    refused = journal.intend("router", "kb-01234567-client", project="p1")
    journal.refused(refused)
    lost = journal.intend("keypair", "kb-01234567-key", project="p1", owner="u1")
    journal.created(network, "n1")
    journal.removed("network", "n1")

    contents = read(journal.path)
    assert contents.header == Header(Mark("01234567", 4600), "mycloud", "", "small")
    assert contents.account == Account("http://cloud.example/v3", entry="mycloud")
    assert tuple(contents.open.values()) == journal.entries()
    assert journal.entries() == (
        Entry(project, "project", "kb-01234567-clients", id="p1"),
        Entry(lost, "keypair", "kb-01234567-key", "p1", "u1"),
    )
    assert journal.projects() == ("p1",)
    assert journal.kinds() == {"project", "network", "router", "keypair"}
    journal.close()
    assert read(journal.path).closed
    assert list(journals(tmp_path)) == [journal.path]


def test_it_knows_which_cloud_a_resource_is_on(tmp_path: Path) -> None:
    north = Journal.start("north", run_id="01234567", scenario="small", folder=tmp_path, now=1000.0)
    south = north.beside("south", now=5000.0)
    for journal, url in ((north, "http://north.example"), (south, "http://south.example")):
        journal.bind(Account(url, "r"))
    north.created(north.intend("network", "kb-01234567-client"), "n1")
    south.created(south.intend("project", "kb-01234567-clients"), "p1")
    lost = south.intend("network", "kb-01234567-client", project="p1")
    north.removed("network", "n1")
    north.close()

    there = read(north.path)
    assert [part.header.cloud for part in there.parts] == ["north", "south"]
    assert [part.header.mark for part in there.parts] == [Mark("01234567", 4600), Mark("01234567", 8600)]
    assert [part.left for part in there.parts] == [False, True]
    with pytest.raises(CloudError, match="is alive"):
        Journal.open(north.path)  # closing one cloud's part does not end the run
    north.release()

    first, second = Journal.open(north.path).parts
    assert first.closed
    assert first.entries() == ()
    assert [(entry.seq, entry.id) for entry in second.entries()] == [(1, "p1"), (lost, "")]
    assert (second.header.scenario, second.projects()) == ("small", ("p1",))
    with pytest.raises(CloudError, match="'south' is region r of the cloud at"):
        second.bind(Account("http://elsewhere.example", "r", entry="south"))
    second.close()
    Journal.open(north.path).release()


def test_it_is_private_and_locked_while_it_lives(tmp_path: Path) -> None:
    journal = Journal.start("mycloud", folder=tmp_path)
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700
    with pytest.raises(CloudError, match="is alive"):
        Journal.open(journal.path)
    with pytest.raises(CloudError, match="cannot be made"):
        Journal.start("mycloud", run_id=journal.run_id, folder=tmp_path)
    journal.release()
    Journal.open(journal.path).release()


def test_an_intent_is_on_disk_before_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.start("mycloud", folder=tmp_path)
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(journal.path.read_bytes()))
    journal.intend("network", "kb-net")
    assert b'"kb-net"' in synced[-1]
    journal.release()


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    journal = Journal.start("mycloud", folder=tmp_path)
    seq = journal.intend("network", "kb-net")
    journal.release()
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole + b'{"op": "created", "seq": 1, "i')
    assert [entry.id for entry in read(journal.path).open.values()] == [""]

    again = Journal.open(journal.path)
    again.created(seq, "n1")
    again.release()
    assert [entry.id for entry in read(journal.path).open.values()] == ["n1"]


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.start("mycloud", folder=tmp_path)

    def full(descriptor: int, data: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(CloudError, match="cannot be written: No space left"):
            journal.intend("network", "kb-net")
    journal.release()


HERE = Account("http://one.example", "north", "p1", "u1", entry="mycloud")


@pytest.mark.parametrize(
    "other",
    [replace(HERE, auth_url="http://two.example"), replace(HERE, region="south", entry="mycloud")],
    ids=["cloud", "region"],
)
def test_another_cloud_or_region_is_refused(tmp_path: Path, other: Account) -> None:
    journal = Journal.start("mycloud", folder=tmp_path)
    journal.bind(HERE)
    journal.bind(replace(HERE, project="p2", user="u2", entry="another"))
    assert journal.account == HERE
    with pytest.raises(
        CloudError, match=r"made on 'mycloud', region north of the cloud at http://one"
    ) as error:
        journal.bind(other)
    assert f"'mycloud' is {other}. Name an entry" in str(error.value)
    journal.release()


def test_a_journal_that_knows_no_region_is_readable_and_goes_by_its_entry(tmp_path: Path) -> None:
    path = tmp_path / "01234567" / "journal.jsonl"
    path.parent.mkdir()
    path.write_bytes(
        FIRST
        + b'{"op": "cloud", "auth_url": "http://one.example"}\n'
        + b'{"op": "intend", "seq": 1, "kind": "network", "name": "kb-01234567-x", "project": "p"}\n'
        + b'{"op": "created", "seq": 1, "id": "n1"}\n{"op": "kept"}\n'
    )
    journal = Journal.open(path)
    assert (journal.account, journal.kept) == (Account("http://one.example"), True)
    journal.bind(HERE)
    journal.bind(replace(HERE, entry="other", alone=True))
    with pytest.raises(CloudError, match="made on 'mycloud', the cloud at http://one"):
        journal.bind(replace(HERE, entry="other"))
    assert [entry.id for entry in journal.entries()] == ["n1"]
    journal.release()


def test_what_may_yet_come_stays_in_it(tmp_path: Path) -> None:
    journal = Journal.start("mycloud", folder=tmp_path)
    journal.bind(HERE)
    lost, twice, sure = (journal.intend("network", f"kb-{journal.run_id}-{name}") for name in "abc")
    journal.unanswered(twice)
    journal.created(twice, "n2")
    journal.created(sure, "n3")
    journal.removed("network", "n2")
    journal.removed("network", "n3")
    assert [entry.seq for entry in journal.undecided()] == [lost, twice]
    assert read(journal.path).left
    journal.unsettle(time.time() + 100)
    journal.release()
    again = Journal.open(journal.path)
    assert (again.left, again.closed) == (False, False)
    assert again.unsettled > time.time()
    assert [entry.seq for entry in again.undecided()] == [lost, twice]
    again.close()
    assert read(journal.path).undecided == ()


LINES = st.one_of(
    st.binary(max_size=60),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {
            "op": st.sampled_from(
                ["run", "cloud", "intend", "created", "refused", "removed", "kept", "closed"]
            )
        },
        optional={
            key: st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
            for key in ("seq", "kind", "name", "id", "project", "owner", "auth_url", "mark", "version")
        },
    ).map(lambda value: json.dumps(value).encode()),
)


@settings(deadline=None)
@given(st.lists(LINES, max_size=12))
def test_any_content_is_survived(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    path = tmp_path_factory.getbasetemp() / "journal.jsonl"
    path.write_bytes(FIRST + b"\n".join(lines))
    contents = read(path)
    assert isinstance(contents, Contents)
    assert all(isinstance(entry.id, str) for entry in contents.open.values())
    path.write_bytes(b"\n".join(lines))
    with contextlib.suppress(CloudError):
        read(path)


@pytest.mark.parametrize("run_id", ["", "0123", "../../etc", "01234567/..", "0123456G"])
def test_run_ids_are_no_paths(run_id: str, tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="is no run id"):
        path_of(run_id, tmp_path)


def test_where_journals_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert default_folder() == Path("/state/kb/runs")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert default_folder() == Path("/home/me/.local/state/kb/runs")
    with pytest.raises(CloudError, match="cannot be read"):
        read(tmp_path / "none")
