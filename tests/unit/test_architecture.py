"""Imports follow the direction of the rooms in ARCHITECTURE.md, and files stay readable."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "kb_tests"
ROOMS = ["errors", "scenario", "agent", "cloud", "fleet", "load", "measure", "sla", "report", "session"]
ALONE = {"agent", "localcloud"}
MAY_START = {"fixtures", "plugin", "cli"}
SUITE = sorted(path for path in PACKAGE.rglob("*.py"))


def room_of(module: list[str]) -> str:
    return module[0] if module else ""


def imports(path: Path) -> list[list[str]]:
    """Every import of `path` from this project, as parts below `kb_tests`."""
    here = path.relative_to(PACKAGE).with_suffix("").parts
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name.split(".")[1:] for alias in node.names if alias.name.startswith("kb_tests.")]
        elif isinstance(node, ast.ImportFrom):
            module = [part for part in (node.module or "").split(".") if part]
            if node.level:
                module = [*here[: len(here) - node.level], *module]
            elif module[0] != "kb_tests":
                continue
            else:
                module = module[1:]
            found += [[*module, alias.name] for alias in node.names]
    return found


@pytest.mark.parametrize("path", SUITE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_rooms_above_it(path: Path) -> None:
    room = path.relative_to(PACKAGE).with_suffix("").parts[0]
    for module in imports(path):
        other = room_of(module)
        if other in ("", room):
            continue
        assert room not in ALONE, f"{room} stands alone, but {path} imports {other}"
        if other == "localcloud":
            assert room in MAY_START, f"{path} imports the local cloud"
        elif other == "agent":
            assert module[:2] == ["agent", "protocol"], f"{path} imports more of the agent than its protocol"
        elif room in ROOMS:
            assert other in ROOMS[: ROOMS.index(room)], f"{room} is above {other}, but {path} imports it"


@pytest.mark.parametrize("path", sorted((PACKAGE / "agent").rglob("*.py")), ids=lambda path: path.name)
def test_the_agent_needs_only_the_standard_library_of_python_3_9(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(), feature_version=(3, 9))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [str(node.module)]
        for name in names:
            assert name.split(".")[0] in sys.stdlib_module_names, f"{path} imports {name}"


@pytest.mark.parametrize("path", SUITE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_longer_than_600_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 600
