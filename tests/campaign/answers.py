"""A web server that begins to answer wrongly under load: nginx, told otherwise by its own configuration."""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from pathlib import Path

from kb_tests.scenario.units import parse_size

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
    changed = False
    http, server = wrong(parse_size(page))[kind]
    for pid in pids:
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            found = re.search(r"master process.* -c (/\S+nginx\.conf)", words.replace("\0", " "))
            if not found:
                continue
            path = Path(f"/proc/{pid}/root{found[1]}")
            text = path.read_text()
            text = text.replace("    server {\n", f"    {http}\n    server {{\n        {server}\n", 1)
            path.write_text(text)
            os.kill(pid, signal.SIGHUP)
            changed = True
    return changed
