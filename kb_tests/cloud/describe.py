"""What `kb plan` prints: what a scenario takes of a cloud, how much it moves, how long it lasts."""

from __future__ import annotations

from kb_tests.cloud.layout import Layout
from kb_tests.cloud.topology import NAMES, Role
from kb_tests.cloud.workloads import WORKLOADS
from kb_tests.scenario.base import Point, Scenario
from kb_tests.scenario.capacity import Capacity, of_all, unit
from kb_tests.scenario.points import expand
from kb_tests.scenario.units import counted, format_duration, format_size


def describe(scenario: Scenario, *layouts: Layout) -> str:
    """A few lines, for each cloud that it is laid out on, the one under test first; no cloud is asked."""
    points = expand(scenario)
    load = {"points": f"{len(points)}", "data moved": moved(points), "load lasts": _lasts(points)}
    load |= _searched(scenario, points)
    load = dict(WORKLOADS[scenario.kind].rows(scenario)) | load
    if len(layouts) == 1:
        return _table(f"Scenario {scenario.name} needs", _needs(layouts[0]) | load)
    under_test, testing = map(_needs, layouts)
    return "\n".join(
        (
            f"Scenario {scenario.name} on two clouds",
            _table("needs of the cloud under test", under_test),
            _table("needs of the testing cloud", testing),
            _table("of both", load),
        )
    )


def _table(title: str, rows: dict[str, str]) -> str:
    width = max(map(len, rows)) + 2
    return "\n".join([title, *(f"  {key:<{width}}{value}" for key, value in rows.items())])


def _needs(layout: Layout) -> dict[str, str]:
    needs = layout.needs
    loads = layout.clients.servers
    counts = {NAMES[Role.SERVER]: needs.servers - loads - 1, NAMES[layout.clients.role]: loads}
    kinds = ["proxy", *(counted(count, kind.removesuffix("s")) for kind, count in counts.items() if count)]
    disk = format_size(layout.flavor.disk) if layout.flavor.disk else "what the image needs"
    floating = "the proxy's floating IP" if needs.floating_ips == 1 else f"{needs.floating_ips} floating IPs"
    gateways = "a router's gateway" if layout.gateways == 1 else f"{layout.gateways} routers' gateways"
    external = counted(needs.floating_ips + layout.gateways, "address", "addresses")
    return {
        "servers": f"{needs.servers}: {', '.join(kinds)}",
        "flavor": f"{layout.flavor.vcpus} vCPU, {format_size(layout.flavor.ram)} RAM, disk: {disk}",
        "vCPU": f"{needs.vcpus}",
        "RAM": format_size(needs.ram << 20),
        "volumes": f"{needs.volumes}, {needs.gibibytes:,}GiB in all" if needs.volumes else "none",
        "projects": f"{1 + len(layout.tenants)} of its own where the user may make them",
        "network": ", ".join(
            (
                counted(needs.networks, "network and subnet", "networks and subnets"),
                counted(needs.routers, "router"),
                counted(needs.security_groups, "security group"),
                f"about {counted(needs.ports, 'port')}",
            )
        ),
        "addresses": ", ".join(layout.run_subnets),
        "external": f"{external}: {gateways}, {floating}",
    }


def _searched(scenario: Scenario, points: tuple[Point, ...]) -> dict[str, str]:
    """What a search goes through, per generator and of all of them together."""
    capacity: Capacity | None = getattr(scenario.load, "capacity", None)
    if capacity is None:
        return {}
    rows = {"points": f"{counted(len(points), 'search', 'searches')}, of a dozen probes or two each"}
    for point in points:
        low, high = (of_all(capacity, end, point.clients) for end in (capacity.least, capacity.most))
        each = f"{unit(capacity.of)} from {capacity.least:,.12g} to {capacity.most:,.12g}"
        more = capacity.of != "clients" and point.clients > 1
        together = f" each, {low:,.12g} to {high:,.12g} of all {point.clients} together" if more else ""
        rows[f"search {point.id.removeprefix(f'{scenario.name}-')}"] = f"{each}{together}"
    most = sum(of_all(capacity, capacity.most, one.clients) * one.size * capacity.budget for one in points)
    known = capacity.of in ("rate", "rate_iops")
    rows["data moved"] = f"{format_size(most)} at the most" if known else "as much as it takes"
    rows["load lasts"] = f"up to {format_duration(capacity.budget)} a search"
    if (gate := getattr(scenario.sla, "capacity", None)) is not None:
        factor = of_all(capacity, 1, scenario.topology.servers)
        each = f" ({gate.at_least / factor:,.4g} each)" if factor > 1 else ""
        rows["at least"] = f"{gate.at_least:,.12g} {unit(capacity.of)}{each} of all together"
    return rows


def moved(points: tuple[Point, ...]) -> str:
    """What the asked rates come to; a rate of 0 asks for as much as goes."""
    moved = sum(point.offered * (point.before + point.duration) * point.size for point in points)
    free = sum(1 for point in points if not point.offered)
    if free == len(points):
        return "as much as goes"
    return format_size(moved) + (f", and in {counted(free, 'point')} as much as goes" if free else "")


def _lasts(points: tuple[Point, ...]) -> str:
    shortest = sum(point.before + point.duration for point in points)
    longest = sum(point.before + point.max_duration for point in points)
    more = f", up to {format_duration(longest)} where a verdict needs more samples"
    return format_duration(shortest) + (more if longest > shortest else "")
