"""Which agents' reports of a point are whole; what is asked of those of either kind of load."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from kb_tests.fleet.messages import LoadReport

TOUCHING = 1e-3
"""Seconds that two neighbouring blocks may lie apart: agents write times with limited digits."""

R = TypeVar("R", bound=LoadReport[Any, Any, Any])
W = TypeVar("W")


def sort_out(
    reports: Sequence[R], clients: int, role: str, read: Callable[[R], W | str]
) -> tuple[list[W], dict[str, str]]:
    """What `read` finds in the whole ones among `reports`; and {agent: why it is missing} for the others.

    `read` gives the reason where a report is not whole. Of `clients` agents, each a `role`, that took part,
    those that sent nothing are missing by number.
    """
    times = Counter(report.agent for report in reports)
    whole: list[W] = []
    missing: dict[str, str] = {}
    for report in reports:
        found = f"it reported {times[report.agent]} times" if times[report.agent] > 1 else read(report)
        if isinstance(found, str):
            missing[report.agent] = found
        else:
            whole.append(found)
    for number in range(len(reports) + 1, clients + 1):
        missing[f"{role} {number} of {clients}"] = "nothing came from it"
    return whole, missing


def unfinished(report: LoadReport[Any, Any, Any]) -> str:
    """Why `report` did not come to its end or mixes commands, in one sentence; empty if it does not."""
    if report.problem:
        return report.problem
    if report.done is None:
        return "its final report is missing"
    commands = {second.id for second in report.seconds} | {block.id for block in report.blocks}
    return "it mixed reports of several commands" if commands - {report.done.id} else ""
