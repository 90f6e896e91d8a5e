"""The pages' modules as few scripts: each becomes a scope of one, since a file cannot load others, and a
browser that has nothing yet gets one script sooner than twenty.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

_IMPORT = re.compile(r'^import \{([^}]+)\} from "([^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (const|class|function|async function) (\w+)", re.MULTILINE)
_LIST = re.compile(r"export\{([^}]+)\};?\s*$")


@dataclass(frozen=True)
class Scope:
    """A module as a scope: what it exports, and its code, which finds others in `modules`."""

    name: str
    exported: tuple[str, ...]
    code: str

    def made(self) -> str:
        """The statement that makes it, once, whichever script has it first."""
        return f"modules[{self.name!r}] ??= (() => {{\n{self.code}\n}})();"


def lean(script: str) -> str:
    """A script of ours without its comments, which are types and words for people: a fifth of its weight."""
    script = re.sub(r"/\*\*.*?\*/[ \t]*", "", script, flags=re.DOTALL)
    script = re.sub(r"^[ \t]*//.*\n", "", script, flags=re.MULTILINE)
    return re.sub(r"\n\s*\n", "\n", script)


def scopes(entry: str, read: Callable[[str], str], instead: Mapping[str, str]) -> dict[str, Scope]:
    """`entry` and all that it imports, by name, what a module needs before it. `read` gives a module's text,
    `instead` says which ones stand in for others. Raises ValueError for what is not understood.
    """
    made: dict[str, Scope] = {}

    def add(name: str) -> None:
        if name in made:
            return
        code = read(name)
        for _, target in _IMPORT.findall(code):
            add(_named(name, target, instead))
        made[name] = _scope(name, code, instead)

    add(entry)
    return made


def first(found: Mapping[str, Scope]) -> str:
    """A module script of these scopes, to which `later` ones may add."""
    return _script("const modules = {};", found.values(), "export { modules };")


def later(found: Mapping[str, Scope], known: Collection[str], entry: str, base: str) -> str:
    """One of those that are not `known` already in the script `base`, which exports what `entry` exports."""
    fresh = [scope for name, scope in found.items() if name not in known]
    exports = f"export const {{ {', '.join(found[entry].exported)} }} = modules[{entry!r}];"
    return _script(f'import {{ modules }} from "{base}";', fresh, exports)


def _script(head: str, found: Collection[Scope], end: str) -> str:
    return "\n".join((head, *(scope.made() for scope in found), end, ""))


def _named(importer: str, target: str, instead: Mapping[str, str]) -> str:
    path = posixpath.normpath(posixpath.join(posixpath.dirname(importer), target))
    return instead.get(path, path)


def _scope(name: str, code: str, instead: Mapping[str, str]) -> Scope:
    def taken(found: re.Match[str]) -> str:
        names = found[1].replace(" as ", ": ").strip().rstrip(",")
        return f"const {{ {names} }} = modules[{_named(name, found[2], instead)!r}];"

    code = _IMPORT.sub(taken, code)
    pairs = [(found[2], found[2]) for found in _EXPORT.finditer(code)]
    code = _EXPORT.sub(r"\1 \2", code)
    if listed := _LIST.search(code):
        each = [[word.strip() for word in pair.split(" as ")] for pair in listed[1].split(",")]
        pairs += [(words[-1], words[0]) for words in each]
        code = code[: listed.start()]
    if left := re.search(r"^\s*(?:import|export)\b.*", code, re.MULTILINE):
        raise ValueError(f"{name}: {left[0].strip()[:80]!r} is no form of import or export that is known.")
    given = ", ".join(shown if shown == own else f"{shown}: {own}" for shown, own in pairs)
    return Scope(name, tuple(shown for shown, _ in pairs), f"{code.strip()}\nreturn {{ {given} }};")
