"""Several searches of one capacity in a row, and whether they agree: `python -m tests.openstack.searches`.

Each is a session of its own, on servers of its own. Where the capacity is one, 95 % of their intervals hold
it, so that they all have a load in common but for 5 % a search: they agree if they have one. "At least" is an
interval that nothing bounds from above. An answer without a number neither agrees nor disagrees.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from kb_tests.report.capacity import CapacityRecord, sentences
from kb_tests.report.record import RunRecord
from kb_tests.sla.capacity.model import NUMBERED, End
from tests.openstack.settings import ROOT

SCENARIO = Path(__file__).parent / "search.yaml"

DIFFER, TOO_FEW = 1, 10
"""Exit codes: they do not agree; or fewer than two gave a number."""

BOUNDED = (*NUMBERED, End.AT_LEAST, End.GENERATORS)


def interval(found: CapacityRecord) -> tuple[float, float] | None:
    """What bounds the capacity, of all generators together; None where nothing does."""
    if found.end not in BOUNDED or not found.low:
        return None
    high = found.high if found.end in NUMBERED else math.inf
    return found.low * found.factor, high * found.factor


def agreement(intervals: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """The loads that all of these intervals hold; None where they have none in common."""
    low, high = max(low for low, _ in intervals), min(high for _, high in intervals)
    return (low, high) if low <= high else None


def told(records: Sequence[CapacityRecord | None]) -> tuple[int, list[str]]:
    """The exit code, and a line for each search and one for all of them."""
    lines, numbered = [], []
    for number, found in enumerate(records, 1):
        lines.append(f"search {number}: " + (" ".join(sentences(found)) if found else "it came to no end"))
        if found and (one := interval(found)):
            numbered.append(one)
    if len(numbered) < 2:
        return TOO_FEW, [*lines, f"{len(numbered)} of {len(records)} gave a number: nothing to compare"]
    shown = ", ".join(f"{low:,.0f} to {high:,.0f}" for low, high in numbered).replace("to inf", "up")
    common = agreement(numbered)
    if common is None:
        return DIFFER, [*lines, f"they do NOT agree: no load is in all of {shown}"]
    open_ended = "; none has found where it ends" if math.isinf(common[1]) else ""
    where = f"{common[0]:,.0f} to {common[1]:,.0f}".replace("to inf", "up")
    of = f"({len(numbered)} of {len(records)} have numbers)"
    return 0, [*lines, f"they agree: {where} is in all of {shown} {of}{open_ended}"]


def main(argv: Sequence[str] | None = None) -> int:
    """0 where they agree, 2 where one was interrupted; other options go to pytest."""
    parser = argparse.ArgumentParser(prog="python -m tests.openstack.searches", description=__doc__)
    parser.add_argument("--cloud", default=os.environ.get("KB_CLOUD") or os.environ.get("OS_CLOUD", ""))
    parser.add_argument("--scenario", type=Path, default=SCENARIO)
    parser.add_argument("--searches", type=int, default=3)
    options, rest = parser.parse_known_args(argv)
    if not options.cloud or options.searches < 1:
        parser.error("--cloud NAME of clouds.yaml, and at least one search")
    records = []
    for number in range(1, options.searches + 1):
        folder = ROOT / "reports" / f"searches-{time.strftime('%Y%m%d-%H%M%S')}-{number}"
        command = [sys.executable, "-m", "pytest", str(ROOT / "kb_tests"), "-p", "no:cacheprovider"]
        command += ["--kb-cloud", options.cloud, "--kb-scenario", str(options.scenario)]
        command += ["--kb-reports", str(folder), "--html", str(folder / "report.html"), *rest]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        print(f"search {number} ended with exit code {code}; {folder}", flush=True)
        if code == pytest.ExitCode.INTERRUPTED:
            return int(code)
        records.append(_found(folder))
    code, lines = told(records)
    print("\n".join(lines))
    return code


def _found(folder: Path) -> CapacityRecord | None:
    runs = [RunRecord.model_validate_json(path.read_text()) for path in sorted(folder.glob("*.json"))]
    found = [point.capacity for run in runs for point in run.points if point.capacity]
    return found[0] if found else None


if __name__ == "__main__":
    sys.exit(main())
