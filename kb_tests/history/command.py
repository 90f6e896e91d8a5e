"""What `kb runs` prints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from kb_tests.history.summary import Summary
from kb_tests.history.tags import tags_of
from kb_tests.report.printable import printable
from kb_tests.scenario.units import format_duration

_MARKS = {"pass": "P", "fail": "F", "inconclusive": "?", "invalid": "!", "measured": "m", "not_run": "-"}
_MOST = 24


def table(runs: Iterable[Summary]) -> Iterator[str]:
    """A line a run, the columns under each other; of its points a letter each."""
    rows = [("RUN", "OUTCOME", "BEGAN", "TOOK", "CLOUD", "POINTS", "SCENARIOS", "TAGS")]
    for run in runs:
        began = datetime.fromtimestamp(run.started).astimezone()
        marks = "".join(_MARKS.get(outcome, "x") for _, outcome in run.points[:_MOST])
        rows.append(
            (
                run.run,
                run.outcome,
                f"{began:%Y-%m-%d %H:%M}",
                format_duration(round(run.ended - run.started)) if run.ended else "-",
                run.cloud,
                marks + ("…" if len(run.points) > _MOST else ""),
                " ".join(run.scenarios),
                " ".join(tags_of(Path(run.path))),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield printable(
            "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        ).rstrip()


def lines(runs: Iterable[Summary]) -> Iterator[str]:
    """A JSON object a run, for programs."""
    for run in runs:
        yield json.dumps(asdict(run) | {"outcome": run.outcome, "tags": tags_of(Path(run.path))})
