"""Removing what runs left on a cloud: first it is shown, then exactly that is removed, by a process of its
own that the end of the UI does not end.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import re
import secrets
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from kb_tests.report.words import printable
from kb_tests.web import child
from kb_tests.web.audit import audit
from kb_tests.web.looking import known_cloud
from kb_tests.web.problems import Problem
from kb_tests.web.shapes.clouds import Cleanup, CleanupRequest, ResourceShape

SECONDS = 240.0
ID = re.compile(r"[0-9a-f]{8}")
KEEP = 50
"""Cleanups whose outcome is remembered."""

OUTPUT = "output.ndjson"
_LARGEST = 16 << 20


class Cleaner:
    """Cleanups, each with a folder below `folder`; a cloud has one at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._children: list[subprocess.Popen[bytes]] = []
        """They have to be waited for, or each stays as a zombie."""

    def clean(self, cloud: str, request: CleanupRequest) -> Cleanup:
        """Show what would be removed, or begin to remove what was shown; raises Problem."""
        known_cloud(cloud)
        if request.force and not request.run:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Only a run that is named can be forced to go.")
        shown = self._shown(cloud, request)
        if request.dry_run:
            return shown
        if request.force and request.typed != request.run:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"Run {request.run} may be alive: type its id to remove it all the same.",
            )
        if not hmac.compare_digest(shown.digest.encode(), request.digest.encode("utf-8", "replace")):
            raise Problem(
                HTTPStatus.CONFLICT, "What would be removed is not what was shown.", "Look at it again."
            )
        return self._begun(cloud, request)

    def end(self, cloud: str, run: str) -> Cleanup:
        """Begin to end a kept topology, which is refused while a session loads it; raises Problem. `cloud` ""
        is the embedded one that stays for it.
        """
        if cloud:
            known_cloud(cloud)
        return self._begun(cloud, CleanupRequest(run=run, dry_run=False))

    def show(self, id_: str) -> Cleanup:
        """How far a cleanup is; raises Problem."""
        folder = self._folder / id_
        if not ID.fullmatch(id_) or not folder.is_dir():
            raise Problem(
                HTTPStatus.NOT_FOUND, "There is no such cleanup.", "Those of long ago are forgotten."
            )
        for one in self._children:
            one.poll()
        alive = _is_held(folder / OUTPUT)
        try:
            about = _about(folder)
            with (folder / OUTPUT).open("rb") as file:
                output = file.read(_LARGEST)
            complaint = (folder / "errors.log").read_text(encoding="utf-8", errors="replace")
        except (OSError, ValueError) as error:
            raise Problem(HTTPStatus.NOT_FOUND, "This cleanup has left nothing to read.") from error
        lines = [printable(line.removeprefix("kb: ")) for line in complaint.splitlines() if line.strip()]
        return _cleanup(id_, str(about.get("command", "")), output, lines[-5:], alive=alive)

    def _shown(self, cloud: str, request: CleanupRequest) -> Cleanup:
        arguments = _arguments(cloud, request)
        done = child.ask("cleanup", "--json", "--dry-run", *arguments, seconds=SECONDS)
        found = _cleanup("", _command(arguments), done.output, (), alive=True)
        if done.code and not (found.resources or found.faults):
            raise Problem(HTTPStatus.CONFLICT, done.complaint, "")
        return found.model_copy(update={"state": "shown"})

    def _begun(self, cloud: str, request: CleanupRequest) -> Cleanup:
        with self._lock:
            for path in self._folder.glob(f"*/{OUTPUT}"):
                about = _about(path.parent) if _is_held(path) else {}
                if about.get("cloud") == cloud and (cloud or about.get("run") == request.run):
                    raise Problem(
                        HTTPStatus.CONFLICT,
                        f"Something is being removed from {cloud or 'a local cloud'} already.",
                        "Wait for it.",
                    )
            id_ = secrets.token_hex(4)
            folder = self._folder / id_
            arguments = _arguments(cloud, request)
            try:
                self._forget()
                folder.mkdir(mode=0o700, parents=True)
                (folder / "about.json").write_text(
                    json.dumps({"cloud": cloud, "run": request.run, "command": _command(arguments)})
                )
                with (folder / OUTPUT).open("wb") as out, (folder / "errors.log").open("wb") as err:
                    fcntl.flock(out, fcntl.LOCK_EX)  # the child has it, too, and alone once this is left
                    begun = subprocess.Popen(
                        child.command("cleanup", "--json", *arguments),
                        stdin=subprocess.DEVNULL,
                        stdout=out,
                        stderr=err,
                        start_new_session=True,
                    )
                self._children = [one for one in (*self._children, begun) if one.poll() is None]
            except OSError as error:
                raise Problem(
                    HTTPStatus.INSUFFICIENT_STORAGE, f"{folder} cannot be made: {error.strerror}."
                ) from error
        audit(folder, "cleanup", {"cloud": cloud} | request.model_dump())
        return self.show(id_)

    def _forget(self) -> None:
        if self._folder.is_dir():
            old = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)[KEEP:]
            for path in old:
                shutil.rmtree(path, ignore_errors=True)


def _about(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_held(path: Path) -> bool:
    """Whether the process that writes there lives, whichever UI started it."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _arguments(cloud: str, request: CleanupRequest) -> list[str]:
    which = [f"--run={request.run}"] if request.run else ["--expired"]
    where = [f"--cloud={cloud}"] if cloud else []
    return [*where, *which, *(["--force"] if request.force else [])]


def _command(arguments: Sequence[str]) -> str:
    return shlex.join(["kb", "cleanup", *arguments])


def _cleanup(id_: str, command: str, output: bytes, complaints: Sequence[str], *, alive: bool) -> Cleanup:
    lines = list(_lines(output))
    ended = next((line["ended"] for line in lines if isinstance(line.get("ended"), int)), None)
    code = None if ended is None and alive else 1 if ended is None else int(ended)
    complaints = () if code in (None, 0) else complaints or ("It ended without a word.",)
    resources = tuple(
        ResourceShape(
            cloud=printable(str(line.get("cloud", ""))),
            kind=printable(str(found.get("kind", ""))),
            id=printable(str(found.get("id", ""))),
            name=printable(str(found.get("name", ""))),
            run=printable(str(found.get("run_id", ""))),
        )
        for line in lines
        if isinstance(found := line.get("resource"), dict)
    )
    told = [tuple(printable(str(line[key])) for line in lines if key in line) for key in ("note", "fault")]
    about = sorted((one.cloud, one.kind, one.id, one.run) for one in resources)
    return Cleanup(
        id=id_,
        state="running" if code is None else "failed" if code else "done",
        resources=resources,
        notes=told[0],
        faults=tuple(dict.fromkeys((*told[1], *complaints))),
        digest=hashlib.sha256(json.dumps(about).encode()).hexdigest(),
        code=code,
        command=command,
    )


def _lines(output: bytes) -> Iterator[dict[str, Any]]:
    for line in output.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found
