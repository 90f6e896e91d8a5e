"""What works behind a cloud's APIs, as far as they tell: hosts for servers, agents, back ends of volumes.

An API answers while everything behind it is down: servers would be taken, and end in ERROR.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from openstack import exceptions as sdk

from kb_tests.cloud.caller import Caller

NAMED = 3
"""How many of what is down are named."""


@dataclass(frozen=True)
class Health:
    """How many `things` work, of how many; `down` are those that do not. None are known where the user may
    not ask.
    """

    things: str
    working: int
    down: tuple[str, ...]

    @property
    def dead(self) -> bool:
        """Whether there are some, and none of them works."""
        return bool(self.down) and not self.working

    def __str__(self) -> str:
        text = f"{self.working} of {self.working + len(self.down)} {self.things}"
        if not self.down:
            return text
        more = f" and {len(self.down) - NAMED} more" if len(self.down) > NAMED else ""
        return f"{text}; down or disabled: {', '.join(self.down[:NAMED])}{more}"


def hosts(caller: Caller) -> Health:
    """Compute hosts that take servers; for whom Nova does not show them, zones that have some."""
    compute: Any = caller.cloud.connection.compute
    services = _shown(caller, "listing compute hosts", lambda: list(compute.services(binary="nova-compute")))
    if services is not None:
        return _health("compute hosts take servers", ((each.host, _runs(each)) for each in services))
    zones = caller.call("listing availability zones", lambda: list(compute.availability_zones()))
    states = ((each.name, bool((each.state or {}).get("available"))) for each in zones)
    return _health("availability zones have hosts that take servers", states)


def back_ends(caller: Caller) -> Health:
    """Services of Cinder that keep volumes."""
    storage: Any = caller.cloud.connection.block_storage
    found = _shown(caller, "listing volume services", lambda: list(storage.services())) or []
    states = ((each.host, _runs(each)) for each in found if each.binary == "cinder-volume")
    return _health("back ends of volumes work", states)


def agents(caller: Caller) -> list[Health]:
    """Neutron's agents by type: of each some have to work."""
    network: Any = caller.cloud.connection.network
    found = _shown(caller, "listing network agents", lambda: list(network.agents())) or []
    return [
        _health(
            f"of Neutron's agents of type {kind} work",
            ((each.host, _alive(each)) for each in found if each.agent_type == kind),
        )
        for kind in sorted({str(each.agent_type) for each in found})
    ]


def _shown(caller: Caller, doing: str, ask: Callable[[], list[Any]]) -> list[Any] | None:
    """None where the user may not know."""

    def asked() -> list[Any] | None:
        try:
            return ask()
        except (sdk.ForbiddenException, sdk.NotFoundException):
            return None

    return caller.call(doing, asked)


def _runs(service: Any) -> bool:
    return str(service.status) == "enabled" and str(service.state) == "up"


def _alive(agent: Any) -> bool:
    return bool(agent.is_alive) and agent.is_admin_state_up is not False


def _health(things: str, states: Iterable[tuple[Any, bool]]) -> Health:
    known = [(str(name), works) for name, works in states]
    down = tuple(sorted(name for name, works in known if not works))
    return Health(things, len(known) - len(down), down)
