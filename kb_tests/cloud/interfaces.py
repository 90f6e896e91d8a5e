"""Routers' interfaces in networks: attached, and there, before servers boot behind them.

Neutron answers that an interface is attached before any router has it; who wires it reports its port ACTIVE.
A server that boots earlier has no way to its metadata, and may give up before there is one. What is no sign:

- A distributed interface (DVR) comes up on a host with the first server there: nothing is to be waited for.
- Some back ends report no router's port at all. After `Patience.interface` seconds servers boot all the same,
  and no other interface of this staging is waited for.
"""

from __future__ import annotations

import time
from typing import Any

from kb_tests.cloud.builder import Builder
from kb_tests.cloud.calls import Aborted
from kb_tests.cloud.graph import Graph, Step
from kb_tests.errors import StagingError

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

    Nothing fails by it but what was stopped: raises Aborted then.
    """
    network, patience = builder.cloud.connection.network, builder.cloud.patience
    until, interval = time.monotonic() + patience.interface, patience.look

    def look() -> Any:
        return network.get_port(port_id)

    while True:
        try:
            found = builder.call(f"looking at the {what}'s port", look)
        except StagingError:
            return  # whoever may not see it has nothing to wait for
        if found.status == "ACTIVE" or found.device_owner == DISTRIBUTED or builder.unreported:
            return
        if time.monotonic() + interval > min(until, builder.until):
            builder.unreported.append(what)
            return
        if builder.stop.wait(interval):
            raise Aborted(f"Stopped while waiting for the {what}'s router.")
        interval = min(_SLOWER * interval, _SLOWEST)


def note(builder: Builder) -> str:
    """What is to be known where one was waited for in vain; "" else."""
    if not builder.unreported:
        return ""
    return (
        f"Neutron did not report the router's interface of the {builder.unreported[0]} as ACTIVE within"
        f" {builder.cloud.patience.interface:g} s; servers were booted all the same."
    )
