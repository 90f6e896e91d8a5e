"""Which runs somebody means: by cloud, scenario, outcome, time or tag; or one, by the begin of its id."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kb_tests.errors import RecordError
from kb_tests.history.summary import Summary
from kb_tests.history.tags import tags_of
from kb_tests.scenario.units import format_duration


@dataclass(frozen=True)
class Wanted:
    """What runs have to be; "" and 0 leave it open. `since` is how many seconds ago they began at most."""

    cloud: str = ""
    scenario: str = ""
    outcome: str = ""
    tag: str = ""
    since: float = 0.0

    def __str__(self) -> str:
        """As it is asked for: "cloud west and tag before-upgrade"."""
        named = {"cloud": self.cloud, "scenario": self.scenario, "outcome": self.outcome, "tag": self.tag}
        told = [f"{name} {value}" for name, value in named.items() if value]
        told += [f"the last {format_duration(self.since)}"] if self.since else []
        return " and ".join(told)


def matching(runs: Iterable[Summary], wanted: Wanted) -> Iterator[Summary]:
    """Those of `runs` that are as wanted, in their order."""
    oldest = time.time() - wanted.since if wanted.since else 0.0
    for run in runs:
        if (
            wanted.cloud in ("", run.cloud)
            and (not wanted.scenario or wanted.scenario in run.scenarios)
            and wanted.outcome in ("", run.outcome)
            and run.started >= oldest
            and (not wanted.tag or wanted.tag in tags_of(Path(run.path)))
        ):
            yield run


def some(runs: Iterable[Summary], wanted: Wanted, folder: Path) -> list[Summary]:
    """Those of `runs`, which are of `folder`, that are as wanted; RecordError where none is."""
    found = list(matching(runs, wanted))
    if not found:
        raise RecordError(f"No run in {folder} is of {wanted}.", remedy="`kb runs -n 0` lists all.")
    return found


def the_one(runs: Iterable[Summary], name: str, folder: Path) -> Summary:
    """The run of `folder` that is called `name`, else the newest with that tag, else the one whose id begins
    so; raises RecordError.
    """
    return meant(runs, name, folder)[0]


def meant(runs: Iterable[Summary], name: str, folder: Path) -> list[Summary]:
    """The run of `folder` that is called `name`, else all with that tag in their order, else the one whose id
    begins so; raises RecordError.
    """
    every = list(runs)
    found = [run for run in every if run.run == name] or with_tag(every, name)
    if found:
        return found
    found = [run for run in every if run.run.startswith(name)] if name else []
    if len(found) > 1:
        ids = ", ".join(run.run for run in found[:5])
        raise RecordError(f"{name} is the begin of several runs: {ids}.", remedy="Give more of its id.")
    if not found:
        raise RecordError(f"No run in {folder} is called or tagged {name!r}.", remedy="`kb runs` lists them.")
    return found


def with_tag(runs: Iterable[Summary], tag: str) -> list[Summary]:
    """All runs with the tag `tag`, in their order."""
    return [run for run in runs if tag in tags_of(Path(run.path))]
