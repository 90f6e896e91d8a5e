"""The agent runs on Python 3.9 with nothing but the standard library."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kb_tests.agent

FOLDER = Path(kb_tests.agent.__file__).parent
SOURCES = sorted(FOLDER.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_source_is_python_3_9_and_imports_the_standard_library_only(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        else:
            continue
        assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_clock_that_is_set_changes_nothing(path: Path) -> None:
    """All of its times are of CLOCK_MONOTONIC: nobody can set that."""
    used = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    assert not used & {"time_ns", "clock_gettime", "now", "utcnow", "today", "gmtime", "localtime"}
    assert "time.time(" not in path.read_text()


def test_tls_is_imported_by_who_speaks_it_alone() -> None:
    """It is twice the memory of an idle agent."""
    look = "import sys, kb_tests.agent.main, kb_tests.agent.http.engine; sys.exit('ssl' in sys.modules)"
    subprocess.run([sys.executable, "-c", look], check=True)
