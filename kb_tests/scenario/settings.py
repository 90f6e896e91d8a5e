"""Values that a command line sets in scenarios: `load.rate=[500]`, `sla.latency.p99=20ms`,
`load.profiles[random mix].iodepth=8`, and `NAME:load.duration=60s` for the scenario of that name alone.

A value is YAML, and is checked as if it stood in the file. Where several scenarios are named, it holds for
all whose kind has the path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel

from kb_tests.errors import ScenarioError
from kb_tests.scenario.hooks import KEY
from kb_tests.scenario.mistakes import Key, dotted, found, knows

_KEY = re.compile(r"p[0-9]{1,3}(?:\.[0-9]+)?(?=[.\[]|$)|[^.\[\]]+")
_ITEM = re.compile(r"\[([^\[\]]+)\]")
_OF_ONE = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*):(.*)", re.DOTALL)


@dataclass(frozen=True)
class Setting:
    """`value` for the `place` in a scenario; of the one named `scenario`, if that is not empty. An item of a
    list is meant by its number or by its name. `text` is as it was typed, `option` the option it came by.
    """

    scenario: str
    place: tuple[Key, ...]
    value: Any
    text: str
    option: str

    @property
    def where(self) -> str:
        """What an error begins with."""
        return f"{self.option} {self.text}"


def parse(text: str, option: str = "--kb-set") -> Setting:
    """What `option` was given; raises ScenarioError."""
    path, equals, value = text.partition("=")
    of_one = _OF_ONE.fullmatch(path)
    scenario, path = of_one.groups() if of_one else ("", path)
    place = _place(path.strip())
    if not equals or not place:
        raise ScenarioError(f"{option} {text}: a path and a value are needed, such as load.rate=[500].")
    try:
        setting = Setting(scenario, place, yaml.safe_load(value), text, option)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ScenarioError(f"{option} {text}: {found(value)} is not valid YAML.") from None
    if KEY in place or _holds(setting.value, KEY):
        raise ScenarioError(
            f"{setting.where}: {KEY} run commands, and are taken from a scenario file only.",
            remedy="Write them into a file of your own: kb scenario show NAME prints one to begin with.",
        )
    return setting


def _place(path: str) -> tuple[Key, ...]:
    """Its keys and items; () if that is no path."""
    place: list[Key] = []
    at = 0
    while at < len(path):
        if path[at] == "[" and (item := _ITEM.match(path, at)):
            place.append(int(item[1]) if item[1].isdecimal() else item[1].strip())
            at = item.end()
        elif (key := _KEY.match(path, at + 1 if place and path[at] == "." else at)) and (
            not place or path[at] == "."
        ):
            place.append(key[0])
            at = key.end()
        else:
            return ()
    return tuple(place)


def _holds(value: Any, key: str) -> bool:
    if isinstance(value, Mapping):
        return key in value or any(_holds(each, key) for each in value.values())
    return isinstance(value, list) and any(_holds(each, key) for each in value)


@dataclass(frozen=True)
class Read:
    """A scenario as its file has it: its data, and the model of its kind."""

    data: Mapping[str, Any]
    model: type[BaseModel]

    @property
    def name(self) -> str:
        """As the file says."""
        return str(self.data.get("name", ""))

    def has(self, setting: Setting) -> bool:
        """Whether a setting may mean this scenario: its kind has the path, and what items are meant by name
        or number are there.
        """
        try:
            resolved(self.data, setting)
        except ScenarioError:
            return False
        return knows(self.model, setting.place)


def dealt(settings: Sequence[Setting], scenarios: Sequence[Read]) -> list[list[Setting]]:
    """Those of `settings` that hold for each of `scenarios`; ScenarioError for one that holds for none."""
    holding: list[list[Setting]] = [[] for _ in scenarios]
    for setting in settings:
        meant = [
            (each, mine)
            for each, mine in zip(scenarios, holding, strict=True)
            if setting.scenario in ("", each.name)
        ]
        if not meant:
            names = ", ".join(each.name for each in scenarios)
            raise ScenarioError(f"{setting.where}: no scenario {setting.scenario} was named; {names} was.")
        suited = [mine for each, mine in meant if each.has(setting)]
        if not suited and len(meant) > 1:
            names = ", ".join(each.name for each, _ in meant)
            raise ScenarioError(
                f"{setting.where}: none of the scenarios {names} has {dotted(setting.place)}.",
                remedy="kb schema prints what scenarios may say.",
            )
        for mine in suited or [mine for _, mine in meant]:  # the only one says best what it has in its place
            mine.append(setting)
    return holding


def applied(data: Mapping[str, Any], settings: Sequence[Setting]) -> dict[str, Any]:
    """`data` with what is set; raises ScenarioError for an item that is not there."""
    made: dict[str, Any] = deepcopy(dict(data))
    for setting in settings:
        *above, last = resolved(made, setting)
        holder: Any = made
        for key in above:
            if isinstance(holder, dict) and not isinstance(holder.get(key), dict | list):
                holder[key] = {}
            holder = holder[key]
        holder[last] = deepcopy(setting.value)
    return made


def resolved(data: Any, setting: Setting) -> tuple[Key, ...]:
    """The place with every item by its number; ScenarioError for an item that is not there."""
    place: list[Key] = []
    for key in setting.place:
        if isinstance(data, list):
            names = [each.get("name") if isinstance(each, Mapping) else each for each in data]
            if isinstance(key, str) and key in names:
                key = names.index(key)
            if not isinstance(key, int) or key >= len(data):
                there = ", ".join(map(str, names))
                raise ScenarioError(
                    f"{setting.where}: {dotted(tuple(place))} has no {key}; it has 0 to {len(data) - 1}: "
                    f"{there}."
                )
            data = data[key]
        elif isinstance(key, int):
            raise ScenarioError(f"{setting.where}: {dotted(tuple(place)) or 'the file'} is no list.")
        else:
            data = data.get(key) if isinstance(data, Mapping) else None
        place.append(key)
    return tuple(place)
