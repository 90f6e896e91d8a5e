"""Scenarios that are saved from the pages: whole or not at all, none over what somebody else changed."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from http import HTTPStatus
from pathlib import Path

from kb_tests.errors import ScenarioError
from kb_tests.web.problems import Problem
from kb_tests.web.scenarios import (
    LARGEST,
    NAME,
    Scenarios,
    commands_refused,
    digest,
    holds_commands,
    read,
    text_of,
)

MOST = 500
"""Scenarios that are kept."""


class Saved:
    """The folder of `scenarios` that the pages write to."""

    def __init__(self, scenarios: Scenarios) -> None:
        self._scenarios = scenarios
        self._lock = threading.Lock()

    def put(self, name: str, text: str, seen: str) -> bool:
        """Save a scenario as `name`; whether it is a new one. `seen` is the digest of the version that it
        replaces, "" for none. Raises Problem where something speaks against it.
        """
        folder = self._folder()
        if not NAME.fullmatch(name):
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "A name has 1 to 63 small letters, digits and hyphens, and begins with no hyphen.",
            )
        self._check(name, text)
        with self._lock:
            path = folder / f"{name}.yaml"
            there = self._there(name, path)
            if there != seen:
                raise _changed(name, there, seen)
            if not there and len(list(folder.glob("*.yaml"))) >= MOST:
                raise Problem(HTTPStatus.CONFLICT, f"{MOST} scenarios are saved already.", "Delete some.")
            _write(path, text)
        return not there

    def delete(self, name: str, seen: str) -> None:
        """Delete a saved scenario of which the version `seen` was shown; raises Problem."""
        folder = self._folder()
        place = self._scenarios.place(name)
        if place.origin != "saved":
            raise _not_ours(name)
        with self._lock:
            path = folder / f"{name}.yaml"
            there = self._there(name, path)
            if there != seen:
                raise _changed(name, there, seen)
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    def _folder(self) -> Path:
        folder = self._scenarios.saved
        if folder is None:
            raise Problem(
                HTTPStatus.FORBIDDEN, "This `kb ui` saves nothing.", "Start it without --read-only."
            )
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Problem(
                HTTPStatus.INSUFFICIENT_STORAGE, f"{folder} cannot be made: {error.strerror}."
            ) from error
        return folder

    def _check(self, name: str, text: str) -> None:
        if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A scenario has {LARGEST} bytes at most.", "Shorten it."
            )
        if holds_commands(text):
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, commands_refused(name))
        try:
            scenario = read(text, name)
        except ScenarioError as error:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY, str(error), "POST /api/v1/checks tells all of it by line."
            ) from error
        if scenario.name != name:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"The scenario calls itself {scenario.name}, and would be saved as {name}.",
                "Give both the same name.",
            )

    def _there(self, name: str, path: Path) -> str:
        """The digest of what is saved as `name`, "" for nothing; raises Problem where the name is taken."""
        place = self._scenarios.places().get(name)
        if place is not None and place.origin != "saved":
            raise _not_ours(name)
        if path.is_symlink():
            raise Problem(HTTPStatus.CONFLICT, f"{name} is a link to somewhere else.")
        return digest(text_of(path)) if path.exists() else ""


def _changed(name: str, there: str, seen: str) -> Problem:
    if not seen:
        return Problem(HTTPStatus.CONFLICT, f"There is a scenario {name} already.", "Choose another name.")
    what = "was changed" if there else "was deleted"
    return Problem(
        HTTPStatus.PRECONDITION_FAILED,
        f"{name} {what} since it was shown.",
        "Look at it again, or save a copy.",
    )


def _not_ours(name: str) -> Problem:
    return Problem(
        HTTPStatus.CONFLICT, f"{name} was not saved from here, and is not changed from here.", "Save a copy."
    )


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with open(fd, "w", encoding="utf-8") as file:  # noqa: PTH123 (it is open already)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise Problem(
            HTTPStatus.INSUFFICIENT_STORAGE, f"{path} cannot be written: {error.strerror}."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
