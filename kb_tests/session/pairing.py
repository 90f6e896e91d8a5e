"""Two sides of one session, to be measured in turns: two clouds, or two variants of one scenario, image or
flavor.

What is done to a cloud is done once, so that scenarios with hooks have no sides (see
`scenario.hooks.REPEATED`). A keeps the scenario's name, and so its tests their ids; B's scenario has
`SUFFIX` behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import yaml

from kb_tests.errors import ScenarioError
from kb_tests.scenario.base import Scenario
from kb_tests.scenario.points import expand
from kb_tests.scenario.settings import Setting, parse
from kb_tests.scenario.units import counted

PAIRS, VARIANT = "--kb-pairs", "--kb-variant"
SUFFIX = "-b"
STAGE_OPTIONS = ("image", "flavor")
"""What a variant may be of that no scenario says."""

_NOT_MEASURED = ("name", "description", "sla")

Settings = tuple[Setting, ...]


@dataclass(frozen=True)
class Variant:
    """The two values of a place: `path`, as they are `told`; settings of a scenario, or options of
    staging.
    """

    path: str
    told: tuple[str, str]
    settings: tuple[Settings, Settings] = ((), ())
    options: tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]] = ((), ())


def variant(text: str) -> Variant:
    """What `--kb-variant` was given, PATH=A,B; raises ScenarioError."""
    path, equals, values = text.partition("=")
    path = path.strip()
    try:
        two = yaml.safe_load(f"[{values}]") if equals else None
    except (yaml.YAMLError, ValueError, RecursionError):
        two = None
    if not path or not isinstance(two, list) or len(two) != 2:
        raise ScenarioError(
            f"{VARIANT} {text}: a path and two values are needed, such as topology.flavor.vcpus=1,2 or"
            " image=old,new."
        )
    told = [
        yaml.safe_dump(value, default_flow_style=True, width=1000, allow_unicode=True).split("\n")[0]
        for value in two
    ]
    if two[0] == two[1]:
        raise ScenarioError(f"{VARIANT} {text}: both values are {told[0]}, so that nothing differs.")
    if path in STAGE_OPTIONS:
        if not all(isinstance(value, str) and value for value in two):
            raise ScenarioError(f"{VARIANT} {text}: two names are needed.")
        return Variant(path, (told[0], told[1]), options=(((path, two[0]),), ((path, two[1]),)))
    settings = [
        (replace(parse(f"{path}={one}", VARIANT), value=value),) for one, value in zip(told, two, strict=True)
    ]
    return Variant(path, (told[0], told[1]), settings=(settings[0], settings[1]))


@dataclass(frozen=True)
class Sides:
    """What A and B differ by: settings, options of staging, B's `cloud` ("" for A's); what each is called."""

    names: tuple[str, str] = ("", "")
    settings: tuple[Settings, Settings] = ((), ())
    stage: tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]] = ((), ())
    cloud: str = ""


def sides(clouds: Sequence[str], text: str, *, paired: bool) -> Sides:
    """The two sides that a command line names; raises ScenarioError where it names none, or too many."""
    if not paired:
        if text:
            raise ScenarioError(f"{VARIANT} is for {PAIRS}, which is not there.")
        return Sides()
    if text and len(clouds) == 1:
        found = variant(text)
        names = f"{found.path}={found.told[0]}", f"{found.path}={found.told[1]}"
        return Sides(names, found.settings, found.options)
    if not text and len(clouds) == 2:
        return Sides((clouds[0], clouds[1]), cloud=clouds[1])
    raise ScenarioError(
        f"{PAIRS} needs two sides: two --kb-cloud, or one and {VARIANT} PATH=A,B; given are"
        f" {counted(len(clouds), 'cloud')} and {'a' if text else 'no'} variant."
    )


def renamed(names: Sequence[str]) -> Settings:
    """Settings that give B's scenarios their names."""
    return tuple(
        Setting(name, ("name",), f"{name}{SUFFIX}", f"{name}:name={name}{SUFFIX}", PAIRS) for name in names
    )


def check_differ(a: Scenario, b: Scenario, sides: Sides) -> None:
    """ScenarioError where both sides come to the same load on the same topology, as 1KiB and 1024B do."""
    if sides.cloud or sides.stage[0] != sides.stage[1]:
        return
    mine, others = (one.model_dump() for one in (a, b))
    if all(mine[key] == others[key] for key in mine if key not in _NOT_MEASURED):
        raise ScenarioError(
            f"{VARIANT} makes no difference to what is measured of {a.name}: {sides.names[0]} and"
            f" {sides.names[1]} are the same to it."
        )


def check(scenario: Scenario) -> None:
    """ScenarioError for what cannot be measured in turns."""
    if scenario.hooks:
        raise ScenarioError(
            f"{scenario.name} has hooks, and {PAIRS} runs each point many times: what is done to a cloud is"
            " done once."
        )
    if any(point.search for point in expand(scenario)):
        raise ScenarioError(f"{scenario.name} searches a capacity, and {PAIRS} measures points in turns.")
    if scenario.load.clients is not None and scenario.load.clients.stop_at_failure:
        raise ScenarioError(
            f"{scenario.name} has load.clients.stop_at_failure, and {PAIRS} judges ratios, not limits: set it"
            " to false."
        )
