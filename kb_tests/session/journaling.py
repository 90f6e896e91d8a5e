"""A run's journal for as long as something of it is on the cloud, however that ends."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from kb_tests.cloud import reaper
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.journal import Journal, path_of, read
from kb_tests.cloud.lease import renewed
from kb_tests.cloud.teardown import tear_down
from kb_tests.errors import CloudError, LeakError
from kb_tests.session.keys import INTERRUPTS, OUTBOX
from kb_tests.session.outbox import Leaked, Problem
from kb_tests.session.progress import Progress
from kb_tests.session.selection import LOCAL, Target

TEARDOWN_DEADLINE = 300.0
"""Seconds that teardown may take before what is left counts as leaked."""

BACKGROUND = 40.0
"""Seconds for which a session waits for the reaper of a teardown that it could not finish itself."""

_IMPATIENT = 6.0
_UNHELD = 5.0
_POLL = 0.2


@contextmanager
def journaled(
    config: pytest.Config, target: Target, cloud: Cloud, run_id: str, progress: Progress
) -> Iterator[Journal]:
    """A journal for what is staged in between; all of that is removed however it ends, unless it is kept.

    A second interrupt during teardown leaves the rest to the reaper: see `unfinished`. The embedded local
    cloud ends with this process and all that is on it, and needs no reaper; its runs are journaled beside it.
    """
    embedded = target.cloud == LOCAL and cloud.clouds_yaml is not None
    journal = Journal.start(
        cloud.name,
        run_id=run_id,
        clouds_yaml=cloud.clouds_yaml,
        scenario=target.scenario.name,
        now=cloud.now(),
        folder=Path(str(cloud.clouds_yaml)).parent / "runs" if embedded else None,
    )
    reaping = None if embedded else reaper.start(journal.path)
    try:
        with renewed(cloud, journal):
            yield journal
    finally:
        try:
            if not journal.kept:
                with config.stash[INTERRUPTS].deferred(config):
                    tear_down(cloud, journal, progress.step, TEARDOWN_DEADLINE)
        except KeyboardInterrupt:
            progress.step("teardown goes on in the background", 0, 0)
        except LeakError as error:
            config.stash[OUTBOX].put(Leaked(cloud=target.cloud, resources=(str(error),)))
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        except CloudError as error:
            config.stash[OUTBOX].put(Problem(cloud=target.cloud, sentence=str(error)))
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        finally:
            journal.release()
            if reaping is not None:
                reaping.release(wait=10.0 if journal.closed or journal.kept else 0.0)


def unfinished(config: pytest.Config, runs: Mapping[str, str]) -> dict[str, str]:
    """What to say of those `runs` ({run id: cloud}) whose teardown the reaper has not finished yet, after it
    had some time for it.
    """
    interrupts = config.stash[INTERRUPTS]
    began = time.monotonic()
    patience = _IMPATIENT if interrupts.count > 1 else BACKGROUND
    waiting = {run_id: cloud for run_id, cloud in runs.items() if _is_open(path_of(run_id))}
    try:
        with interrupts.deferred(config):
            while waiting and (waited := time.monotonic() - began) < patience:
                if waited > _UNHELD and not any(_is_held(path_of(run_id)) for run_id in waiting):
                    break
                time.sleep(_POLL)
                waiting = {run_id: cloud for run_id, cloud in waiting.items() if _is_open(path_of(run_id))}
    except KeyboardInterrupt:
        pass
    return {run_id: _sentence(run_id, cloud) for run_id, cloud in waiting.items()}


def _sentence(run_id: str, cloud: str) -> str:
    log = path_of(run_id).with_name("reaper.log")
    again = f"kb cleanup --cloud {cloud} --run {run_id}"
    if _is_held(path_of(run_id)):
        return f"Run {run_id} is still being removed, in the background. See {log}; if that fails: {again}."
    return f"Run {run_id} was not removed. Do it with {again}."


def _is_open(path: Path) -> bool:
    try:
        contents = read(path)
    except CloudError:
        return False
    return bool(contents.auth_url) and not (contents.closed or contents.kept)


def _is_held(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
