"""On which hypervisor a server goes."""

from __future__ import annotations

from collections import Counter

from kb_tests.localcloud.nova.state import Compute, Hypervisor, Server


class NoValidHostError(Exception):
    """No hypervisor is left after all conditions."""


def choose_hosts(compute: Compute, servers: list[Server], host: str | None) -> None:
    """Give each server the emptiest host that its zone, the asked `host` and its group's policy allow.

    Raises:
        NoValidHostError: a server has none; those before it have theirs.

    """
    load = Counter(server.host for server in compute.servers.values() if server.host)
    for server in servers:
        fit = [each for each in compute.hypervisors if _fits(compute, each, server, host)]
        fit = _by_policy(compute, server, fit)
        if not fit:
            raise NoValidHostError("No valid host was found. There are not enough hosts available.")
        server.host = min(fit, key=lambda each: load[each.host]).host
        load[server.host] += 1
        if server.group_id is not None:
            compute.groups[server.group_id].members.add(server.id)


def _fits(compute: Compute, hypervisor: Hypervisor, server: Server, host: str | None) -> bool:
    if host is not None:
        return hypervisor.host == host
    if not hypervisor.enabled or hypervisor.forced_down:
        return False
    return server.zone in (None, compute.zone_of(hypervisor.host))


def _by_policy(compute: Compute, server: Server, fit: list[Hypervisor]) -> list[Hypervisor]:
    group = compute.groups.get(server.group_id or "")
    if group is None:
        return fit
    members = (compute.servers.get(member) for member in group.members)
    used = Counter(member.host for member in members if member is not None and member.host)
    match group.policy:
        case "affinity":
            return [each for each in fit if not used or each.host in used]
        case "anti-affinity":
            return [each for each in fit if used[each.host] < group.rules.get("max_server_per_host", 1)]
        case "soft-affinity":
            return sorted(fit, key=lambda each: -used[each.host])[:1]
        case _:
            return sorted(fit, key=lambda each: used[each.host])[:1]
