"""The agent as one piece, and each engine as another: packed folders of sources, the same bytes each time.

user_data carries the agent, small as it is, and the digest of every engine. Engines travel over the control
channel, to those that need them (`kb_tests.agent.engines`).
"""

from __future__ import annotations

import ast
import functools
import hashlib
import zlib
from collections.abc import Iterator, Mapping
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
    Role.SERVER: ("main", "engines", "nginx"),
    Role.CLIENT: ("main", "engines"),
    Role.STORAGE: ("main", "engines"),
}
"""What each role starts from: `main`, and what is imported only when it is needed."""

ENGINES = {"http": ("http.engine", "http.tls"), "storage": ("storage.engine",)}
"""What each engine of ours starts from."""


def sources(role: Role) -> dict[str, bytes]:
    """The files of a folder in which `python3 __main__.py CONFIG` is the agent, by their paths."""
    return {"__main__.py": _MAIN.encode()} | _sources(ENTRIES[role])


def engine(name: str) -> dict[str, bytes]:
    """The files that an engine adds to an agent of any role, by their paths."""
    found = _sources(ENGINES[name]) if name in ENGINES else _of_kind(name)
    there = _sources(("main", "engines"))
    return {path: text for path, text in found.items() if path not in there}


def engines() -> dict[str, bytes]:
    """Every engine by its name, compressed as `packed` does it."""
    kinds = [name for name, workload in WORKLOADS.items() if workload.files]
    return {name: _packed(engine(name)) for name in (*ENGINES, *kinds)}


def digest(packed_engine: bytes) -> str:
    """By what an agent knows an engine."""
    return hashlib.sha256(packed_engine).hexdigest()


def write(role: Role, folder: Path) -> Path:
    """Make the folder, unless it is there; the path of its `__main__.py`."""
    lay_down(sources(role), folder)
    return folder / "__main__.py"


def lay_down(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files by their paths below `folder`."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def packed(role: Role) -> bytes:
    """The folder, compressed: before each file a line with its path and its size in bytes."""
    return _packed(sources(role))


def _packed(sources: Mapping[str, bytes]) -> bytes:
    files = sorted(sources.items(), key=lambda item: (item[0].endswith("/engine.py"), item[0]))
    return zlib.compress(b"".join(b"%s %d\n%s" % (name.encode(), len(text), text) for name, text in files), 9)


def _of_kind(kind: str) -> dict[str, bytes]:
    """What a kind of load brings along, and what that imports of ours."""
    files = {path: text for part in WORKLOADS[kind].files.values() for path, text in part.items()}
    own = {f"{_PACKAGE}/{path}": without_docstrings(text).encode() for path, text in files.items()}
    needed = [module for path, text in files.items() for module in _imports(text, Path(path).parts[:-1])]
    return _sources(tuple(needed)) | own


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
            waiting += [".".join(package), *_imports(text, tuple(package))]
    return found


# Asked for every role and engine, as are docstrings below, about the same few dozen files.
@functools.cache
def _imports(source: str, package: tuple[str, ...]) -> tuple[str, ...]:
    """What may be modules of the agent among the imports of a module's top level."""
    return tuple(_imported(ast.parse(source), package))


def _imported(tree: ast.Module, package: tuple[str, ...]) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level:
            above = package[: len(package) - node.level + 1]
            base = [*above, *(node.module or "").split(".")]
            for names in (base, *([*base, alias.name] for alias in node.names)):
                yield ".".join(filter(None, names))


@functools.cache
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
