"""What a test of one's own asks for, checked as a scenario file is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError

from kb_tests.errors import ScenarioError
from kb_tests.scenario.hooks import KEY
from kb_tests.scenario.mistakes import Key, found, sentence
from kb_tests.scenario.section import Section
from kb_tests.scenario.workloads import WORKLOADS

S = TypeVar("S", bound=Section)


def with_load(scenario: S, load: Mapping[str, object], call: str) -> S:
    """`scenario` for one look at another `load`, whose keys and values are those of a scenario file; without
    its hooks, which belong to its own points.

    Raises ScenarioError that names `call` and the arguments that are wrong.
    """
    data = scenario.model_dump(mode="json", exclude_none=True)
    data["load"] |= {"clients": None, **load}
    data["sla"] = WORKLOADS[data["kind"]].unjudged
    data.pop(KEY, None)
    model = type(scenario)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        wrong = [sentence(model, each, _argument(each["loc"])) for each in error.errors(include_url=False)]
        raise ScenarioError(f"{call}: {' '.join(wrong)}") from None


def with_search(scenario: S, capacity: Mapping[str, object], load: Mapping[str, object], call: str) -> S:
    """`scenario` for one search, whose keys and values are those of `load.capacity` in a file, by the limits
    of its SLA; without its hooks. `load` are other keys of its load, None for what is not to be there.

    Raises ScenarioError that names `call` and the arguments that are wrong.
    """
    data = scenario.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    without = ("max_duration", "duration", "clients", "steady", "verify")
    data["load"] = {key: value for key, value in data["load"].items() if key not in without}
    data["load"] |= {**load, "capacity": capacity}
    data["load"] = {key: value for key, value in data["load"].items() if value is not None}
    for key in ("capacity", "recovery", "staging", "baseline"):
        data["sla"].pop(key, None)
    data.pop(KEY, None)
    model = type(scenario)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        wrong = [sentence(model, each, _argument(each["loc"])) for each in error.errors(include_url=False)]
        raise ScenarioError(f"{call}: {' '.join(wrong)}") from None


def number_of_clients(clients: object, most: int, scenario: str, call: str) -> int:
    """So many of the `most` servers of a scenario that make load, or all if None; raises ScenarioError."""
    if clients is None:
        return most
    if not isinstance(clients, int) or isinstance(clients, bool) or not 1 <= clients <= most:
        raise ScenarioError(
            f"{call}: clients: found {found(clients)}; scenario {scenario} has {most} that make load.",
            remedy=f"Ask for 1 to {most}, name a larger scenario with --kb-scenario, or enlarge this one's "
            "topology with --kb-set.",
        )
    return clients


def _argument(loc: tuple[Key, ...]) -> tuple[Key, ...]:
    """The place of a mistake as the caller knows it: "rate" for load.rate[0]."""
    match loc:
        case ("load", "rate", int()):
            return ("rate",)
        case ("load", "profiles", int(), *rest):
            return ("profile", *rest)
        case ("load", "capacity", *rest) if rest:
            return tuple("from_" if key == "from" else key for key in rest)
        case ("load", *rest) if rest:
            return tuple(rest)
    return ("what is asked for",)
