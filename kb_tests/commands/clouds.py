"""`kb cloud` and `kb kept`: what a cloud has and what there is ours, and the topologies that stay."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kb_tests.scenario.units import counted

if TYPE_CHECKING:
    from kb_tests.cloud.inventory import Inventory


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of both."""
    cloud = commands.add_parser(
        "cloud",
        help="show what a cloud has that a run can be given, its quotas, and what of it is ours",
        description="Lists images, flavors, zones and hosts, networks, routers, quotas, and the runs that "
        "have something there. Nothing is made or changed.",
    )
    cloud.add_argument("cloud", metavar="NAME", help="cloud of clouds.yaml")
    cloud.add_argument("--json", action="store_true", help="one JSON object, for programs")
    cloud.set_defaults(run=_cloud)

    kept = commands.add_parser(
        "kept",
        help="list the topologies that --kb-keep or --kb-stage-only left, or renew one",
        description="Lists what can be loaded again by --kb-reuse. `kb cleanup --run RUN` ends one.",
    )
    kept.add_argument("--renew", default="", metavar="RUN", help="let this one stay for a day from now on")
    kept.set_defaults(run=_kept)


def _cloud(options: argparse.Namespace) -> int:
    from contextlib import closing

    from kb_tests.cloud.connect import connect
    from kb_tests.cloud.inventory import take

    with closing(connect(options.cloud)) as cloud:
        found = take(cloud)
    print(json.dumps(asdict(found)) if options.json else "\n".join(_lines(found)))
    return 0


def _lines(found: Inventory) -> Iterator[str]:
    who = found.who
    yield f"{who['cloud']}: {who['auth_url']}, project {who['project']}{', admin' if who['admin'] else ''}"
    for kind, things in found.has.items():
        yield f"{kind}:"
        for thing in things:
            rest = ", ".join(
                f"{key} {_text(value)}" for key, value in thing.items() if key != "name" and value
            )
            yield f"  {thing['name']}{f': {rest}' if rest else ''}"
    for kind, why in found.unlisted.items():
        yield f"{kind}: could not be listed: {why}"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _kept(options: argparse.Namespace) -> int:
    from kb_tests.cloud.kept import kept_runs

    if options.renew:
        from kb_tests.session.keeping import renewed_run

        print(renewed_run(options.renew))
        return 0
    kept = list(kept_runs())
    if not kept:
        print("No topology is kept on this machine; --kb-keep and --kb-stage-only leave one.")
    for run in kept:
        until = datetime.fromtimestamp(run.until, UTC).strftime("%Y-%m-%d %H:%M UTC")
        servers = counted(run.servers, "server")
        where = ", ".join(name or "embedded local cloud" for name in run.clouds)
        print(f"{run.run}  {where}  {run.scenario}, {servers}, until {until}")
    return 0
