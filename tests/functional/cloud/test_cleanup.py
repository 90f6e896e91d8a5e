"""Cleanup, lease and reaper: dead runs go, live ones and other people's resources stay."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kb_tests.cloud import lease
from kb_tests.cloud.account import Account
from kb_tests.cloud.cleanup import clean, find_runs
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.contents import read
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.teardown import tear_down
from kb_tests.errors import CloudError
from kb_tests.localcloud import control
from tests.functional.cloud.staged import stage_small
from tests.waiting import PATIENCE, eventually, is_gone

pytestmark = pytest.mark.usefixtures("nothing_left")

_CHILD = """
import os, sys, time
from pathlib import Path
from kb_tests.cloud import reaper
from kb_tests.cloud.connect import connect
from kb_tests.cloud.journal import Journal
from tests.functional.cloud.staged import stage_small
name, clouds_yaml, folder, run_id, reaped, at = sys.argv[1:]
cloud = connect(name, clouds_yaml)
journal = Journal.start(name, run_id=run_id, clouds_yaml=clouds_yaml, folder=Path(folder))
if reaped == "yes":
    print(reaper.start(journal.path).pid, flush=True)
def progress(phase, done, total):
    if phase == at or done == int(at or 0):
        print("here", flush=True)
        time.sleep(600)
stage_small(cloud, journal, progress)
"""


def killed(local: control.Running, folder: Path, run_id: str, at: int, *, reaped: bool = False) -> int:
    """A run that ends by SIGKILL in the middle of staging; the pid of its reaper, if it has one."""
    arguments = [local.cloud, str(local.clouds_yaml), str(folder), run_id, "yes" if reaped else "no", str(at)]
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _CHILD, *arguments], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline()) if reaped else 0
        assert child.stdout.readline() == "here\n"
        os.kill(child.pid, signal.SIGKILL)
    return pid


def close(path: Path) -> None:
    """Nothing is left of the run."""
    journal = eventually(lambda: opened(path))
    assert journal is not None
    journal.close()
    journal.release()


def opened(path: Path) -> Journal | None:
    """Its journal, unless somebody else has it at the moment."""
    with contextlib.suppress(CloudError):
        return Journal.open(path)
    return None


@pytest.fixture
def bystander(cloud: Cloud) -> Iterator[str]:
    """Somebody else's network that has our kind of name, and even speaks of us."""
    network = cloud.connection.network.create_network(
        name="kb-0123abcd-client", description="left from a kb_tests run, keep"
    )
    yield network.id
    assert cloud.connection.network.get_network(network.id)
    cloud.connection.network.delete_network(network.id)


def test_a_killed_run_is_cleaned_by_its_journal(
    cloud: Cloud, local: control.Running, folder: Path, bystander: str
) -> None:
    killed(local, folder, "aaaa0001", at=20)
    would_go = clean(cloud, folder=folder, dry_run=True).removed
    assert {resource.run_id for resource in would_go} == {"aaaa0001"}
    assert "network kb-aaaa0001-client" in " ".join(map(str, would_go))
    assert {resource.id for resource in would_go} <= {r.id for r in clean(cloud, folder=folder).removed}
    assert not read(folder / "aaaa0001" / "journal.jsonl").left
    assert clean(cloud, folder=folder).removed == []


def test_without_its_journal_a_run_is_safe_until_its_lease_ends(
    cloud: Cloud, local: control.Running, folder: Path, tmp_path: Path, bystander: str
) -> None:
    killed(local, folder, "aaaa0002", at=26)
    elsewhere = tmp_path / "elsewhere"
    assert clean(cloud, folder=elsewhere).removed == []
    with pytest.raises(CloudError, match=r"aaaa0002 may be alive: its lease runs until .* --force"):
        clean(cloud, run_id="aaaa0002", folder=elsewhere)
    assert clean(cloud, run_id="aaaa0002", force=True, folder=elsewhere).removed


def test_a_live_run_is_left_alone(cloud: Cloud, local: control.Running, folder: Path) -> None:
    journal = Journal.start(local.cloud, clouds_yaml=local.clouds_yaml, folder=folder)
    stage_small(cloud, journal)
    assert clean(cloud, folder=folder).removed == []
    with pytest.raises(CloudError, match="may be alive: its process is running"):
        clean(cloud, run_id=journal.run_id, folder=folder)
    tear_down(cloud, journal)


@pytest.mark.parametrize("own", [True, False])
def test_an_expired_lease_and_a_renewed_one(
    cloud: Cloud, local: control.Running, folder: Path, tmp_path: Path, own: bool
) -> None:
    journal = Journal.start(local.cloud, clouds_yaml=local.clouds_yaml, folder=folder, lease=-1.0)
    assert lease.renew(cloud, journal) is False
    stage_small(cloud, journal, own_projects=own)
    elsewhere = tmp_path / "elsewhere"
    would_go = clean(cloud, folder=elsewhere, dry_run=True).removed
    assert {resource.run_id for resource in would_go} == {journal.run_id}
    assert lease.renew(cloud, journal, 9000.0)
    assert clean(cloud, folder=elsewhere, dry_run=True).removed == []
    assert 8000 < find_runs(cloud, elsewhere).runs[journal.run_id].lease_until - time.time() <= 9000
    assert lease.renew(cloud, journal, -10.0)
    assert clean(cloud, folder=elsewhere).removed
    tear_down(cloud, journal)


def test_kept_until_asked_for(cloud: Cloud, local: control.Running, folder: Path) -> None:
    journal = Journal.start(local.cloud, clouds_yaml=local.clouds_yaml, folder=folder)
    stage_small(cloud, journal)
    journal.keep(time.time() + 9000)
    journal.release()
    assert clean(cloud, folder=folder).removed == []
    assert clean(cloud, run_id=journal.run_id, folder=folder).removed


def test_a_journal_of_another_cloud_is_not_used(cloud: Cloud, local: control.Running, folder: Path) -> None:
    journal = Journal.start(local.cloud, folder=folder)
    journal.bind(Account("http://other.example/v3"))
    journal.intend("network", f"kb-{journal.run_id}-client")
    with pytest.raises(CloudError, match=r"was made on .*, the cloud at http://other\.example/v3; "):
        tear_down(cloud, journal)
    journal.release()
    assert clean(cloud, folder=folder).removed == []
    assert not read(journal.path).closed


def test_what_was_made_while_the_answer_got_lost_is_found(
    cloud: Cloud, local: control.Running, folder: Path
) -> None:
    journal = Journal.start(local.cloud, clouds_yaml=local.clouds_yaml, folder=folder)
    journal.intend("network", f"kb-{journal.run_id}-client", project=cloud.project_id)
    cloud.connection.network.create_network(name=f"kb-{journal.run_id}-client", description=str(journal.mark))
    (removed,) = tear_down(cloud, journal)
    assert removed.kind == "network"


def test_two_runs_in_one_project_while_a_third_is_killed_and_cleaned(
    cloud: Cloud, local: control.Running, folder: Path
) -> None:
    killed(local, folder, "aaaa0003", at=24)
    runs = [Journal.start(local.cloud, clouds_yaml=local.clouds_yaml, folder=folder) for _ in range(2)]
    with ThreadPoolExecutor(3) as pool:
        staging = [pool.submit(stage_small, cloud, journal, own_projects=False) for journal in runs]
        cleaning = pool.submit(clean, cloud, folder=folder)
        first, second = (future.result() for future in staging)
        assert {resource.run_id for resource in cleaning.result().removed} == {"aaaa0003"}
    tear_down(cloud, runs[0])
    there = {server.id for server in cloud.connection.compute.servers(all_projects=True)}
    assert not {server.id for server in first.agents} & there
    assert {server.id for server in (*second.agents, second.proxy)} <= there
    tear_down(cloud, runs[1])


@pytest.mark.parametrize("at", [pytest.param(2, marks=pytest.mark.nightly), 22])
def test_reaper_ends_what_a_killed_run_left(
    cloud: Cloud, local: control.Running, folder: Path, at: int
) -> None:
    run_id = f"aaaa1{at:03}"
    pid = killed(local, folder, run_id, at, reaped=True)
    log = folder / run_id / "reaper.log"
    eventually(lambda: not read(folder / run_id / "journal.jsonl").left, what=log.read_text)
    assert "ended without teardown" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    close(folder / run_id / "journal.jsonl")  # or it looks for minutes for what may have been on its way
    eventually(lambda: is_gone(pid))


def test_reaper_leaves_a_run_that_ended_well(cloud: Cloud, local: control.Running, folder: Path) -> None:
    from kb_tests.cloud import reaper

    journal = Journal.start(local.cloud, clouds_yaml=local.clouds_yaml, folder=folder)
    handle = reaper.start(journal.path)
    stage_small(cloud, journal)
    tear_down(cloud, journal)
    handle.release(PATIENCE)
    assert not Path(f"/proc/{handle.pid}").exists() or Path(f"/proc/{handle.pid}/cmdline").read_bytes() == b""
    assert (folder / journal.run_id / "reaper.log").read_text() == ""
