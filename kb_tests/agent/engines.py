"""Loads an engine, and fetches it from the run's own control server where this agent does not have it yet.

What is fetched runs only if it is what user_data names by its SHA-256: the control server passes it on, and
has no say in what it is.
"""

from __future__ import annotations

import os
import sys

from . import protocol

TYPE_CHECKING = False  # `typing` would be a tenth of an idle agent's memory
if TYPE_CHECKING:
    from typing import Any

    from .control import Control


_WRONG = 3
_UNWRITTEN = 4


class EngineError(Exception):
    """There is no such engine, or it cannot be had; one sentence."""


def load(name: str, digests: dict[str, str], control: Control) -> Any:
    """The module `engine` of the engine `name`; raises what `have` does."""
    have(name, digests, control)
    module = f"{__package__}.{name}.engine"
    __import__(module)
    return sys.modules[module]


def have(name: str, digests: dict[str, str], control: Control) -> None:
    """Fetch the engine `name`, unless it is there; nothing of it is loaded, for an idle agent to stay small.

    Raises EngineError, or `control.BrokenError` where the connection broke meanwhile: try again once it is
    there.
    """
    if os.path.exists(os.path.join(os.path.dirname(os.path.abspath(__file__)), name, "engine.py")):
        return
    if name not in digests:
        raise EngineError(f"this agent knows no engine {name[:40]!r}")
    _lay_down(name, digests[name], control.fetch(protocol.engine_key(control.run, digests[name])))
    sys.path_importer_cache.clear()  # what was not there a moment ago


def _lay_down(name: str, digest: str, found: list[bytes]) -> None:
    """Write the one with this SHA-256 of those `found` beside our own sources, compiled: in a process that
    ends, and takes along the memory for that.
    """
    if not found:
        raise EngineError(f"the control server has none as engine {name[:40]!r}")
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        if status:
            wrong = os.WEXITSTATUS(status) == _WRONG
            why = "another one than this run's" if wrong else "one that cannot be written here,"
            raise EngineError(f"the control server has {why} as engine {name[:40]!r}")
        return
    code = _WRONG
    try:
        from hashlib import sha256  # loads OpenSSL

        for packed in found:
            if sha256(packed).hexdigest() == digest:
                code = _UNWRITTEN
                unpack(packed, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
                code = 0
                break
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def unpack(packed: bytes, folder: str) -> None:
    """Lay `packed` down in `folder`, as `kb_tests.fleet.bundle` packs it: each file whole or not at all, the
    module `engine` last.
    """
    import zlib
    from importlib.machinery import SourceFileLoader

    rest = zlib.decompress(packed)
    while rest:
        head, _, rest = rest.partition(b"\n")
        name, size = head.decode().split()
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        new = f"{path}.{os.getpid()}"
        with open(new, "wb") as source:
            source.write(rest[: int(size)])
        os.replace(new, path)
        rest = rest[int(size) :]
        SourceFileLoader("agent", path).get_code("agent")
