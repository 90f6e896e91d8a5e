"""What differs between two sides besides the result: what has to agree, and what is only to be known."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from kb_tests.compare import settings
from kb_tests.compare.sides import Key, Side
from kb_tests.compare.workloads import WORKLOADS
from kb_tests.report.record import RunRecord, ScenarioRecord, TopologyRecord
from kb_tests.report.words import printable
from kb_tests.scenario.base import Point
from kb_tests.scenario.hooks import KEY
from kb_tests.scenario.units import exact_duration, exact_size

SHOWN = 12
"""Values of one side that are named; of more, their number."""

NOT_ASKED = frozenset({"id", "scenario", "duration", "max_duration", "by_second", "clients"})
"""Fields of a point that may differ: by its name and scale it was matched, bounds account for its window."""

UNLIMITED = ("sla.baseline", "sla.capacity", "sla.confidence", "sla.staging")
"""What of an SLA does not say how much load keeps it."""

CLOUDS = ("cloud", "testing cloud")
"""Of what may differ, what is to be known of a side's own runs, too."""

_APART = " and "


@dataclass(frozen=True)
class Difference:
    """One fact by which sides differ: what it is, and its values on either. `refused`: it has to agree."""

    name: str
    a: str
    b: str
    refused: bool


Facts = dict[str, dict[str, None]]
"""Values by name, each once, in the order in which they were found."""


def differences(a: Side, b: Side, keys: Iterable[Key]) -> list[Difference]:
    """What differs in the points `keys` and what they were measured on, what has to agree first: between the
    sides, and within each.
    """
    common = list(keys)
    scenarios = {key.scenario for key in common}
    searched = {key.scenario for key in common if any(one.record.capacity for one in a.points.get(key, ()))}
    asked = list(_different(_asked(a, common), _asked(b, common), refused=True))
    limits = _settings(a, b, "sla", searched, ", of its search")
    asked += [one for one in _different(*limits, refused=True) if not one.name.startswith(UNLIMITED)]
    strict = list(_different(*_settings(a, b, "topology", scenarios), refused=True))
    strict += _different(_strict(a, scenarios), _strict(b, scenarios), refused=True)
    strict += _different(_done(a, scenarios), _done(b, scenarios), refused=True)
    known = list(_different(_known(a), _known(b), refused=False, within=CLOUDS))
    for section in ("sla", "load"):
        known += _different(*_settings(a, b, section, scenarios), refused=False)
    known += _different(_servers(a, scenarios), _servers(b, scenarios), refused=False)
    return asked + strict + known


def _settings(a: Side, b: Side, section: str, wanted: set[str], of: str = "") -> tuple[Facts, Facts]:
    """What the scenarios of either side say in a section, at all places where one of them says anything."""
    both = [list(_scenarios(side, wanted)) for side in (a, b)]
    asked = dict.fromkeys(
        (scenario.name, place)
        for side in both
        for scenario in side
        for place in settings.places(scenario.settings.get(section), section)
    )
    parts = {(name, place[:at]) for name, place in asked for at, sign in enumerate(place) if sign == "."}
    found: tuple[Facts, Facts] = ({}, {})
    for name, place in asked:
        if (name, place) in parts:  # nothing on one side, on the other what is below
            continue
        for facts, side in zip(found, both, strict=True):
            for scenario in side:
                told = settings.said(scenario.settings.get(section), place, section)
                if scenario.name == name and told is not None:
                    facts.setdefault(f"{place} ({name}{of})", {})[told] = None
    return found


def _different(a: Facts, b: Facts, *, refused: bool, within: Container[str] = ()) -> Iterator[Difference]:
    """The facts by which sides differ; of what is `refused`, or named in `within`, those by which a side's
    own runs do, too.
    """
    for name in dict.fromkeys((*a, *b)):
        mine, other = a.get(name, {}), b.get(name, {})
        if refused and not (mine and other):
            continue  # older records do not know it
        if set(mine) != set(other):
            yield Difference(name, _told(mine, other), _told(other, mine), refused)
        elif (refused or name in within) and len(
            mine
        ) > 1:  # the same values, of which either side may have most of another one
            yield Difference(f"{name}, within a side", _told(mine, {}), _told(other, {}), refused)


def _told(values: Mapping[str, None], other: Mapping[str, None]) -> str:
    if not values:
        return "not known"
    if len(values) <= SHOWN:
        return printable(", ".join(values))[:400]
    own = [value for value in values if value not in other]
    rest = f", of them only here {', '.join(own[:SHOWN])}" if own else ""
    return printable(f"{len(values)}{rest}")[:400]


def _asked(side: Side, keys: Iterable[Key]) -> Facts:
    """What was asked of the points: two of one name may be of different loads."""
    facts: Facts = {}
    for key in keys:
        for measured in side.points.get(key, ()):
            point = measured.record.point
            for one in fields(point):
                if one.name not in NOT_ASKED:
                    name = f"load {one.name} ({key.scenario} {key.load})"
                    facts.setdefault(name, {})[_plain(point, one.name)] = None
            facts.setdefault(f"kind of {key.scenario}", {})[point.kind] = None
            if found := measured.record.capacity:  # a capacity belongs to what it is one of
                name = f"search of {key.scenario} {key.load}"
                facts.setdefault(name, {})[f"{found.of}, in probes of {found.probe:g} s"] = None
    return facts


def _plain(point: Point, name: str) -> str:
    """A field of a point, for people."""
    value, unit = getattr(point, name), point.units.get(name, "")
    if unit and isinstance(value, int | float):
        return exact_size(int(value)) if unit == "B" else exact_duration(value)
    return settings.shown(value)


def _strict(side: Side, scenarios: set[str]) -> Facts:
    facts: Facts = {}

    def note(name: str, value: object) -> None:
        if value not in (None, ""):
            facts.setdefault(name, {})[str(value)] = None

    for scenario in _scenarios(side, scenarios):
        tools = WORKLOADS[scenario.kind].tools
        for topology in _topologies(scenario):
            for tool in tools & set(topology.tools):
                note(tool, _APART.join(topology.tools[tool]))
            for network, mtu in topology.mtus.items():
                note(f"MTU of network {network}", mtu)
            for role, mtus in _seen_mtus(topology).items():
                note(f"MTU in a {role}", mtus)
            note("image", topology.image)
            note("flavor", topology.flavor)
    return facts


def _done(side: Side, scenarios: set[str]) -> Facts:
    """From where the load came, and what was done to the cloud meanwhile."""
    facts: Facts = {}
    for record in side.records:
        facts.setdefault("load from", {})["another cloud" if record.testing_cloud else "the cloud itself"] = (
            None
        )
    for scenario in _scenarios(side, scenarios):
        hooks = scenario.settings.get(KEY)
        if isinstance(hooks, list):  # older suites had none
            facts.setdefault(f"hooks ({scenario.name})", {})[
                "; ".join(map(_hook, hooks)) or settings.NONE
            ] = None
    return facts


def _hook(hook: Any) -> str:
    """A command, and when it is run."""
    run = hook.get("run") if isinstance(hook, dict) else None
    if not isinstance(run, list):
        return str(hook)
    return f"{' '.join(map(str, run))} at {settings.shown(hook.get('at'))}"


def _known(side: Side) -> Facts:
    facts: Facts = {}

    def note(name: str, value: object) -> None:
        if value not in (None, ""):
            facts.setdefault(name, {})[str(value)] = None

    for record in side.records:
        note("cloud", record.cloud)
        note("testing cloud", record.testing_cloud)
        note("suite", record.suite)
        for package, version in sorted(record.versions.items()):
            note(f"controller's {package}", version)
    return facts


def _servers(side: Side, scenarios: set[str]) -> Facts:
    facts: Facts = {}

    def note(name: str, value: object) -> None:
        if value not in (None, ""):
            facts.setdefault(name, {})[str(value)] = None

    for scenario in _scenarios(side, scenarios):
        tools = WORKLOADS[scenario.kind].tools
        for topology in _topologies(scenario):
            note("region", topology.region)
            for tool in sorted(set(topology.tools) - tools):
                note(f"{tool} of servers", _APART.join(topology.tools[tool]))
            for server in sorted(topology.servers, key=lambda one: one.host):
                note("hosts", server.host)
                note("zones", server.zone)
    return facts


def _scenarios(side: Side, wanted: set[str]) -> Iterator[ScenarioRecord]:
    for record in side.records:
        yield from (one for one in record.scenarios if one.name in wanted and one.kind in WORKLOADS)


def _topologies(scenario: ScenarioRecord) -> Iterator[TopologyRecord]:
    if scenario.topology is not None:
        yield scenario.topology
    yield from scenario.staged_again


def _seen_mtus(topology: TopologyRecord) -> dict[str, str]:
    found: dict[str, set[int]] = {}
    for server in topology.servers:
        if server.mtu:
            found.setdefault(str(server.role), set()).add(server.mtu)
    return {role: _APART.join(map(str, sorted(mtus))) for role, mtus in sorted(found.items())}


def same_runs(a: Iterable[RunRecord], b: Iterable[RunRecord]) -> list[str]:
    """The runs that are on both sides."""
    other = {record.run for record in b}
    return [record.run for record in a if record.run in other]
