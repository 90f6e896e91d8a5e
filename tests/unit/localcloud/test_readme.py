"""What the local cloud's README promises of its tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import kb_tests.localcloud

README = Path(kb_tests.localcloud.__file__).with_name("README.md")
HELD = [Path(__file__).parents[2] / folder for folder in ("functional", "unit")]


def only_as_root(path: Path) -> Iterator[tuple[str, str]]:
    """What needs root in a module, and for what: tests, or the whole of it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            yield from ((node.name, what) for what in map(needed, node.decorator_list) if what)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            yield path.name, needed(node.value)


def needed(mark: ast.expr) -> str:
    """The reason of a mark, "" if it is another one."""
    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.root_only":
        return str(ast.literal_eval(mark.args[0]))
    assert ast.unparse(mark) != "pytest.mark.root_only", "What is it that only root can have?"
    return ""


def test_it_lists_what_needs_root_and_for_what() -> None:
    paths = (path for folder in HELD for path in folder.rglob("test_*.py"))
    marked = {name: what for path in paths for name, what in only_as_root(path)}
    section = README.read_text().split("## As an ordinary user")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+) \| (`.+`) \|$", section, re.MULTILINE)
    assert {test: what for what, tests in rows for test in re.findall(r"`(\w+(?:\.py)?)`", tests)} == {
        test: what for test, what in marked.items() if what
    }
