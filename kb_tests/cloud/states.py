"""What Nova says of a run's servers after a point went wrong: the one that is off explains the figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.server_list import list_servers
from kb_tests.cloud.topology import Server
from kb_tests.scenario.units import counted

NAMED = 5
"""Servers that are named at most."""


@dataclass(frozen=True)
class Down:
    """A server that is not ACTIVE any more, and where it is; `since` is when Nova noticed, "" if unknown."""

    name: str
    status: str
    since: str
    host: str


def down(cloud: Cloud, run_id: str, servers: Iterable[Server]) -> tuple[Down, ...]:
    """Those of `servers` that Nova does not call ACTIVE, or does not know any more.

    Never raises: it is asked when something has gone wrong already; empty where Nova does not answer.
    """
    wanted = {server.id: server for server in servers}
    try:
        found = {each.id: each for each in list_servers(cloud, f"^kb-{run_id}-") if each.id in wanted}
    except Exception:  # whatever it is must not stand in front of what went wrong before
        return ()
    gone = [Down(server.name, "gone", "", server.host) for id_, server in wanted.items() if id_ not in found]
    changed = [
        Down(each.name, each.status, each.updated, each.hypervisor or wanted[each.id].host)
        for each in found.values()
        if each.status != "ACTIVE"
    ]
    return (*gone, *changed)


def sentences(found: Iterable[Down]) -> list[str]:
    """For people: "Server kb-1f2e3d4c-server-2 is SHUTOFF since 06:06:48 UTC (host node-3)."."""
    every = list(found)
    told = []
    for each in every[:NAMED]:
        state = "unknown to Nova: it was deleted" if each.status == "gone" else each.status
        since = f" since {each.since[11:19]} UTC" if len(each.since) >= 19 else ""
        host = f" (host {each.host})" if each.host else ""
        told.append(f"Server {each.name} is {state}{since}{host}.")
    if len(every) > NAMED:
        told.append(f"{counted(len(every) - NAMED, 'more server is', 'more servers are')} not ACTIVE.")
    return told
