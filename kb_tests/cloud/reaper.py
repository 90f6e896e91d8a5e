"""The reaper: a small process that outlives pytest's, and removes what that could not.

It waits for the end of a pipe that only the run's process holds open, so that every way of ending
shows, SIGKILL included. Then it tears down what the journal says is left. It is in a session of its
own, out of reach of signals to the run's process group.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from kb_tests.errors import CloudError

if TYPE_CHECKING:
    from kb_tests.cloud.journal import Journal

_ATTEMPTS = 10
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
        """Let it look at the journal: it ends at once when that is closed or kept, else it tears down.

        Waits `wait` seconds at most; a teardown goes on without us.
        """
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(wait)


def start(journal: Path) -> Reaper:
    """Start a reaper for the run with this journal; it writes `reaper.log` beside it."""
    package_root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
    with open(journal.parent / "reaper.log", "ab", opener=_private) as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "kb_tests.cloud.reaper", str(journal.absolute())],
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
    """Tear down what the run with this journal left, on each of its clouds; nothing where that is closed or
    kept.

    Raises CloudError while another process holds the journal, or when a cloud cannot be reached: after the
    others were torn down.
    """
    from kb_tests.cloud.journal import read

    if all(part.closed or part.kept for part in read(path).parts):
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


def _reap(journal: Journal) -> None:
    if journal.closed or journal.kept:
        return
    if not journal.left:
        journal.close()
        return
    from kb_tests.cloud.connect import connect
    from kb_tests.cloud.teardown import tear_down

    header = journal.header
    _LOG.info("Run %s ended without teardown; removing what it left on %s.", journal.run_id, header.cloud)
    cloud = connect(header.cloud, header.clouds_yaml or None)
    removed = tear_down(cloud, journal)
    _LOG.info("Removed %d resources of run %s on %s.", len(removed), journal.run_id, header.cloud)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def main() -> int:
    """Wait for the end of standard input, then reap the journal named on the command line."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.captureWarnings(capture=True)
    journal = Path(sys.argv[1])
    while sys.stdin.buffer.read(4096):
        pass
    try:
        reap(journal)
    except (CloudError, OSError) as error:  # the journal's folder may be gone, or its disk full
        _LOG.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
