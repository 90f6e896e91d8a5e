"""The modules of the pages as one script, since a file cannot load others: each becomes a scope."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from kb_tests.web.assets import FOLDER, lean

ENTRY = "single/app.js"
INSTEAD: Mapping[str, str] = {
    "lib/api.js": "single/api.js",
    "lib/route.js": "single/route.js",
    "parts/shell.js": "single/shell.js",
}
"""What asks a server or stands in its address bar, and what does so for a file."""

_IMPORT = re.compile(r'^import \{([^}]+)\} from "([^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (const|class|function|async function) (\w+)", re.MULTILINE)
_LIST = re.compile(r"export\{([^}]+)\};?\s*$")


def bundle(entry: str = ENTRY) -> str:
    """The script that `entry` is with all that it imports; raises ValueError for what is not understood."""
    made: dict[str, str] = {}
    _add(entry, made)
    scopes = "\n".join(f"modules[{name!r}] = (() => {{\n{code}\n}})();" for name, code in made.items())
    return f'"use strict";\n(() => {{\nconst modules = {{}};\n{scopes}\n}})();\n'.replace("</", "<\\/")


def _add(name: str, made: dict[str, str]) -> None:
    """Those that a module needs come before it."""
    if name in made:
        return
    code = lean((FOLDER / name).read_text(encoding="utf-8"))
    for _, target in _IMPORT.findall(code):
        _add(_named(name, target), made)
    made[name] = _scope(name, code)


def _named(importer: str, target: str) -> str:
    path = posixpath.normpath(posixpath.join(posixpath.dirname(importer), target))
    return INSTEAD.get(path, path)


def _scope(name: str, code: str) -> str:
    def taken(found: re.Match[str]) -> str:
        names = found[1].replace(" as ", ": ").strip().rstrip(",")
        return f"const {{ {names} }} = modules[{_named(name, found[2])!r}];"

    code = _IMPORT.sub(taken, code)
    exported = [found[2] for found in _EXPORT.finditer(code)]
    code = _EXPORT.sub(r"\1 \2", code)
    listed = _LIST.search(code)
    if listed:
        pairs = (pair.split(" as ") for pair in listed[1].split(","))
        exported += [f"{pair[-1].strip()}: {pair[0].strip()}" for pair in pairs]
        code = code[: listed.start()]
    if left := re.search(r"^\s*(?:import|export)\b.*", code, re.MULTILINE):
        raise ValueError(f"{name}: {left[0].strip()[:80]!r} is no form of import or export that is known.")
    return f"{code.strip()}\nreturn {{ {', '.join(exported)} }};"
