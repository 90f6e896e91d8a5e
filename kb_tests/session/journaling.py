"""A run's journal for as long as something of it is on the cloud, however that ends."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from kb_tests.cloud import embedded, reaper
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.contents import read
from kb_tests.cloud.journal import Journal, path_of
from kb_tests.cloud.lease import renewed
from kb_tests.cloud.prune import prune
from kb_tests.cloud.reaper import is_held
from kb_tests.cloud.teardown import tear_down
from kb_tests.errors import CloudError, LeakError
from kb_tests.events.model import Leaked, Problem
from kb_tests.report import underway
from kb_tests.session.keys import BUS, INTERRUPTS, RECORDS
from kb_tests.session.partial import keeps
from kb_tests.session.patience import patience
from kb_tests.session.progress import Progress
from kb_tests.session.target import LOCAL, Target

BACKGROUND = 40.0
"""Seconds for which a session waits for the reaper of a teardown that it could not finish itself."""

_IMPATIENT = 6.0
_UNHELD = 5.0
_POLL = 0.2


@contextmanager
def journaled(
    config: pytest.Config, target: Target, clouds: Sequence[Cloud], run_id: str, progress: Progress
) -> Iterator[tuple[Journal, ...]]:
    """A journal for what is staged in between, by cloud; all of that is removed however it ends, unless it is
    kept.

    A second interrupt during teardown leaves the rest to the reaper: see `unfinished`. The embedded local
    cloud ends with this process and all that is on it, and needs no reaper; its runs are journaled beside it.
    If they are to stay, it does, too, and they are journaled as those of any cloud.
    """
    prune()
    embedded.prune()
    cloud, *others = clouds
    local = target.cloud == LOCAL and cloud.clouds_yaml is not None
    fleeting = local and not keeps(config)
    journal = Journal.start(
        cloud.name,
        run_id=run_id,
        clouds_yaml=cloud.clouds_yaml,
        scenario=target.scenario.name,
        now=cloud.now(),
        folder=Path(str(cloud.clouds_yaml)).parent / "runs" if fleeting else None,
        embedded=local,
    )
    parts = [
        journal,
        *(journal.beside(each.name, clouds_yaml=each.clouds_yaml, now=each.now()) for each in others),
    ]
    then = () if local else underway.command(config.stash[RECORDS][target.cloud])  # else the cloud does it
    reaping = None if fleeting else reaper.start(journal.path, then)
    try:
        with ExitStack() as leases:
            for there, part in zip(clouds, parts, strict=True):
                leases.enter_context(renewed(there, part))
            yield tuple(parts)
    finally:
        try:
            with config.stash[INTERRUPTS].deferred(config):
                failures = [
                    failure
                    for there, part in zip(clouds, parts, strict=True)
                    for failure in _torn_down(there, part, progress, patience(config).teardown)
                ]
            _report(config, target, failures)
        except KeyboardInterrupt:
            progress.step("teardown goes on in the background", 0, 0)
        finally:
            journal.release()
            if reaping is not None:
                over = all(part.closed for part in parts)
                reaping.release(wait=10.0 if over else 0.0)


def _torn_down(cloud: Cloud, journal: Journal, progress: Progress, deadline: float) -> Iterator[CloudError]:
    """Tear down what is on one cloud; what went wrong, so that the next cloud has its turn."""
    if journal.kept:
        return
    try:
        tear_down(cloud, journal, progress.removed, deadline)
    except CloudError as error:
        yield error


def _report(config: pytest.Config, target: Target, failures: Sequence[CloudError]) -> None:
    for error in failures:
        if isinstance(error, LeakError):
            config.stash[BUS].put(Leaked(cloud=target.cloud, resources=(str(error),)))
        else:
            config.stash[BUS].put(Problem(cloud=target.cloud, sentence=str(error)))
    if failures:
        raise pytest.fail.Exception("\n".join(map(str, failures)), pytrace=False)


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
                if waited > _UNHELD and not any(is_held(path_of(run_id)) for run_id in waiting):
                    break
                time.sleep(_POLL)
                waiting = {run_id: cloud for run_id, cloud in waiting.items() if _is_open(path_of(run_id))}
    except KeyboardInterrupt:
        pass
    return {run_id: _sentence(run_id, cloud) for run_id, cloud in waiting.items()}


def _sentence(run_id: str, cloud: str) -> str:
    log = path_of(run_id).with_name("reaper.log")
    again = f"kb cleanup --cloud {cloud} --run {run_id}"
    if is_held(path_of(run_id)):
        return f"Run {run_id} is still being removed, in the background. See {log}; if that fails: {again}."
    return f"Run {run_id} was not removed. Do it with {again}."


def _is_open(path: Path) -> bool:
    try:
        return any(part.left for part in read(path).parts)
    except CloudError:
        return path.exists()
