"""The scenarios that come with the suite, and how a name of one stands for its file."""

from __future__ import annotations

from pathlib import Path

from kb_tests.errors import ScenarioError

_PACKAGE = Path(__file__).parents[1]
FOLDER = next(folder for folder in (_PACKAGE / "scenarios", _PACKAGE.parent / "scenarios") if folder.is_dir())
"""Inside of an installed package, beside it in a checkout."""


def shipped() -> list[Path]:
    """The files of all shipped scenarios, by name."""
    return sorted(FOLDER.glob("*.yaml"))


def find_file(file: str) -> Path:
    """A scenario's path, from that or from the name of a shipped one; ScenarioError for neither.

    A folder of that name hides no shipped scenario.
    """
    path = Path(file)
    if path.is_file() or (path.suffix and path.exists()):
        return path
    found = FOLDER / f"{file}.yaml"
    if found.is_file():
        return found
    names = ", ".join(each.stem for each in shipped())
    if not file.strip():
        raise ScenarioError(f"No scenario is named; name a file, or a shipped one: {names}.")
    raise ScenarioError(f"{file} is neither a file nor a shipped scenario; those are: {names}.")
