"""What a run asked a cloud for, on disk before it is asked: one JSON object a line.

::

    {"op": "run", "version": 1, "mark": "kb_tests run ab12cd34, lease until ...", "cloud": "mycloud",
     "clouds_yaml": "", "scenario": "http-east-west"}            and "embedded": true on the embedded cloud
    {"op": "cloud", "auth_url": "http://...", "region": "...", "project": "...", "user": "...", "admin": true}
    {"op": "intend", "seq": 1, "kind": "network", "name": "kb-ab12cd34-client", "project": "...", "owner": ""}
    {"op": "created", "seq": 1, "id": "..."}          or {"op": "refused", "seq": 1}
    {"op": "unanswered", "seq": 1}                    it is asked for again, and may be there twice one day
    {"op": "removed", "kind": "network", "id": "..."}
    {"op": "kept", "until": 1800000000}               the topology stays, by request
    {"op": "unsettled", "until": 1800000000}          nothing is left, but something may yet come
    {"op": "closed"}                                  nothing of the run is left

A run on two clouds has one journal: the second one has a line of its own, and what is about it says so::

    {"op": "beside", "mark": "kb_tests run ab12cd34, lease until ...", "cloud": "other", "clouds_yaml": ""}
    {"op": "intend", "seq": 1, "kind": "network", ..., "on": 1}

An intent is on stable storage before the request leaves. An id is not waited for: should it be
lost, the resource is found by name and mark. The file holds no secret, and is 0600 all the same.
While a run is alive its process holds a lock (flock) on the file, which the kernel takes back
whatever ends the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from kb_tests.cloud.account import Account
from kb_tests.cloud.contents import VERSION, Contents, Entry, Header, read
from kb_tests.cloud.mark import RUN_ID, Mark, new_run_id
from kb_tests.errors import CloudError

LEASE_SECONDS = 3600.0
"""How long a run lives without being renewed."""

KEPT_SECONDS = 24 * 3600.0
"""How long a run lives without being renewed whose topology stays by request."""

TOPOLOGY_FILE = "topology.json"
SECRETS_FILES = ("secrets.json", "testing-secrets.json")
"""What stands beside the journal of a kept run, until nothing is left of it; secrets by cloud."""


_ELSEWHERE = "Set XDG_STATE_HOME to a folder that can be written."


def default_folder() -> Path:
    """Where runs keep their state: `$XDG_STATE_HOME/kb/runs`, else `~/.local/state/kb/runs`."""
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "kb" / "runs"


def check_folder() -> None:
    """CloudError where no journal can be made, without which nothing is staged."""
    folder = default_folder()
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise CloudError(f"No journal can be made in {folder}: {there} cannot be written.", remedy=_ELSEWHERE)


def path_of(run_id: str, folder: Path | None = None) -> Path:
    """The journal of a run."""
    if not RUN_ID.fullmatch(run_id):
        raise CloudError(f"{run_id!r} is no run id: eight hexadecimal digits are.")
    return (folder or default_folder()) / run_id / "journal.jsonl"


def journals(folder: Path | None = None) -> Iterator[Path]:
    """The journals there are, of open and closed runs."""
    for path in sorted((folder or default_folder()).glob("*/journal.jsonl")):
        if RUN_ID.fullmatch(path.parent.name):
            yield path


class _File:
    """The journal's file, which this process has locked. `lock` is for its threads."""

    def __init__(self, path: Path, descriptor: int, *, torn: bool = False) -> None:
        self.path = path
        self.lock = threading.Lock()
        self.last_intent = os.fstat(descriptor).st_mtime
        self._descriptor = descriptor
        self._torn = torn

    def write(self, line: dict[str, Any], *, sync: bool = False) -> None:
        """Add a line, on stable storage with `sync`; raises CloudError."""
        data = memoryview(b"\n" * self._torn + json.dumps(line).encode() + b"\n")
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
            if sync:
                os.fsync(self._descriptor)
        except OSError as error:
            self._torn = True
            raise CloudError(f"The journal {self.path} cannot be written: {error.strerror}.") from error
        self._torn = False

    def close(self) -> None:
        """Let go of it."""
        with self.lock, contextlib.suppress(OSError):
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


class Journal:
    """The journal of a run that this process answers for, as far as it is about one cloud; made by `start`,
    `open` or `beside`.
    """

    def __init__(self, file: _File, whole: Contents, on: int = 0) -> None:
        self._file = file
        self._whole = whole
        self._on = on
        self._contents = whole.parts[on]

    @classmethod
    def start(
        cls,
        cloud: str,
        *,
        run_id: str | None = None,
        clouds_yaml: str | Path | None = None,
        scenario: str = "",
        folder: Path | None = None,
        now: float | None = None,
        lease: float = LEASE_SECONDS,
        embedded: bool = False,
    ) -> Self:
        """A new run's journal, on disk and locked; `now` is the cloud's time where that is known, `embedded`
        whether that is the embedded one.
        """
        mark = Mark(run_id or new_run_id(), int((now or time.time()) + lease))
        path = path_of(mark.run_id, folder)
        clouds_yaml = str(Path(clouds_yaml).absolute()) if clouds_yaml else ""
        header = Header(mark, cloud, clouds_yaml, scenario, embedded)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CloudError(
                f"The journal {path} cannot be made: {error.strerror}.", remedy=_ELSEWHERE
            ) from error
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        file = _File(path, descriptor)
        first = {"op": "run", "version": VERSION, "mark": str(mark), "cloud": cloud}
        more = {"embedded": True} if embedded else {}
        file.write(first | {"clouds_yaml": clouds_yaml, "scenario": scenario} | more, sync=True)
        for parent in (path.parent, path.parent.parent):
            _sync_folder(parent)
        return cls(file, Contents(header))

    def beside(
        self,
        cloud: str,
        *,
        clouds_yaml: str | Path | None = None,
        now: float | None = None,
        lease: float = LEASE_SECONDS,
    ) -> Journal:
        """The same run's journal on a further cloud, whose time is `now`."""
        mark = Mark(self.run_id, int((now or time.time()) + lease))
        line = {"op": "beside", "mark": str(mark), "cloud": cloud}
        with self._file.lock:
            line["clouds_yaml"] = str(Path(clouds_yaml).absolute()) if clouds_yaml else ""
            self._whole.apply(line)
            self._file.write(line, sync=True)
            return Journal(self._file, self._whole, len(self._whole.beside))

    @classmethod
    def open(cls, path: Path) -> Self:
        """The journal of a run whose process is gone; CloudError while that still lives."""
        contents = read(path)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise CloudError(
                f"Run {contents.header.mark.run_id} is alive: another process holds {path}."
            ) from error
        return cls(_File(path, descriptor, torn=True), read(path))

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._file.path

    @property
    def parts(self) -> tuple[Journal, ...]:
        """The journal as far as it is about each cloud of the run."""
        return tuple(Journal(self._file, self._whole, on) for on in range(len(self._whole.parts)))

    def apart(self, suffix: str) -> str:
        """That suffix of a name, such as no other cloud of the run has: regions share users and projects."""
        return f"{suffix}-{self._on + 1}" if self._on else suffix

    @property
    def run_id(self) -> str:
        """The run."""
        return self.mark.run_id

    @property
    def mark(self) -> Mark:
        """What every resource of the run carries."""
        return self._contents.header.mark

    @property
    def header(self) -> Header:
        """Which run, on which cloud."""
        return self._contents.header

    @property
    def account(self) -> Account | None:
        """Where the run is, and as whom it was made; None before it asked for anything."""
        return self._contents.account

    @property
    def kept(self) -> bool:
        """Whether the topology was left there by request."""
        return self._contents.kept

    @property
    def unsettled(self) -> float:
        """Until when something may come although nothing is left; 0 where that was never in doubt."""
        return self._contents.unsettled

    @property
    def last_intent(self) -> float:
        """When anything was asked for last, at the latest (Unix time by this machine's clock)."""
        return self._file.last_intent

    @property
    def closed(self) -> bool:
        """Whether nothing of the run is left on this cloud."""
        return self._contents.closed

    @property
    def left(self) -> bool:
        """Whether something is likely to be on this cloud that nobody wants to stay."""
        return self._contents.left

    def entries(self) -> tuple[Entry, ...]:
        """What was intended and is neither refused nor removed, oldest first."""
        with self._file.lock:
            return tuple(self._contents.open.values())

    def undecided(self) -> tuple[Entry, ...]:
        """What was asked for, and may come although nobody can see it."""
        with self._file.lock:
            return self._contents.undecided

    def projects(self) -> tuple[str, ...]:
        """Ids of the run's own projects, removed ones included."""
        with self._file.lock:
            return tuple(self._contents.projects)

    def kinds(self) -> frozenset[str]:
        """The kinds of all that was ever intended."""
        with self._file.lock:
            return frozenset(self._contents.kinds)

    def bind(self, account: Account) -> None:
        """Write down where the run is and as whom it is made; CloudError when it belongs to another cloud, or
        to another region of it.
        """
        with self._file.lock:
            bound = self._contents.account
            if bound is None:
                self._write({"op": "cloud", **account.to_json()}, sync=True)
            elif not account.is_at(bound):
                raise CloudError(
                    f"Run {self.run_id} was made on {bound.entry or 'a cloud'!r}, {bound}; "
                    f"{account.entry!r} is {account}.",
                    remedy="Name an entry of clouds.yaml for that place with kb cleanup --cloud.",
                )

    def intend(self, kind: str, name: str, *, project: str = "", owner: str = "") -> int:
        """Write down, on stable storage, what is about to be created; the number to report back with."""
        with self._file.lock:
            seq, self._file.last_intent = self._contents.last_seq + 1, time.time()
            line = {"op": "intend", "seq": seq, "kind": kind, "name": name}
            self._write(line | {"project": project, "owner": owner}, sync=True)
        return seq

    def created(self, seq: int, id_: str) -> None:
        """It exists."""
        with self._file.lock:
            self._write({"op": "created", "seq": seq, "id": id_})

    def unanswered(self, seq: int) -> None:
        """It is asked for again although it may exist."""
        with self._file.lock:
            self._write({"op": "unanswered", "seq": seq})

    def refused(self, seq: int) -> None:
        """It certainly does not exist."""
        with self._file.lock:
            self._write({"op": "refused", "seq": seq})

    def removed(self, kind: str, id_: str) -> None:
        """It is gone. A full disk must not end a teardown: what is not noted is looked for again."""
        with self._file.lock, contextlib.suppress(CloudError):
            self._write({"op": "removed", "kind": kind, "id": id_})

    def keep(self, until: float) -> None:
        """Nobody shall clean up after this process: the topology stays by request, until then by this
        machine's clock.
        """
        with contextlib.suppress(OSError):
            os.utime(self.path.with_name(TOPOLOGY_FILE))  # by which its embedded cloud knows
        with self._file.lock:
            self._write({"op": "kept", "until": int(until)}, sync=True)

    def unsettle(self, until: float) -> None:
        """Nothing of the run is left on this cloud, but something that was asked for may come until then."""
        with self._file.lock:
            self._write({"op": "unsettled", "until": int(until)}, sync=True)
        self._forget_topology()

    def close(self) -> None:
        """Nothing of the run is left on this cloud."""
        with self._file.lock:
            self._write({"op": "closed"}, sync=True)
        self._forget_topology()
        if all(part.closed for part in self._whole.parts):
            self.release()

    def _forget_topology(self) -> None:
        if all(part.closed or part.unsettled for part in self._whole.parts):
            for name in (TOPOLOGY_FILE, *SECRETS_FILES):
                self.path.with_name(name).unlink(missing_ok=True)

    def release(self) -> None:
        """Stop answering for the run, whatever is left of it, on all of its clouds."""
        self._file.close()

    def _write(self, line: dict[str, Any], *, sync: bool = False) -> None:
        self._contents.apply(line)
        self._file.write(line | {"on": self._on} if self._on else line, sync=sync)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
