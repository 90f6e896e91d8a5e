"""The embedded local cloud, as far as runs that stay on it have to know: it is a process of this machine, and
ends with all that is on it.

It is started by whoever needs it, in a folder of its own, where it holds a lock while it lives. It stays
without them for as long as a link in its folder `stay` leads to a file that was touched lately: a kept
topology's, beside its journal, which goes when the run ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import time
from pathlib import Path

from kb_tests.cloud.contents import Header, read
from kb_tests.cloud.journal import KEPT_SECONDS, TOPOLOGY_FILE, Journal, default_folder
from kb_tests.cloud.mark import new_run_id

STAY_SECONDS = KEPT_SECONDS + 1800.0
"""After which such a cloud ends by itself: later than its runs' leases, so that the reaper goes first."""

_LOCK, _STAY = "lock", "stay"
_BEGINS = 600.0
"""Seconds for which a folder without lock may be that of a cloud which is being started."""


def folders() -> Path:
    """Where those are that may outlive their sessions: 0700, beside the journals."""
    return default_folder().parent / "localclouds"


def new_folder() -> Path:
    """That of a cloud which is about to be started."""
    return folders() / new_run_id()


def hold(journal: Journal) -> None:
    """Have the cloud of this run stay for as long as the run's topology does; raises OSError."""
    link = _folder(journal.header) / _STAY / journal.run_id
    link.parent.mkdir(mode=0o700, exist_ok=True)
    link.symlink_to(journal.path.with_name(TOPOLOGY_FILE).absolute())


def is_gone(header: Header) -> bool:
    """Whether this is a run's embedded cloud, and has ended, whatever its end was."""
    return header.embedded and not _is_locked(_folder(header))


def forget(path: Path) -> bool:
    """Close the journal of a run whose embedded cloud has ended, and remove that one's folder; whether it was
    such a run, which nobody holds.

    Raises CloudError.
    """
    if not is_gone(read(path).header):
        return False
    journal = Journal.open(path)
    try:
        for part in journal.parts:
            if not part.closed:
                part.close()
        _remove(_folder(journal.header))
    finally:
        journal.release()
    return True


def prune() -> None:
    """Remove the folders of clouds that were killed."""
    with contextlib.suppress(OSError):
        for folder in folders().absolute().iterdir():
            if time.time() - folder.stat().st_mtime > _BEGINS and not _is_locked(folder):
                _remove(folder)


def _folder(header: Header) -> Path:
    return Path(header.clouds_yaml).parent


def _remove(folder: Path) -> None:
    if folder.parent == folders().absolute():
        shutil.rmtree(folder, ignore_errors=True)


def _is_locked(folder: Path) -> bool:
    try:
        with (folder / _LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
