"""The agent as one piece: a packed folder of its sources, the same bytes each time.

A role gets the modules that it can reach and no others: user_data is small.
"""

from __future__ import annotations

import ast
import zlib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from kb_tests.cloud.topology import Role
from kb_tests.fleet.workloads import WORKLOADS

_PACKAGE = "kb_agent"
_MAIN = f"""\
import os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from {_PACKAGE}.main import main
sys.exit(main())
"""

ENTRIES = {
    Role.SERVER: ("main", "nginx"),
    Role.CLIENT: ("main", "http.engine", "http.tls"),
    Role.STORAGE: ("main", "storage.engine"),
}
"""What each role starts from: `main`, and what is imported only when it is needed."""


def sources(role: Role) -> dict[str, bytes]:
    """The files of a folder in which `python3 __main__.py CONFIG` is the agent, by their paths."""
    return {"__main__.py": _MAIN.encode()} | _sources(ENTRIES[role]) | _of_kinds(role)


def write(role: Role, folder: Path) -> Path:
    """Make the folder, unless it is there; the path of its `__main__.py`."""
    for name, content in sources(role).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / "__main__.py"


def packed(role: Role) -> bytes:
    """The folder, compressed: before each file a line with its path and its size in bytes."""
    files = sorted(sources(role).items())
    return zlib.compress(b"".join(b"%s %d\n%s" % (name.encode(), len(text), text) for name, text in files), 9)


def _of_kinds(role: Role) -> dict[str, bytes]:
    """What kinds of load bring along for a role."""
    return {
        f"{_PACKAGE}/{path}": without_docstrings(source).encode()
        for workload in WORKLOADS.values()
        for path, source in workload.files.get(role, {}).items()
    }


def _sources(entries: tuple[str, ...]) -> dict[str, bytes]:
    """By its path in the archive, every module that the entries import, as they are loaded."""
    agent = resources.files("kb_tests.agent")
    found: dict[str, bytes] = {}
    waiting = list(entries)
    while waiting:
        module = waiting.pop()
        parts = [part for part in module.split(".") if part]
        if agent.joinpath(*parts).is_dir():
            parts.append("__init__")
        *package, name = parts
        source = agent.joinpath(*package, f"{name}.py")
        path = "/".join((_PACKAGE, *package, f"{name}.py"))
        if path not in found and source.is_file():
            text = source.read_text("utf-8")
            found[path] = without_docstrings(text).encode()
            waiting += [".".join(package), *_imports(ast.parse(text), package)]
    return found


def _imports(tree: ast.Module, package: list[str]) -> Iterator[str]:
    """What may be modules of the agent among the imports of a module's top level."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level:
            above = package[: len(package) - node.level + 1]
            base = [*above, *(node.module or "").split(".")]
            for names in (base, *([*base, alias.name] for alias in node.names)):
                yield ".".join(filter(None, names))


def without_docstrings(source: str) -> str:
    """`source` with its docstrings emptied: nobody reads them there, and user_data is small.

    Every line keeps its number, so that a traceback from a server fits the sources here.
    """
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = node.body[0] if node.body else None
        if ast.get_docstring(node, clean=False) is None or not isinstance(first, ast.Expr):
            continue
        last = first.end_lineno or first.lineno
        lines[first.lineno - 1 : last] = [" " * first.col_offset + "''"] + [""] * (last - first.lineno)
    return "\n".join(lines) + "\n"
