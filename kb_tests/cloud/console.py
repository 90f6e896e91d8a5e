"""What servers wrote to their consoles when their boot failed: all there is of one that nobody can reach."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from kb_tests.cloud.calls import FAILURES
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.topology import Server

ASKED = 20
"""Consoles that are read at most."""

_LINES = 400
_FAILED = re.compile(r"(?:kb: failed|kb-agent): (?!run )([^\r\n]{1,300})")
"""What the boot script says before it gives up, and the agent of what keeps it from starting."""


def failure(cloud: Cloud, servers: Iterable[Server]) -> str:
    """One sentence on the first of `servers` whose boot script says why it failed; "" if none does.

    Never raises: it is asked when something has gone wrong already.
    """
    compute: Any = cloud.connection.compute
    for server in list(servers)[:ASKED]:
        try:
            output = compute.get_server_console_output(server.id, length=_LINES)
        except FAILURES:
            continue
        said = _FAILED.findall(str((output or {}).get("output") or ""))
        if said:
            last = "".join(sign if sign.isprintable() else " " for sign in said[-1]).strip().rstrip(".")
            return f"The boot of {server.name} failed, as its console says: {last}."
    return ""
