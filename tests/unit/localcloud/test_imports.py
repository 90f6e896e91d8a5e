"""The local cloud's modules can be read one after the other: none imports, even for types, in a circle."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import kb_tests.localcloud

FOLDER = Path(kb_tests.localcloud.__file__).parent
NAMES = {
    ".".join(("kb_tests.localcloud", *path.relative_to(FOLDER).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in FOLDER.rglob("*.py")
}


def imported(path: Path) -> set[str]:
    """The modules of the local cloud that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                found.add(module if module in NAMES else str(node.module))
    return found & set(NAMES)


def test_there_is_no_circle() -> None:
    graph = {name: imported(path) - {name} for name, path in NAMES.items()}
    assert graph["kb_tests.localcloud.server"]
    TopologicalSorter(graph).prepare()
