"""Zones and hosts: whether Nova has those that servers are to go to, and Cinder those of volumes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kb_tests.cloud.caller import Caller
from kb_tests.cloud.calls import FAILURES
from kb_tests.cloud.layout import Layout
from kb_tests.cloud.options import StageOptions
from kb_tests.errors import CapacityError


def check_places(caller: Caller, layout: Layout, *, own: bool) -> None:
    """Whether Nova can put servers where a layout wants them, in the run's `own` projects or in the user's
    one; else CapacityError.
    """
    if not layout.places:
        return
    cloud, compute = caller.cloud, caller.cloud.connection.compute
    if layout.forces_hosts and not cloud.is_admin:
        raise CapacityError(
            f"Scenario {layout.scenario} places servers on hosts, which the user of cloud {cloud.name!r} "
            "may not choose.",
            remedy="Use an admin's credentials, or name availability zones.",
        )
    if layout.forces_hosts and own and not caller.call("signing in again", cloud.may_choose_project):
        raise CapacityError(
            f"Scenario {layout.scenario} places servers on hosts. In the run's own projects that is for the "
            f"user of cloud {cloud.name!r}, who signs in by {cloud.sign_in_methods[0]} and by that to one "
            "project only.",
            remedy="Sign in with a password, or give --kb-existing-project.",
        )
    zones = caller.call(
        "listing availability zones", lambda: list(compute.availability_zones(details=layout.forces_hosts))
    )
    there = _available(zones)
    if layout.forces_hosts:
        there |= {
            f"{zone.name}:{host}"
            for zone in zones
            for host, services in (zone.hosts or {}).items()
            if _runs_servers(services or {})
        }
    missing = [place for place in layout.places if place not in there]
    if missing:
        known = ", ".join(sorted(place for place in there if (":" in place) == layout.forces_hosts))
        raise CapacityError(
            f"Cloud {cloud.name!r} has no {' and no '.join(missing)} to place servers in; it has "
            f"{known or 'none'}.",
            remedy="Correct topology.placement in the scenario.",
        )


def check_zone(caller: Caller, options: StageOptions) -> None:
    """Whether Nova has the availability zone that was asked for; else CapacityError."""
    wanted = options.availability_zone
    if not wanted:
        return
    there = _zones(caller)
    if wanted not in there:
        raise CapacityError(
            f"Cloud {caller.cloud.name!r} has no availability zone {wanted!r}; it has "
            f"{', '.join(sorted(there)) or 'none'}.",
            remedy="Correct --kb-availability-zone.",
        )


def _zones(caller: Caller) -> set[str]:
    compute = caller.cloud.connection.compute
    return _available(caller.call("listing availability zones", lambda: list(compute.availability_zones())))


def _available(zones: Iterable[Any]) -> set[str]:
    return {str(zone.name) for zone in zones if (zone.state or {}).get("available")}


def volume_zones(caller: Caller, layout: Layout, options: StageOptions) -> tuple[str, ...]:
    """Cinder's zone for the volume of each server, in their order: the server's, where Cinder has one of that
    name, since many clouds attach no volume of another zone. "" leaves it to Cinder.
    """
    if layout.volume is None:
        return ()
    wanted = [
        place.partition(":")[0] or options.availability_zone
        for place, count in layout.clients.dealt
        for _ in range(count)
    ]
    there = _cinders_zones(caller) if any(wanted) else set()
    return tuple(zone if zone in there else "" for zone in wanted)


def zones_that_may_part(caller: Caller, layout: Layout, options: StageOptions) -> tuple[str, ...]:
    """Nova's zones, where it may choose among several for a server, Cinder among several for its volume, and
    nobody says which.
    """
    named = layout.clients.places or options.availability_zone
    if layout.volume is None or named or len(_cinders_zones(caller)) < 2:
        return ()
    zones = _zones(caller)
    return tuple(sorted(zones)) if len(zones) > 1 else ()


def _cinders_zones(caller: Caller) -> set[str]:
    """None of them where Cinder does not tell."""
    try:
        storage: Any = caller.cloud.connection.block_storage
        return _available(storage.availability_zones())
    except FAILURES:
        return set()


def _runs_servers(services: Mapping[str, Any]) -> bool:
    """Whether a host with these services takes servers, as far as Nova knows."""
    state = services.get("nova-compute") or {}
    return bool(state.get("active") and state.get("available"))
