"""The reaper: a small process that outlives pytest's, and removes what that could not.

It waits for the end of a pipe that only the run's process holds open, so that every way of ending
shows, SIGKILL included. Then it tears down what the journal says is left. It is in a session of its
own, out of reach of signals to the run's process group.

Of a run that did not end well it also has the record made whole: the command that `start` was given.

It stays for as long as something may be left: a kept topology goes when its lease has ended, what was asked
for and not answered is looked for again, and a cloud that cannot be reached is tried once more later.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kb_tests.errors import CloudError

if TYPE_CHECKING:
    from kb_tests.cloud.contents import Contents
    from kb_tests.cloud.journal import Journal

_ATTEMPTS = 10
_AGAIN = 1.0
NAP = 60.0
"""Seconds after which a waiting reaper looks whether others have ended the run."""

_LOOKS = 15.0
"""Seconds after which what may yet come is looked for; twice as long each time."""

_RETRIES = (30.0, 120.0, 600.0, 1800.0)
"""Seconds until the next attempt on a cloud that could not be reached, or would not let go."""

_ONCE = "--once"
_THEN = "--then"
_LOG = logging.getLogger("kb_tests.cloud.reaper")


class Reaper:
    """The handle of a running reaper, held by the run's process; `release` when the run is over."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """The reaper's process id."""
        return self._process.pid

    def release(self, wait: float = 10.0) -> None:
        """Let it look at the journal: it ends at once when that is closed, else it goes on without us.

        Waits `wait` seconds at most.
        """
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(wait)


def start(journal: Path, then: Sequence[str] = ()) -> Reaper:
    """Start a reaper for the run with this journal; it writes `reaper.log` beside it. One that finds another
    at work ends.

    `then` is a command that it starts once the run's process has ended, if something of the run is left.
    """
    options = [_THEN, json.dumps([*then])] if then else []
    package_root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
    with open(journal.parent / "reaper.log", "ab", opener=_private) as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "kb_tests.cloud.reaper", *options, str(journal.absolute())],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": path},
        )
    return Reaper(process)


def _take(path: Path) -> Journal:
    """The pipe may end a moment before the kernel frees the lock, and `kb cleanup` takes it for a moment."""
    from kb_tests.cloud.journal import Journal  # the waiting process shall stay small

    for _ in range(_ATTEMPTS):
        with contextlib.suppress(CloudError):
            return Journal.open(path)
        time.sleep(1.0)
    return Journal.open(path)


def reap(path: Path) -> None:
    """Tear down what the run with this journal left, on each of its clouds; nothing where that is closed, or
    kept and its lease goes on.

    Raises CloudError while another process holds the journal, or when a cloud cannot be reached: after the
    others were torn down.
    """
    from kb_tests.cloud.contents import read
    from kb_tests.cloud.embedded import forget

    if all(part.closed or _is_kept(part) for part in read(path).parts):
        return
    if not is_held(path) and forget(path):
        _LOG.info("The embedded cloud has ended, with all that was on it.")
        return
    journal = _take(path)
    failures = []
    try:
        for part in journal.parts:
            try:
                _reap(part)
            except CloudError as error:
                failures.append(error)
    finally:
        journal.release()
    for failure in failures[:-1]:
        _LOG.error("%s", failure)
    if failures:
        raise failures[-1]


def _is_kept(part: Contents) -> bool:
    from kb_tests.cloud.embedded import is_gone

    kept = part.kept and not part.unsettled and time.time() < part.kept_until
    return kept and not is_gone(part.header)


def _reap(journal: Journal) -> None:
    if journal.closed:
        return
    if journal.account is None:
        journal.close()
        return
    from kb_tests.cloud import lease
    from kb_tests.cloud.calls import FAILURES, said
    from kb_tests.cloud.connect import connect
    from kb_tests.cloud.teardown import tear_down

    header = journal.header
    cloud = connect(header.cloud, header.clouds_yaml or None)
    if journal.kept and not journal.unsettled:
        try:
            rest = lease.until(cloud, journal) - cloud.now()
        except FAILURES as error:
            raise CloudError(f"The lease of run {journal.run_id} cannot be read: {said(error)}") from error
        if rest > 0:
            journal.keep(time.time() + rest)
            return
        _LOG.info("The time of run %s is over; removing it from %s.", journal.run_id, header.cloud)
    elif not journal.unsettled:
        _LOG.info("Run %s ended without teardown; removing what it left on %s.", journal.run_id, header.cloud)
    removed = tear_down(cloud, journal)
    _LOG.info("Removed %d resources of run %s on %s.", len(removed), journal.run_id, header.cloud)


def _in_a_child(path: Path) -> bool:
    command = [sys.executable, "-P", "-m", "kb_tests.cloud.reaper", _ONCE, str(path)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode == 0


def once(path: Path) -> bool:
    """Reap the run, and say in its log why not; whether it went well."""
    try:
        reap(path)
    except (CloudError, OSError) as error:  # the journal's folder may be gone, or its disk full
        _LOG.error("%s", error)
        return False
    return True


def watch(path: Path, attempt: Callable[[Path], bool] = _in_a_child, nap: float = NAP) -> bool:
    """Reap the run until nothing of it is left, nor can come; False where that had to be given up.

    `attempt` does it once, and tells whether that went well; by default it is a process of its own, as that
    takes memory. It looks after `nap` seconds at the latest whether others have ended the run.
    """
    retries, gap, not_before = iter(_RETRIES), _LOOKS, 0.0
    while (due := _due(path)) is not None:
        wait = max(due, not_before) - time.time()
        if wait > 0 or is_held(path):
            time.sleep(min(max(wait, _AGAIN), nap))
            continue
        if attempt(path):
            wait, gap = gap, 2 * gap
        elif (wait := next(retries, 0.0)) == 0.0:
            return False
        not_before = time.time() + wait
    return True


def _due(path: Path) -> float | None:
    """When there is something to do for the run (Unix time); None where there is nothing, ever."""
    from kb_tests.cloud.contents import read

    try:
        parts = [part for part in read(path).parts if not part.closed]
    except CloudError:  # the journal's folder may be gone
        return None
    return min((part.kept_until if _is_kept(part) else 0.0 for part in parts), default=None)


def is_held(path: Path) -> bool:
    """Whether a process answers for the run with this journal."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _is_first() -> bool:
    """Whether no other reaper of the run is at work: each locks the log that it writes."""
    try:
        fcntl.flock(sys.stdout.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def main() -> int:
    """Wait for the end of standard input, then reap the journal named last; or once, now."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.captureWarnings(capture=True)
    if sys.argv[1] == _ONCE:
        return int(not once(Path(sys.argv[2])))
    *options, journal = sys.argv[1:]
    first = _is_first()
    while sys.stdin.buffer.read(4096):
        pass
    if not first:
        return 0
    path, then = Path(journal), None
    if options and _due(path) is not None:
        command = json.loads(options[options.index(_THEN) + 1])
        nothing = subprocess.DEVNULL  # this process's lock is on its output
        with contextlib.suppress(OSError):
            then = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing)
    well = watch(path)
    if then is not None:
        then.wait()
    return int(not well)


if __name__ == "__main__":
    sys.exit(main())
