"""The agent as one file: a zipapp, the same bytes for the same sources."""

from __future__ import annotations

import ast
import gzip
import io
import zipfile
from importlib import resources
from importlib.resources.abc import Traversable

_PACKAGE = "kb_agent"
_MAIN = f"import sys\nfrom {_PACKAGE}.main import main\nsys.exit(main())\n"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def zipapp() -> bytes:
    """The zip archive that `python3 FILE CONFIG` runs. It is stored, not deflated: `packed` does that
    a quarter better for all files at once.
    """
    sources = {"__main__.py": _MAIN.encode()} | _sources(resources.files("kb_tests.agent"), _PACKAGE)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(sources):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, sources[name])
    return buffer.getvalue()


def packed() -> bytes:
    """The zipapp, gzipped."""
    return gzip.compress(zipapp(), 9, mtime=0)


def _sources(folder: Traversable, name: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            found |= _sources(entry, f"{name}/{entry.name}")
        elif entry.name.endswith(".py"):
            found[f"{name}/{entry.name}"] = without_docstrings(entry.read_text("utf-8")).encode()
    return found


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
