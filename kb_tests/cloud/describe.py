"""What `kb plan` prints: what a scenario takes of a cloud, how much it moves, how long it lasts."""

from __future__ import annotations

from kb_tests.cloud.layout import Layout
from kb_tests.cloud.topology import Role
from kb_tests.scenario.model import Scenario
from kb_tests.scenario.points import HttpPoint, Point, expand
from kb_tests.scenario.units import format_duration, format_size


def describe(scenario: Scenario, layout: Layout) -> str:
    """A table of a few lines; nothing is asked of a cloud."""
    needs = layout.needs
    points = expand(scenario)
    loads = layout.clients.servers
    if layout.clients.role is Role.STORAGE:
        kinds = f"{loads} storage servers"
    else:
        kinds = f"{needs.servers - loads - 1} HTTP servers, {loads} traffic generators"
    disk = format_size(layout.flavor.disk) if layout.flavor.disk else "what the image needs"
    rows = {
        "servers": f"{needs.servers}: proxy, {kinds}",
        "flavor": f"{layout.flavor.vcpus} vCPU, {format_size(layout.flavor.ram)} RAM, disk: {disk}",
        "vCPU": f"{needs.vcpus}",
        "RAM": format_size(needs.ram << 20),
        "volumes": f"{needs.volumes}, {needs.gibibytes} GiB in all" if needs.volumes else "none",
        "projects": f"{1 + len(layout.tenants)} of its own where the user may make them",
        "network": f"{needs.networks} networks and subnets, {needs.routers} routers, "
        f"{needs.security_groups} security groups, about {needs.ports} ports",
        "addresses": ", ".join(layout.run_subnets),
        "external": "2 addresses: a router's gateway, the proxy's floating IP",
        "points": f"{len(points)}",
        "data moved": _moved(points),
        "load lasts": _lasts(points),
    }
    width = max(map(len, rows)) + 2
    return "\n".join([f"Scenario {scenario.name} needs", *(f"  {k:<{width}}{v}" for k, v in rows.items())])


def _moved(points: tuple[Point, ...]) -> str:
    """What the asked rates come to; a rate of 0 asks for as much as goes."""
    moved = sum(
        point.offered
        * (_lead(point) + point.duration)
        * (point.page_size if isinstance(point, HttpPoint) else point.block_size)
        for point in points
    )
    free = sum(1 for point in points if point.rate == 0)
    return format_size(moved) + (f", and in {free} points as much as goes" if free else "")


def _lasts(points: tuple[Point, ...]) -> str:
    shortest = sum(_lead(point) + point.duration for point in points)
    longest = sum(_lead(point) + point.max_duration for point in points)
    more = f", up to {format_duration(longest)} where a verdict needs more samples"
    return format_duration(shortest) + (more if longest > shortest else "")


def _lead(point: Point) -> float:
    """Seconds before a point's measurement."""
    return point.warm_up if isinstance(point, HttpPoint) else point.ramp
