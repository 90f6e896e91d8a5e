"""`kb cleanup`: remove what runs left on a cloud."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from kb_tests.errors import CloudError
from kb_tests.scenario.units import counted

if TYPE_CHECKING:
    from kb_tests.cloud.connect import Cloud


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Its options."""
    cleanup = commands.add_parser(
        "cleanup",
        help="remove what runs left on a cloud",
        description="Removes what runs left on a cloud. Without --run it takes the runs whose lease has "
        "expired, and no others, so that it may run every night.",
    )
    cleanup.add_argument(
        "--cloud", default="", metavar="NAME", help="cloud of clouds.yaml; default: where --run was made"
    )
    which = cleanup.add_mutually_exclusive_group()
    which.add_argument(
        "--run",
        dest="run_id",
        metavar="ID",
        help="one run, by the id that its record and its resources carry",
    )
    which.add_argument(
        "--expired", action="store_true", help="all runs whose lease has expired (the default)"
    )
    cleanup.add_argument("--force", action="store_true", help="with --run: even if the run is still alive")
    cleanup.add_argument("--dry-run", action="store_true", help="only list what would be removed")
    cleanup.add_argument("--json", action="store_true", help="a JSON object a line, for programs")
    cleanup.set_defaults(run=_cleanup)


def _cleanup(options: argparse.Namespace) -> int:
    from kb_tests.cloud.cleanup import clean, elsewhere
    from kb_tests.cloud.connect import connect

    faults: list[str] = []

    def run(cloud: Cloud, run_id: str | None) -> set[str]:
        """The runs of which something was there."""
        cleaned = clean(cloud, run_id=run_id, force=options.force, dry_run=options.dry_run)
        faults.extend(cleaned.faults)
        if options.json:
            told: list[dict[str, object]] = [{"resource": asdict(resource)} for resource in cleaned.removed]
            told += [{"note": note} for note in cleaned.notes]
            told += [{"fault": fault} for fault in cleaned.faults]
            for one in told:
                print(json.dumps({"cloud": cloud.name} | one), flush=True)
            return {resource.run_id for resource in cleaned.removed}
        for line in (*cleaned.removed, *cleaned.notes):
            print(line)
        done = "would be removed" if options.dry_run else "removed"
        print(f"{counted(len(cleaned.removed), 'resource')} {done} on {cloud.name}", flush=True)
        return {resource.run_id for resource in cleaned.removed}

    place = _place(options)
    if place is not None:
        cloud = connect(*place)
        runs = run(cloud, options.run_id) | ({options.run_id} if options.run_id else set())
        for other in elsewhere(cloud, runs):
            run(connect(other.cloud, other.clouds_yaml or None), other.mark.run_id)
    if options.json:
        print(json.dumps({"ended": int(bool(faults))}), flush=True)
    for fault in faults:
        print(f"kb: {fault}", file=sys.stderr)
    return int(bool(faults))


def _place(options: argparse.Namespace) -> tuple[str, str | Path | None] | None:
    """The cloud that is meant, and its clouds.yaml; None for a run whose embedded cloud has ended, and is
    forgotten with it. Raises CloudError.
    """
    from kb_tests.cloud import embedded
    from kb_tests.cloud.contents import read
    from kb_tests.cloud.journal import path_of

    if options.cloud:
        return options.cloud, None
    if not options.run_id:
        raise CloudError("Which cloud is to be cleaned?", remedy="Name it by --cloud, or a run by --run.")
    path = path_of(options.run_id)
    header = read(path).header
    if not embedded.is_gone(header):
        return header.cloud, header.clouds_yaml or None
    if not options.dry_run:
        embedded.forget(path)
    if not options.json:
        print(f"The embedded local cloud of run {options.run_id} has ended, and with it what was on it.")
    return None
