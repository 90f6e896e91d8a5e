"""What the local cloud's README promises of its tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import kb_tests.localcloud

README = Path(kb_tests.localcloud.__file__).with_name("README.md")
FUNCTIONAL = Path(__file__).parents[2] / "functional" / "localcloud"


def only_as_root(path: Path) -> set[str]:
    """The tests of a module that an ordinary user skips."""
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        and any("geteuid() != 0" in ast.unparse(decorator) for decorator in node.decorator_list)
    }


def test_it_lists_what_needs_root() -> None:
    skipped = set().union(*map(only_as_root, FUNCTIONAL.glob("test_netns_*.py")))
    skipped |= only_as_root(FUNCTIONAL / "test_whole_cloud.py")
    section = README.read_text().split("## As an ordinary user")[1].split("\n## ")[0]
    assert set(re.findall(r"`(test_\w+)`", section)) == skipped
