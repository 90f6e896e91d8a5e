"""Words that people give to runs, such as "before-upgrade": a small file beside each record."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from kb_tests.errors import RecordError

TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def tags_of(record: Path) -> tuple[str, ...]:
    """The tags of the run whose record is `record`, in alphabetical order."""
    try:
        found = json.loads(_beside(record).read_bytes()[: 1 << 16])
    except (OSError, ValueError, RecursionError):
        return ()
    known = found if isinstance(found, list) else []
    return tuple(sorted({tag for tag in known if isinstance(tag, str) and TAG.fullmatch(tag)}))


def set_tags(record: Path, tags: Iterable[str]) -> tuple[str, ...]:
    """Give a run these tags in place of those it had; raises RecordError."""
    wanted = set(tags)
    return change_tags(record, lambda _old: wanted)


def change_tags(record: Path, change: Callable[[set[str]], set[str]]) -> tuple[str, ...]:
    """Give a run what `change` makes of the tags that it has; raises RecordError.

    Nobody else changes tags of this folder meanwhile.
    """
    path = _beside(record)
    new = path.with_name(f"{path.name}.new")
    try:
        with _alone(path.parent):
            wanted = _checked(change({*tags_of(record)}))
            if wanted:
                new.write_text(json.dumps(wanted), encoding="utf-8")
                os.replace(new, path)  # noqa: PTH105 (one step, whatever was there)
            else:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise RecordError(f"{path} cannot be written: {error.strerror}.") from error
    return wanted


def _checked(tags: Iterable[str]) -> tuple[str, ...]:
    wanted = tuple(sorted(set(tags)))
    for tag in wanted:
        if not TAG.fullmatch(tag):
            raise RecordError(
                f"{tag!r} is no tag: letters, digits, '.', '_' and '-' make one, 63 of them at most."
            )
    return wanted


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # some file systems of networks know no locks of folders
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _beside(record: Path) -> Path:
    return record.with_name(f"{record.stem}.tags")
