"""Waiting for servers: one list of all, never each of them; the odd one in ERROR is made anew."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial

from kb_tests.cloud.builder import Builder
from kb_tests.cloud.calls import Aborted
from kb_tests.cloud.mark import resource_name
from kb_tests.cloud.progress import Progress
from kb_tests.cloud.server_list import ListedServer, list_servers
from kb_tests.cloud.servers import Group
from kb_tests.cloud.topology import Server
from kb_tests.errors import StagingError

_FASTEST_POLLS = 0.3
_SLOWEST_POLLS = 5.0
_LATE = 0.05
"""How much later than they are ready servers may be seen, as a share of the time that they took."""

_REPLACED_SHARE = 0.05


class Waiting:
    """Waits until all servers are ACTIVE; `replaced` are the names of those that were made anew."""

    def __init__(self, builder: Builder, groups: Iterable[Group]) -> None:
        self._builder = builder
        self._groups = {name: group for group in groups for name in group.names}
        self._given_up: set[str] = set()
        self.replaced: list[str] = []

    def run(self, progress: Progress) -> dict[str, Server]:
        """All servers by name, once each is ACTIVE and has an address.

        A twentieth of them (at least one) may go to ERROR and is made anew, once. Raises StagingError
        that names the first in ERROR with Nova's reason, or, when time is up, those not ready.
        """
        began = time.monotonic()
        while True:
            everything = self._list()
            found = {server.name: server for server in everything if server.id not in self._given_up}
            ready = {
                name: made
                for name, server in found.items()
                if server.status == "ACTIVE" and (made := self._server(server, name)).address
            }
            progress("servers", len(ready), len(self._groups))
            if len(ready) == len(self._groups):
                return ready
            self._replace([server for server in found.values() if server.status == "ERROR"])
            self._ask_again({server.name for server in everything})
            waited = time.monotonic() - began
            interval = min(max(_FASTEST_POLLS, waited * _LATE), _SLOWEST_POLLS)
            if time.monotonic() + interval > self._builder.until:
                raise StagingError(self._late(found, ready, waited))
            if self._builder.stop.wait(interval):
                raise Aborted("Stopped while waiting for servers.")

    def _list(self) -> list[ListedServer]:
        cloud, prefix = self._builder.cloud, f"^{resource_name(self._builder.journal.run_id, '')}"
        servers = self._builder.call("listing servers", lambda: list(list_servers(cloud, prefix)))
        return [server for server in servers if server.name in self._groups]

    def _replace(self, failed: list[ListedServer]) -> None:
        allowed = max(1, int(len(self._groups) * _REPLACED_SHARE))
        again = {server.name for server in failed} & set(self.replaced)
        if again or len(failed) + len(self.replaced) > allowed:
            raise StagingError(self._failures(failed))
        compute = self._builder.cloud.connection.compute
        for server in failed:
            self._builder.call(f"removing {server.name}", partial(compute.delete_server, server.id))
            self._given_up.add(server.id)
            self.replaced.append(server.name)

    def _ask_again(self, there: set[str]) -> None:
        """Ask for those whose failed server has gone: the proxy's port must be free first."""
        for name in self.replaced:
            if name not in there:
                prefix = resource_name(self._builder.journal.run_id, "")
                self._groups[name].create(name.removeprefix(prefix), 1)

    def _failures(self, failed: list[ListedServer]) -> str:
        first = min(failed, key=lambda server: str(server.name))
        reason = " ".join(((first.fault and first.fault.message) or "no reason given").split())
        before = f", after {len(self.replaced)} made anew" if self.replaced else ""
        return (
            f"{len(failed)} of {len(self._groups)} servers went to ERROR{before}, "
            f"first {first.name}: {reason[:300]}"
        )

    def _late(self, found: dict[str, ListedServer], ready: dict[str, Server], waited: float) -> str:
        missing = sorted(set(self._groups) - set(ready))
        states = [f"{name} {found[name].status if name in found else 'missing'}" for name in missing[:3]]
        more = ", ..." if len(missing) > len(states) else ""
        return (
            f"{len(missing)} of {len(self._groups)} servers are not ready after {waited:.0f} s: "
            f"{', '.join(states)}{more}."
        )

    def _server(self, server: ListedServer, name: str) -> Server:
        group = self._groups[name]
        return Server(
            id=server.id,
            name=server.name,
            role=group.role,
            address=server.address,
            network=group.network,
            project_id=server.project_id or group.project.id.value,
            host=server.hypervisor or server.host_id or "",
            zone=server.zone or "",
            cloud=self._builder.cloud.name,
        )
