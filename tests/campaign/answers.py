"""A web server that begins to answer wrongly under load: nginx told otherwise, or another in its place."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from kb_tests.scenario.units import parse_size
from tests.campaign import impostor, outside
from tests.campaign.session import ROOT, Session

FEW = "split_clients $request_id $bad { 5% 1; * 0; }"
"""One request in twenty."""


def wrong(size: int) -> dict[str, tuple[str, str]]:
    """What to add to nginx's `http` and `server` sections, for pages of `size` bytes."""
    return {
        "short": ("", "return 200 hello;"),
        "long": ("", f"return 200 {'x' * (size + 1)};"),
        "empty": ("", 'return 200 "";'),
        "other content": ("", f"return 200 {'x' * size};"),
        "redirect": ("", "return 302 http://portal.example/login;"),
        "204": ("", "return 204;"),
        "503": ("", "return 503;"),
        "connections ended unanswered": ("", "return 444;"),
        "one bad in twenty": (FEW, "if ($bad) { return 200 hello; }"),
    }


KINDS = tuple(wrong(1))


def change(pids: list[int], kind: str, page: str) -> bool:
    """Have every nginx of these answer so from now on; whether there was one."""
    http, server = wrong(parse_size(page))[kind]
    for pid, path in (found := list(_configurations(pids))):
        text = path.read_text()
        path.write_text(text.replace("    server {\n", f"    {http}\n    server {{\n        {server}\n", 1))
        os.kill(pid, signal.SIGHUP)
    return bool(found)


def take_over(session: Session, kind: str) -> bool:
    """Have an impostor of this kind answer in the first nginx's place from now on; whether it does.

    nginx goes on where nobody asks it, so that its agent has nothing to say of it.
    """
    for pid, path in _configurations(session.plane.named("nginx")):
        text = path.read_text()
        found = re.search(r"listen (?:\S+:)?(\d+) [^;]*;", text)
        assert found, text
        command = [*outside.entering(pid), "-p", sys.executable, "-m", impostor.__name__, kind, found[1]]
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE
        )
        session.cleanups.append(partial(_end, process))
        path.write_text(text.replace(found[0], "listen unix:/run/elsewhere.socket;"))
        os.kill(pid, signal.SIGHUP)
        assert process.stdout is not None
        return process.stdout.readline() == impostor.READY
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _configurations(pids: list[int]) -> Iterator[tuple[int, Path]]:
    """The nginx masters among these, and where their configurations are seen."""
    for pid in pids:
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            found = re.search(r"master process.* -c (/\S+nginx\.conf)", words.replace("\0", " "))
            if found:
                yield pid, Path(f"/proc/{pid}/root{found[1]}")
