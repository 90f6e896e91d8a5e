"""Waiting for servers: one list of all, never each of them; the odd one in ERROR is made anew.

While servers are being built, Nova is asked for the names of those that still are, which is cheap, and less
often where much is left to do. In detail it is asked when none is being built any more, or one has failed.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from functools import partial

from kb_tests.cloud.builder import Builder
from kb_tests.cloud.calls import Aborted
from kb_tests.cloud.mark import resource_name
from kb_tests.cloud.pace import until_next_look
from kb_tests.cloud.progress import Progress, Seen, unseen
from kb_tests.cloud.server_list import ListedServer, NamedServer, list_names, list_servers
from kb_tests.cloud.servers import Group
from kb_tests.cloud.topology import Server
from kb_tests.errors import StagingError

_SLOWEST_DETAILS = 15.0
_LOOK_FOR_FAILED = 5
"""Each look of this number asks for servers in ERROR, too: those look like others that are built."""

_REPLACED_SHARE = 0.05


class Waiting:
    """Waits until all servers are ACTIVE; `replaced` are the names of those that were made anew.

    `since` (monotonic) is when staging began: by that it is known how fast a cloud is before the first server
    is there, and looks are as seldom.
    """

    def __init__(self, builder: Builder, groups: Iterable[Group], since: float) -> None:
        self._builder = builder
        self._since = since
        self._groups = {name: group for group in groups for name in group.names}
        self._given_up: set[str] = set()
        self._missing: set[str] = set()
        self.replaced: list[str] = []

    def run(self, progress: Progress, seen: Seen = unseen) -> dict[str, Server]:
        """All servers by name, once each is ACTIVE and has an address; `seen` is told of those that are.

        A twentieth of them (at least one) may go to ERROR and is made anew, once. Raises StagingError
        that names the first in ERROR with Nova's reason, or, when time is up, those not ready.
        """
        seen("building", [*self._groups])
        active: set[str] = set()
        cloud = self._builder.cloud
        dear = cloud.patience.look
        wanted = len(self._groups)
        before = judged = 0
        for look in itertools.count(1):
            if self._missing:
                self._ask_again({server.name for server in self._names()})
            building = self._names("BUILD")
            waited = time.monotonic() - self._since
            built = wanted - len(building)
            # What is built since may have failed; where no more comes, that is likely.
            doubtful = built != judged and (built == before or look % _LOOK_FOR_FAILED == 0)
            before, judged = built, built if doubtful else judged
            if not building or (doubtful and self._names("ERROR")):
                found = self._details()
                ready = self._ready(found)
                progress("servers", len(ready), wanted)
                if fresh := sorted(ready.keys() - active):
                    seen("booting", fresh)
                    active |= ready.keys()
                if len(ready) == wanted:
                    return ready
                failed = [server for server in found if server.status == "ERROR"]
                if failed:
                    seen("error", [server.name for server in failed])
                self._replace(failed)
                judged = 0
                interval = dear = min(1.5 * dear, _SLOWEST_DETAILS)
            else:
                progress("servers", min(built, wanted - 1), wanted)
                interval = until_next_look(waited, built, wanted, soonest=cloud.patience.look)
            if time.monotonic() + interval > self._builder.until:
                raise StagingError(self._late(waited))
            if self._builder.stop.wait(interval):
                raise Aborted("Stopped while waiting for servers.")
        raise AssertionError("the loop has no end of its own")

    def _ready(self, found: list[ListedServer]) -> dict[str, Server]:
        """Those that can be used, by name."""
        servers = [self._server(server) for server in found if server.status == "ACTIVE"]
        return {server.name: server for server in servers if server.address}

    def _prefix(self) -> str:
        return f"^{resource_name(self._builder.journal.run_id, '')}"

    def _names(self, status: str = "") -> list[NamedServer]:
        """Those of that status; without the failed ones that are on their way out, where one is given."""
        cloud = self._builder.cloud
        servers = self._builder.call(
            "listing servers", lambda: list(list_names(cloud, self._prefix(), status))
        )
        gone = self._given_up if status else ()
        return [each for each in servers if each.name in self._groups and each.id not in gone]

    def _details(self) -> list[ListedServer]:
        cloud = self._builder.cloud
        servers = self._builder.call("listing servers", lambda: list(list_servers(cloud, self._prefix())))
        return [each for each in servers if each.name in self._groups and each.id not in self._given_up]

    def _replace(self, failed: list[ListedServer]) -> None:
        allowed = max(1, int(len(self._groups) * _REPLACED_SHARE))
        again = {server.name for server in failed} & set(self.replaced)
        if again or len(failed) + len(self.replaced) > allowed:
            raise StagingError(self._failures(failed))
        compute = self._builder.cloud.connection.compute
        for server in failed:
            self._builder.call(f"removing {server.name}", partial(compute.delete_server, server.id))
            self._given_up.add(server.id)
            self._missing.add(server.name)
            self.replaced.append(server.name)

    def _ask_again(self, there: set[str]) -> None:
        """Ask for those whose failed server has gone: the proxy's port must be free first."""
        prefix = resource_name(self._builder.journal.run_id, "")
        for name in self._missing - there:
            self._groups[name].create(name.removeprefix(prefix), 1)
            self._missing.discard(name)

    def _failures(self, failed: list[ListedServer]) -> str:
        first = min(failed, key=lambda server: str(server.name))
        reason = " ".join(((first.fault and first.fault.message) or "no reason given").split())
        before = f", after {len(self.replaced)} made anew" if self.replaced else ""
        return (
            f"{len(failed)} of {len(self._groups)} servers went to ERROR{before}, "
            f"first {first.name}: {reason[:300]}"
        )

    def _late(self, waited: float) -> str:
        listed = self._details()
        found, ready = {server.name: server for server in listed}, self._ready(listed)
        missing = sorted(set(self._groups) - set(ready))
        states = [f"{name} {found[name].status if name in found else 'missing'}" for name in missing[:3]]
        more = ", ..." if len(missing) > len(states) else ""
        return (
            f"{len(missing)} of {len(self._groups)} servers are not ready after {waited:.0f} s: "
            f"{', '.join(states)}{more}."
        )

    def _server(self, server: ListedServer) -> Server:
        group = self._groups[server.name]
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
