"""The script of a run's own file: its pages' modules in one."""

from __future__ import annotations

from collections.abc import Mapping

from kb_tests.web.assets import FOLDER
from kb_tests.web.bundle import lean, scopes

ENTRY = "single/app.js"
INSTEAD: Mapping[str, str] = {
    "lib/api.js": "single/api.js",
    "lib/route.js": "single/route.js",
    "parts/shell.js": "single/shell.js",
}
"""What asks a server or stands in its address bar, and what does so for a file."""


def script(entry: str = ENTRY) -> str:
    """What `entry` is with all that it imports; raises ValueError for what is not understood."""
    found = scopes(entry, lambda name: lean((FOLDER / name).read_text(encoding="utf-8")), INSTEAD)
    made = "\n".join(scope.made() for scope in found.values())
    return f'"use strict";\n(() => {{\nconst modules = {{}};\n{made}\n}})();\n'.replace("</", "<\\/")
