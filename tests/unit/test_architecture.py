"""Imports follow the direction of the rooms in ARCHITECTURE.md, and files stay readable."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "kb_tests"
ROOMS = [
    "errors",
    "scenario",
    "agent",
    "cloud",
    "fleet",
    "load",
    "measure",
    "sla",
    "report",
    "compare",
    "culprits",
    "events",
    "history",
    "session",
    "web",
]
ALONE = {"agent", "localcloud"}
MAY_START = {"fixtures", "plugin", "cli"}
MAY_SERVE = {"cli", "commands"}
NOT_IN_A_PROCESS_OF_ITS_OWN = {
    "cloud": {"account", "describe", "kept", "layout", "topology", "workloads"},
    "sla": {"verdict"},
    "session": set[str](),
}
"""What `web` may know of rooms that load clouds and decide: it runs none of them itself."""
SUITE = sorted(PACKAGE.rglob("*.py"))
AGENT = sorted((PACKAGE / "agent").rglob("*.py"))
LONGEST = 600
Walk = Callable[[ast.AST], Iterator[ast.AST]]


def room_of(module: list[str]) -> str:
    return module[0] if module else ""


def imports(path: Path, source: str, walk: Walk = ast.walk) -> list[list[str]]:
    """Every import from this project in the source of `path`, as parts below `kb_tests`."""
    here = path.relative_to(PACKAGE).with_suffix("").parts
    found = []
    for node in walk(ast.parse(source)):
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


def running(node: ast.AST) -> Iterator[ast.AST]:
    """The statements of a module but those that only type checkers read."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            continue
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield child
            yield from running(child)


def imported(path: Path, source: str, files: Collection[Path]) -> set[Path]:
    """The `files` that `path` imports sooner or later, within functions too."""
    found = set()
    for module in imports(path, source, running):
        for name in (module, module[:-1]):
            file = PACKAGE.joinpath(*name).with_suffix(".py")
            if file in files:
                found.add(file)
                break
    return found - {path}


def circle(sources: Mapping[Path, str]) -> list[str]:
    """Files that import each other in a circle; empty if none do."""
    try:
        TopologicalSorter(
            {path: imported(path, source, sources) for path, source in sources.items()}
        ).prepare()
    except CycleError as error:
        return [str(path) for path in error.args[1]]
    return []


def wrong_ways(path: Path, source: str) -> Iterator[str]:
    """What `path` imports from a room that its own may not know."""
    room = path.relative_to(PACKAGE).with_suffix("").parts[0]
    for module in imports(path, source):
        other = room_of(module)
        if other in ("", room):
            continue
        if room in ALONE:
            yield f"{room} stands alone, but {path} imports {other}"
        elif other == "localcloud":
            if room not in MAY_START:
                yield f"{path} imports the local cloud"
        elif other == "agent":
            if module[:2] != ["agent", "protocol"]:
                yield f"{path} imports more of the agent than its protocol"
        elif other == "web":
            if room not in MAY_SERVE:
                yield f"{path} imports the web UI"
        elif (
            room == "web" and module[1:2] and module[1] not in NOT_IN_A_PROCESS_OF_ITS_OWN.get(other, module)
        ):
            yield f"the web UI imports {'.'.join(module)}"
        elif room in ROOMS and other not in ROOMS[: ROOMS.index(room)]:
            yield f"{room} is above {other}, but {path} imports it"


def foreign(path: Path, source: str) -> Iterator[str]:
    """What `path` imports that is not of Python's standard library."""
    for node in ast.walk(ast.parse(source, feature_version=(3, 9))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [str(node.module)]
        yield from (
            f"{path} imports {name}" for name in names if name.split(".")[0] not in sys.stdlib_module_names
        )


def test_a_room_imports_only_from_rooms_above_it() -> None:
    assert [wrong for path in SUITE for wrong in wrong_ways(path, path.read_text())] == []


def test_no_files_import_each_other_in_a_circle_not_even_later() -> None:
    assert circle({path: path.read_text() for path in SUITE}) == []


def test_the_agent_needs_only_the_standard_library_of_python_3_9() -> None:
    assert [wrong for path in AGENT for wrong in foreign(path, path.read_text())] == []


def test_no_file_is_longer_than_600_lines() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in SUITE}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_what_breaks_these_rules_is_seen() -> None:
    def seen(room: str, source: str) -> int:
        return len(list(wrong_ways(PACKAGE / room / "new.py", source)))

    assert seen("cloud", "from kb_tests.scenario import points\nfrom kb_tests.errors import CloudError") == 0
    assert seen("cloud", "from kb_tests.fleet.boot import acl\nimport kb_tests.report.record") == 2
    assert seen("cloud", "from kb_tests.localcloud import control") == 1
    assert seen("fleet", "from kb_tests.agent import protocol") == 0
    assert seen("fleet", "from kb_tests.agent.resp import encode") == 1
    assert seen("agent", "from kb_tests.errors import KbError") == 1
    assert seen("localcloud", "from ..errors import KbError") == 1
    assert seen("session", "from kb_tests.web.app import App") == 1
    assert seen("commands", "from kb_tests.web.app import App") == 0
    assert (
        seen("web", "from kb_tests.session.run import Run\nfrom kb_tests.cloud.connect import connect") == 2
    )
    assert seen("web", "from kb_tests.cloud.workloads import plan\nfrom kb_tests.events import lines") == 0
    assert list(foreign(AGENT[0], "import os, redis\nfrom numpy import array")) != []


def test_a_circle_is_seen_wherever_its_imports_stand() -> None:
    a, b = PACKAGE / "report" / "a.py", PACKAGE / "report" / "http" / "b.py"
    later = "def shown():\n    from kb_tests.report.http import b"
    typed = "if TYPE_CHECKING:\n    from kb_tests.report.http import b"
    assert circle({a: later, b: "from kb_tests.report.a import A"}) != []
    assert circle({a: later, b: "import kb_tests.report.a"}) != []
    assert circle({a: later, b: "from ..a import A"}) != []
    assert circle({a: typed, b: "from kb_tests.report.a import A"}) == []
    assert circle({a: later, b: "from kb_tests.report import words"}) == []
