"""Routers' interfaces in networks: attached, and there, before servers boot behind them.

Neutron answers that an interface is attached before any router has it; who wires it reports its port ACTIVE.
A server that boots earlier has no way to its metadata, and may give up before there is one. What is no sign:

- A distributed interface (DVR) comes up on a host with the first server there: nothing is to be waited for.
- Some back ends report no router's port at all, or late. After `Patience.interface` seconds of waiting, for
  all interfaces of a staging together, servers boot all the same, and none is looked at any more.
"""

from __future__ import annotations

import time

from kb_tests.cloud.builder import Builder
from kb_tests.cloud.calls import FAILURES, Aborted, transient
from kb_tests.cloud.graph import Graph, Step

DISTRIBUTED = "network:router_interface_distributed"
_SLOWER = 1.5
_SLOWEST = 2.0
"""Seconds between two looks at most, each `_SLOWER` times the one before."""


def add_interface(
    graph: Graph,
    builder: Builder,
    what: str,
    router_id: Step[str],
    *,
    subnet: Step[str] | None = None,
    port: Step[str] | None = None,
) -> Step[None]:
    """A step that gives a router an interface in a subnet, or by a port, and waits for it in reason."""

    def attach() -> None:
        network = builder.cloud.connection.network
        wanted = {step.value for step in (subnet, port) if step}
        calls = iter([True])

        def made() -> str:
            """The port; what may have worked is looked at before it is asked for again."""
            if not next(calls, False):
                for found in network.ports(device_id=router_id.value):
                    if wanted & {found.id, *(ip.get("subnet_id") for ip in found.fixed_ips or ())}:
                        return str(found.id)
            told = network.add_interface_to_router(
                router_id.value, subnet.value if subnet else None, port.value if port else None
            )
            return str(told.get("port_id") or "") if isinstance(told, dict) else ""

        port_id = builder.call(f"attaching the {what} to its router", made) or (port.value if port else "")
        if port_id:
            wait_for(builder, port_id, what)

    return graph.add(f"attach {what}", attach, [router_id, *filter(None, (subnet, port))])


def wait_for(builder: Builder, port_id: str, what: str) -> None:
    """Return once the interface is reported ACTIVE, or no report is to be waited for.

    Nothing fails by it but what was stopped: raises Aborted then. What the API cannot answer for the moment
    is no report yet; whoever may not see the port has nothing to wait for.
    """
    if not _looks(builder, port_id):
        return
    with builder.waited.waiting():
        interval = builder.cloud.patience.look
        while not builder.unreported:
            late = builder.waited.seconds + interval > builder.cloud.patience.interface
            if late or time.monotonic() + interval > builder.until:
                builder.unreported.append(what)
                return
            if builder.stop.wait(interval):
                raise Aborted(f"Stopped while waiting for the {what}'s router.")
            if not _looks(builder, port_id):
                return
            interval = min(_SLOWER * interval, _SLOWEST)


def _looks(builder: Builder, port_id: str) -> bool:
    """Whether, after a look at the interface, another may tell more. It is asked for once."""
    if builder.unreported:
        return False
    try:
        found = builder.cloud.connection.network.get_port(port_id)
    except FAILURES as error:
        return transient(error)
    return not (found.status == "ACTIVE" or found.device_owner == DISTRIBUTED)


def note(builder: Builder) -> str:
    """What is to be known where one was waited for in vain; "" else."""
    if not builder.unreported:
        return ""
    return (
        f"Neutron did not report the router's interface of the {builder.unreported[0]} as ACTIVE within the"
        f" {builder.cloud.patience.interface:g} s that a staging waits for all of them; servers were booted"
        " all the same."
    )
